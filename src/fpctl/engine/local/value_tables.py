"""The tables in DuckDB that hold the long lists of queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fpctl.engine.local.interrupt import interrupts_raised
from fpctl.engine.local.types import quote_name

if TYPE_CHECKING:
    import duckdb

_MOST = 64
"""Tables kept for the next query, which often asks for the same lists."""


class ValueTables:
    """The tables that are there. A table's name identifies its values, so an existing one need not be made again."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    @interrupts_raised()
    def hold(self, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, tuple[str, ...]]) -> None:
        """Make the tables of a query, and let go of others when there are many."""
        import pyarrow

        from fpctl.compiler.membership import LISTED

        if len(self._held | set(tables)) > _MOST:
            for name in sorted(self._held - set(tables)):
                connection.execute(f"DROP TABLE main.{quote_name(name)}")
                self._held.discard(name)
        for name, values in tables.items():
            if name in self._held:
                continue
            connection.register("fpctl_incoming", pyarrow.table({LISTED: pyarrow.array(values, pyarrow.string())}))
            connection.execute(f"CREATE OR REPLACE TABLE main.{quote_name(name)} AS SELECT * FROM fpctl_incoming")
            connection.unregister("fpctl_incoming")
            self._held.add(name)
