"""The tables of a data folder in DuckDB: a view over each one's files, cut to the time range of the query."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpctl.engine.interface import EngineError, TableSchemas, TableStatus, Timespan
from fpctl.engine.local.data_folder import TableFiles, find_tables
from fpctl.engine.local.interrupt import interrupts_raised
from fpctl.engine.local.types import EPOCH, quote_name, quote_text

if TYPE_CHECKING:
    import duckdb

    from fpctl.engine.local.views import TableView

STORED = "stored"
"""The DuckDB schema of the views over whole tables; `main` holds them cut to the time range of the query."""


class StoredTables:
    """The tables; a table's files are looked at when it is named.

    Args:
        data_dir: the folder.
        schemas: documented columns, None for the files' own only.
        connection: returns the connection, or raises that the engine is closed.
        require: makes what SQL calls.
        rows: runs SQL.

    Raises:
        EngineError: `no-data`, there is no such folder.
    """

    def __init__(
        self,
        data_dir: Path,
        schemas: TableSchemas | None,
        connection: Callable[[], duckdb.DuckDBPyConnection],
        require: Callable[[str], None],
        rows: Callable[[str], list[tuple[Any, ...]]],
    ) -> None:
        self._data_dir = data_dir
        self._schemas = schemas
        self._connection = connection
        self._require = require
        self._rows = rows
        self.files = find_tables(data_dir)
        self._views: dict[str, TableView] = {}
        self._shown: dict[str, Timespan | None] = {}
        self._newest_known: dict[str, int | None] = {}

    def names(self) -> list[str]:
        """Return the names of the tables in the folder, sorted."""
        return sorted(self.canonical(name) for name in self.files)

    def canonical(self, name: str) -> str:
        """Return the documented spelling of a file's table name: file systems mix up case, KQL does not."""
        if self._schemas is None or self._schemas.table(name) is not None:
            return name
        folded = name.casefold()
        return next((known for known in self._schemas.tables() if known.casefold() == folded), name)

    def file_of(self, table: str) -> TableFiles | None:
        """Return a table's files, None where the folder has none of that name."""
        files = self.files.get(table)
        if files is not None:
            return files if self.canonical(table) == table else None
        return next((files for name, files in self.files.items() if self.canonical(name) == table), None)

    @interrupts_raised()
    def view(self, table: str) -> TableView:
        """Return the view over a table's files, made when it is first asked for.

        Raises:
            EngineError: `unknown-table`, or its files cannot be read.
        """
        from fpctl.engine.local.views import view_of

        view = self._views.get(table)
        if view is None:
            files = self.file_of(table)
            if files is None:
                raise self.unknown(table)
            documented = self._schemas.table(table) if self._schemas else None
            time_column = self._schemas.time_column(table) if self._schemas and documented else None
            view = view_of(files, documented, time_column, self._connection())
            self._require(view.sql)
            self._connection().execute(f"CREATE VIEW {STORED}.{quote_name(table)} AS {view.sql}")
            self._views[table] = view
        return view

    @interrupts_raised()
    def show(self, view: TableView, timespan: Timespan | None) -> None:
        """Make a table visible to queries, cut to the time range."""
        if view.name in self._shown and self._shown[view.name] == timespan:
            return
        sql = f"SELECT * FROM {STORED}.{quote_name(view.name)}"
        if timespan is not None and view.time_column is not None:
            sql += f" WHERE {_within(view, timespan)}"
        self._connection().execute(f"CREATE OR REPLACE VIEW main.{quote_name(view.name)} AS {sql}")
        self._shown[view.name] = timespan

    @interrupts_raised()
    def status(self, table: str, timespan: Timespan | None) -> TableStatus:
        """Return whether a table is there, and what rows it holds."""
        if self.file_of(table) is None:
            return TableStatus(table, False, 0)
        view = self.view(table)
        source = f"{STORED}.{quote_name(table)}"
        if view.time_column is None:
            sql = f"SELECT count(*), NULL, NULL FROM {source}"
        else:
            column = quote_name(view.time_column)
            if view.time_column in view.in_ticks:
                column = f"kql_moment({column})"
            where = "true" if timespan is None else _within(view, timespan)
            sql = f"SELECT count(*) FILTER (WHERE {where}), min({column}), max({column}) FROM {source}"
        ((count, oldest, newest),) = self._rows(sql)
        return TableStatus(table, True, int(count), _aware(oldest), _aware(newest))

    def unknown(self, name: str, offset: int | None = None, text: str | None = None) -> EngineError:
        """Return the error of a table that the folder lacks, at its place in a text."""
        from fpctl.engine.local.errors import at_offset

        known = self.names()
        near = difflib.get_close_matches(name, known, 1, 0.75)
        empty = self._data_dir / name
        if near:
            hint = f"did you mean {near[0]}?"
        elif empty.is_dir():
            hint = f"{empty} holds no .parquet, .csv or .json file"
        elif known:
            hint = f"tables there: {', '.join(known[:20])}{' ...' if len(known) > 20 else ''}"
        else:
            hint = "the folder holds no .parquet, .csv or .json file"
        place = at_offset(text, offset)
        return EngineError(
            f"there is no table {name} in {self._data_dir}", code="unknown-table", hint=hint, offset=offset, **place
        )

    def newest(self, view: TableView, timespan: Timespan | None) -> int | None:
        """Return the newest time of a table in ticks; None where rows lack it, or finding out costs a reading."""
        files = self.file_of(view.name)
        if files is None or files.format != "parquet" or view.time_column is None or view.time_column in view.in_ticks:
            return None
        if timespan is not None:
            return int(_ticks(timespan.end))
        if view.name not in self._newest_known:
            name = quote_name(view.time_column)
            sql = f"SELECT kql_ticks(max({name})), count(*) - count({name}) FROM {STORED}.{quote_name(view.name)}"
            ((latest, without),) = self._rows(sql)
            self._newest_known[view.name] = latest if without == 0 else None
        return self._newest_known[view.name]


def _within(view: TableView, timespan: Timespan) -> str:
    assert view.time_column is not None
    name = quote_name(view.time_column)
    bound = _ticks if view.time_column in view.in_ticks else _timestamp
    return f"{name} >= {bound(timespan.start)} AND {name} < {bound(timespan.end)}"


def _ticks(moment: datetime) -> str:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return str(EPOCH + (since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds) * 10)


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP {quote_text(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
