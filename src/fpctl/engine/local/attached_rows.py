"""The rows of attached files in DuckDB, each file read once for a connection."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.engine.local.attached import AttachedFiles, external_file, rows_of_external, rows_of_watchlist
from fpctl.engine.local.data_folder import TableFiles
from fpctl.engine.local.interrupt import interrupts_raised
from fpctl.engine.local.prepared import FolderTable
from fpctl.engine.local.types import quote_name

if TYPE_CHECKING:
    import duckdb
    import pyarrow

    from fpctl.compiler.context import Reading


class AttachedRows:
    """Tables made of attached files, as the compiler asks for them.

    Args:
        connection: gives the connection.
        folder: the data folder.
        attached: the files that the settings name.
        file_of: gives the files of a table of the folder.
    """

    def __init__(
        self,
        connection: Callable[[], duckdb.DuckDBPyConnection],
        folder: Path,
        attached: AttachedFiles,
        file_of: Callable[[str], TableFiles | None],
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._attached = attached
        self._file_of = file_of
        self._locates = False
        self._made: dict[tuple[object, ...], FolderTable] = {}

    def watchlist(self, alias: str) -> FolderTable | None:
        """Return a watchlist that is a text file, None where there is none of that name."""
        path = self._attached.watchlists.get(alias)
        if path is None:
            files = self._file_of(alias)
            if files is None or files.format != "csv" or len(files.paths) != 1 or files.paths[0].suffix == ".gz":
                return None
            path = files.paths[0]
        key = ("watchlist", path)
        if key not in self._made:
            rows = rows_of_watchlist(path)
            self._made[key] = self._table(key, rows, rows.column_names, "string")
        return self._made[key]

    def external(self, address: str, reading: Reading) -> FolderTable | None:
        """Return what stands for an address of `externaldata`, None where nothing does."""
        path = external_file(self._folder, self._attached, address)
        if path is None:
            return None
        key = ("external", path, reading)
        if key not in self._made:
            kind = "dynamic" if reading.format in ("json", "multijson") else "string"
            self._made[key] = self._table(key, rows_of_external(path, reading), list(reading.columns), kind)
        return self._made[key]

    @interrupts_raised()
    def locates_addresses(self) -> bool:
        """Return whether there is a database of addresses; its function is made when first asked for."""
        if self._attached.geo is None:
            return False
        if not self._locates:
            from fpctl.compiler.functions.geography import GEO_FUNCTION
            from fpctl.compiler.installation import create_function
            from fpctl.compiler.library import ArrowFunction
            from fpctl.engine.local.geography import address_locator

            located = ArrowFunction(GEO_FUNCTION, ("string",), "string", address_locator(self._attached.geo))
            create_function(self._connection(), located)
            self._locates = True
        return True

    @interrupts_raised()
    def _table(self, key: tuple[object, ...], rows: pyarrow.Table, names: list[str], kind: str) -> FolderTable:
        from fpctl.compiler.sql import Table
        from fpctl.compiler.values.value import HELD_AS, Held

        name = f"fpctl_attached_{sha256(repr(key).encode()).hexdigest()[:16]}"
        sql_names = [f"c{at}" for at in range(len(names))]
        connection = self._connection()
        connection.register("fpctl_incoming", rows.rename_columns(sql_names))
        columns = ", ".join(f"CAST({one} AS {HELD_AS[kind]}) AS {one}" for one in sql_names)
        connection.execute(f"CREATE OR REPLACE TABLE main.{quote_name(name)} AS SELECT {columns} FROM fpctl_incoming")
        connection.unregister("fpctl_incoming")
        held = {one: Held(one, kind, sql) for one, sql in zip(names, sql_names, strict=True)}
        return FolderTable(Table(name, "main"), held, None)
