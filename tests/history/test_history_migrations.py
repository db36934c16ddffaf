"""Migrations: they make what the tables say, go down again, and never stop half way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, create_engine, inspect

import new_histories
from fpctl.errors import FpctlError
from fpctl.history import migrate
from fpctl.history.history import History
from fpctl.history.tables import HistoryTable


@pytest.fixture(autouse=True)
def _by_alembic(monkeypatch):
    monkeypatch.setattr(migrate, "upgrade", new_histories.migrated)


@pytest.fixture
def connection(location):
    url = location if isinstance(location, str) else f"sqlite:///{location}"
    if not isinstance(location, str):
        location.parent.mkdir()
    engine = create_engine(url)
    with engine.begin() as opened:
        yield opened
    engine.dispose()


def checks(connection: Connection) -> dict[str, set[str | None]]:
    inspector = inspect(connection)
    return {
        table: {check["name"] for check in inspector.get_check_constraints(table)}
        for table in inspector.get_table_names()
        if table != migrate.VERSION_TABLE
    }


def test_the_migrations_make_what_the_tables_say(connection):
    migrate.upgrade(connection)
    options = {"compare_type": True, "version_table": migrate.VERSION_TABLE}
    context = MigrationContext.configure(connection, opts=options)
    assert compare_metadata(context, HistoryTable.metadata) == []
    assert checks(connection) == {
        table.name: {str(part.name) for part in table.constraints if isinstance(part, CheckConstraint)}
        for table in HistoryTable.metadata.sorted_tables
    }


def test_the_histories_of_the_other_tests_are_what_the_migrations_make(tmp_path):
    made = []
    for upgrade in (new_histories.migrated, new_histories.upgrade, new_histories.upgrade):
        engine = create_engine(f"sqlite:///{tmp_path / f'{len(made)}.db'}")
        with engine.begin() as opened:
            upgrade(opened)
            made.append(new_histories.dumped(opened))
        engine.dispose()
    assert made[0] == made[1] == made[2]


def test_head_and_the_known_versions_are_those_of_the_migrations(connection):
    scripts = ScriptDirectory.from_config(migrate.configuration(connection))
    assert scripts.get_heads() == [migrate.HEAD]
    assert all(migrate.is_known(script.revision) for script in scripts.walk_revisions())
    assert not migrate.is_known("9999")


def test_each_migration_goes_down_and_up_again(connection):
    scripts = ScriptDirectory.from_config(migrate.configuration(connection))
    versions = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    for version in versions:
        migrate.upgrade(connection, version)
        assert migrate.current(connection) == version
    before = checks(connection)
    for version in [*reversed(versions[:-1]), "base"]:
        migrate.downgrade(connection, version)
        assert migrate.current(connection) == (None if version == "base" else version)
    assert inspect(connection).get_table_names() == [migrate.VERSION_TABLE]
    migrate.upgrade(connection)
    assert checks(connection) == before


def test_a_history_taken_down_to_nothing_is_made_anew(database, make_run):
    History.open(database).close()
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        migrate.downgrade(connection, "base")
    engine.dispose()
    with History.open(database) as history:
        assert history.record_run(make_run()) == 1


def test_a_migration_that_fails_half_way_leaves_the_store_as_it_was(database, make_run, monkeypatch):
    def half(connection):
        connection.exec_driver_sql("CREATE TABLE run (id INTEGER)")
        connection.exec_driver_sql("CREATE TABLE run (id INTEGER)")

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "upgrade", half)
        with pytest.raises(FpctlError, match="table run already exists"):
            History.open(database)
    with closing(sqlite3.connect(database)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    with History.open(database) as history:
        assert history.record_run(make_run()) == 1


def test_migrating_prints_nothing(database, capfd):
    History.open(database).close()
    assert capfd.readouterr() == ("", "")


def test_a_history_that_is_up_to_date_is_opened_without_alembic(database, monkeypatch):
    History.open(database).close()
    monkeypatch.setattr(migrate, "configuration", lambda connection: pytest.fail("alembic was asked"))
    History.open(database).close()


def test_the_migrations_are_in_the_package():
    assert import_module("fpctl.history.migrations.versions.0001_runs_and_hits").revision == "0001"
