"""The schema's versions: what a store has, and how to bring it to what this fpctl knows.

The migrations are part of the package and run in the caller's transaction, so a store is at one
version or at another, never between two. Alembic is loaded only when there is something to do.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0006"
"""The newest version this fpctl knows; a test compares it with the migrations."""

VERSION_TABLE = "fpctl_schema"
"""Where the version is stored: a name of our own, since a team may keep other things in its database."""

_KNOWN = frozenset({"0001", "0002", "0003", "0004", "0005", "0006"})


def current(connection: Connection) -> str | None:
    """Return the version of the schema, or None where fpctl has made none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()


def is_known(version: str) -> bool:
    """Return whether this fpctl has the migration `version`."""
    return version in _KNOWN


def foreign_tables(connection: Connection) -> list[str]:
    """Return the tables that are there beside the version's: in a store without a version, not ours."""
    return sorted(name for name in inspect(connection).get_table_names() if name != VERSION_TABLE)


def upgrade(connection: Connection, version: str = HEAD) -> None:
    """Bring the schema up to `version`, in the connection's transaction."""
    from alembic import command

    command.upgrade(configuration(connection), version)


def downgrade(connection: Connection, version: str) -> None:
    """Bring the schema down to `version` (`base`: no tables), in the connection's transaction."""
    from alembic import command

    command.downgrade(configuration(connection), version)


def configuration(connection: Connection) -> Config:
    """Return Alembic's settings: the package's migrations, this connection, and nothing printed."""
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    # Alembic's settings go through configparser, to which % means something.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
