"""The tables of a new SQLite history, made by the statements that made the first one.

Alembic takes 30 ms for each new history, and well over a thousand tests begin one. The tests of the migrations
themselves use `migrated`, which is Alembic's way.
"""

from __future__ import annotations

from sqlalchemy import Connection

from fpctl.history import migrate

migrated = migrate.upgrade

_statements: list[str] = []


def upgrade(connection: Connection, version: str = migrate.HEAD) -> None:
    """Bring the schema up to `version`, as `fpctl.history.migrate.upgrade` does."""
    empty = connection.dialect.name == "sqlite" and migrate.current(connection) is None
    if version != migrate.HEAD or not empty or migrate.foreign_tables(connection):
        migrated(connection, version)
    elif _statements:
        for statement in _statements:
            connection.exec_driver_sql(statement)
    else:
        migrated(connection)
        _statements.extend(dumped(connection))


def dumped(connection: Connection) -> list[str]:
    """Return the statements that make a database as it is."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return [one for one in driver.iterdump() if one not in ("BEGIN TRANSACTION;", "COMMIT;")]
