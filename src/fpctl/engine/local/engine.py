"""The local engine: KQL on Parquet, CSV and JSON Lines files, read in place by DuckDB through duckdb-kql."""

from __future__ import annotations

import difflib
import fnmatch
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from fpctl.engine.interface import (
    EngineDescription,
    EngineError,
    EngineSchema,
    ResultColumn,
    Table,
    TableSchemas,
    TableStatus,
    Timespan,
    no_progress,
)
from fpctl.engine.local.connection import open_connection
from fpctl.engine.local.data_folder import TableFiles, find_tables
from fpctl.engine.local.description import DESCRIPTION
from fpctl.engine.local.interrupt import interrupts_raised
from fpctl.engine.local.types import outgoing, quote_name, quote_text
from fpctl.engine.local.value_tables import ValueTables

if TYPE_CHECKING:
    import duckdb

    from fpctl.engine.local.transpile import LoweredQuery
    from fpctl.engine.local.views import TableView

T = TypeVar("T")

_WORD = re.compile(r"\w+")
_PATTERN = re.compile(r"\w*\*[\w*]*")
_STORED = "stored"
"""The DuckDB schema of the views over whole tables; `main` holds them cut to the time range of the query."""
_BATCH = 65_536


class LocalEngine:
    """An engine over a folder of files. One query at a time; further threads wait.

    Args:
        data_dir: the folder with one file or folder per table (see `data_folder`).
        tables: documented columns; a column that a file lacks is read as null, so that a rule that
            names it still runs. None: the files' own columns only.
        now: what `now()` and `ago()` count from, aware; runs with the same `now` give the same rows.
        threads: DuckDB's threads, None for one per core.
        memory: DuckDB's memory limit (`2GB`), None for 80 % of the machine's.
        timeout: seconds a query may run, None for no limit.

    Raises:
        EngineError: `no-data`, there is no such folder; `engine`, a bad limit.
    """

    name = DESCRIPTION.name
    description: EngineDescription = DESCRIPTION
    concurrency: int = 1

    def __init__(
        self,
        data_dir: Path,
        *,
        now: datetime,
        tables: TableSchemas | None = None,
        threads: int | None = None,
        memory: str | None = None,
        timeout: float | None = None,
    ) -> None:
        if now.tzinfo is None:
            raise ValueError("now must be an aware datetime")
        self.data_dir = data_dir
        self.now = now.astimezone(UTC)
        self.timeout = timeout
        self._schemas = tables
        self._files = find_tables(data_dir)
        self._views: dict[str, TableView] = {}
        self._shown: dict[str, tuple[Timespan | None, tuple[tuple[str, str], ...]]] = {}
        self._values = ValueTables()
        self._newest_known: dict[tuple[str, str], datetime | None] = {}
        self._lock = threading.RLock()
        self._spill = tempfile.TemporaryDirectory(prefix="fpctl-", ignore_cleanup_errors=True)
        self._connection: duckdb.DuckDBPyConnection | None = None
        try:
            self._connection = open_connection(
                data_dir, self._files.values(), Path(self._spill.name), threads=threads, memory=memory
            )
            self._connection.execute(f"CREATE SCHEMA {_STORED}")
        except BaseException:
            self._spill.cleanup()
            raise

    # ------------------------------------------------------------------ the Engine interface

    def query(self, text: str, timespan: Timespan | None = None) -> Table:
        """Run one KQL query.

        `statistics` of the answer: `seconds`; `missing_columns` (table -> documented columns that the
        query names and the files lack); `without_time` (tables that a time range could not be applied
        to); `lowered` (what was rewritten because duckdb-kql has it under no name).

        Args:
            text: one query.
            timespan: a range applied to every table's time column, in addition to the query's own.

        Raises:
            EngineError: see `ErrorCode`; `offset` and `at` are places in `text`.
        """
        with self._lock:
            return self._run(self._prepared(text, timespan), timespan)

    def query_many(self, texts: Sequence[str], timespan: Timespan | None = None) -> list[Table | EngineError]:
        """Run several queries on the one connection; a failure is a value in its place.

        Rows that several of them begin with, and ask the same long lists about, are read once.
        """
        with self._lock:
            prepared: list[_Prepared | EngineError] = []
            for text in texts:
                try:
                    prepared.append(self._prepared(text, timespan))
                except EngineError as error:
                    prepared.append(error)
            answers = self._run_together([one for one in prepared if isinstance(one, _Prepared)], timespan)
            found: list[Table | EngineError] = []
            for one in prepared:
                if isinstance(one, EngineError):
                    found.append(one)
                    continue
                answer = answers.get(one)
                try:
                    found.append(self._run(one, timespan) if answer is None else answer)
                except EngineError as error:
                    found.append(error)
            return found

    def _prepared(self, text: str, timespan: Timespan | None) -> _Prepared:
        from fpctl.engine.local.transpile import lower

        views = {name: self._view(name) for name in self._named_tables(text)}
        times = {name: view.time_column for name, view in views.items() if view.time_column}
        return _Prepared(lower(text, _Known(views), time_columns=times, newest=self._newest(timespan)), views)

    def _run(self, prepared: _Prepared, timespan: Timespan | None) -> Table:
        from fpctl.engine.local.transpile import with_repeats_shared

        started = time.perf_counter()
        lowered, views = with_repeats_shared(prepared.lowered), prepared.views
        self._show(views.values(), timespan, lowered)
        self._values.hold(self._open(), lowered.value_tables)
        sql, parameters = self._translate(lowered, views)
        table = self._fetch(sql, parameters, lowered)
        return self._told(table, prepared, timespan, started)

    def _told(self, table: Table, prepared: _Prepared, timespan: Timespan | None, started: float) -> Table:
        """Return an answer with its statistics."""
        lowered, views = prepared.lowered, prepared.views
        words = {lowered.spellings.get(word, word) for word in _WORD.findall(lowered.text)}
        statistics: dict[str, Any] = {"seconds": time.perf_counter() - started}
        missing = {name: sorted(view.missing & words) for name, view in views.items() if view.missing & words}
        if missing:
            statistics["missing_columns"] = missing
        if timespan is not None:
            statistics["without_time"] = [name for name, view in views.items() if view.time_column is None]
        if lowered.notes:
            statistics["lowered"] = list(lowered.notes)
        return Table(table.columns, table.rows, None, statistics)

    def _run_together(
        self, prepared: Sequence[_Prepared], timespan: Timespan | None
    ) -> dict[_Prepared, Table | EngineError]:
        """Return the answers of queries that share rows; what cannot be had that way is not among them."""
        from fpctl.engine.local.shared_rows import MOST_ROWS, TABLE, shared_rows
        from fpctl.engine.local.transpile import with_repeats_shared
        from fpctl.engine.local.transpile.spellings import renamed_environment

        if len(prepared) < 2:
            return {}
        views = {name: view for one in prepared for name, view in one.views.items()}
        first = prepared[0].lowered
        shared = shared_rows([one.lowered for one in prepared], renamed_environment(_Known(views), first.spellings))
        if shared is None:
            return {}
        lists = {name: values for one in prepared for name, values in one.lowered.value_tables.items()}
        self._show(views.values(), timespan, first)
        self._values.hold(self._open(), lists)
        connection = self._open()
        answers: dict[_Prepared, Table | EngineError] = {}
        try:
            limited = f"{shared.rows}\n| take {MOST_ROWS + 1}"
            rows = with_repeats_shared(replace(first, text=limited, value_tables=lists))
            sql, parameters = self._translate(rows, views)
            making = f"CREATE OR REPLACE TEMP TABLE {TABLE} AS {sql}"
            self._guarded(lambda: connection.execute(making, parameters), rows)
            ((count,),) = connection.sql(f"SELECT count(*) FROM {TABLE}").fetchall()
            for one, text in zip(prepared, shared.queries, strict=True) if count <= MOST_ROWS else ():
                started = time.perf_counter()
                lowered = with_repeats_shared(replace(one.lowered, text=text))
                sql, parameters = self._translate(lowered, views, {TABLE: shared.columns})
                answers[one] = self._told(self._fetch(sql, parameters, lowered), one, timespan, started)
        except EngineError as error:
            if error.code in ("timeout", "interrupted"):
                answers |= {one: error for one in prepared if one not in answers}
            # Anything else is met again, and told better, by the query on its own.
        finally:
            with interrupts_raised():
                connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        return answers

    def tables(self) -> list[str]:
        """Return the names of the tables in the folder, sorted."""
        return sorted(self._canonical(name) for name in self._files)

    def columns(self, table: str) -> Mapping[str, str] | None:
        """Return a table's columns with Kusto types, documented ones that its files lack included."""
        with self._lock:
            return self._view(table).columns if self._file_of(table) else None

    def missing_columns(self, table: str) -> frozenset[str]:
        """Return the documented columns that a table's files lack."""
        with self._lock:
            return self._view(table).missing if self._file_of(table) else frozenset()

    def stored_columns(self, table: str) -> Mapping[str, str] | None:
        """Return the columns that a table's files have, without documented ones that they lack."""
        columns, missing = self.columns(table), self.missing_columns(table)
        return None if columns is None else {name: kind for name, kind in columns.items() if name not in missing}

    def schema(self, progress: Callable[[int, int], None] = no_progress) -> EngineSchema:
        """Return the tables with the columns that their files have; there are no saved functions."""
        names = self.tables()
        found: dict[str, Mapping[str, str]] = {}
        for done, name in enumerate(names, 1):
            found[name] = self.stored_columns(name) or {}
            progress(done, len(names))
        return EngineSchema(found, {})

    def preflight(self, tables: Sequence[str], timespan: Timespan | None = None) -> list[TableStatus]:
        """Return of each table whether it is there and what rows it holds, in the order given."""
        with self._lock:
            return [self._status(name, timespan) for name in tables]

    def interrupt(self) -> None:
        """Stop the running query, from any thread; its caller gets an EngineError `interrupted`."""
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def close(self) -> None:
        """Close the connection and remove temporary files."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._spill.cleanup()

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ tables

    def _canonical(self, name: str) -> str:
        """Return the documented spelling of a file's table name: file systems mix up case, KQL does not."""
        if self._schemas is None or self._schemas.table(name) is not None:
            return name
        folded = name.casefold()
        return next((known for known in self._schemas.tables() if known.casefold() == folded), name)

    def _file_of(self, table: str) -> TableFiles | None:
        files = self._files.get(table)
        if files is not None:
            return files if self._canonical(table) == table else None
        return next((files for name, files in self._files.items() if self._canonical(name) == table), None)

    def _named_tables(self, text: str) -> list[str]:
        """Return the tables of the folder that a query may read: the words and `Device*` patterns in its text."""
        patterns: list[str] = []
        if "*" in text:
            words = {word for word in text.split() if "*" in word}
            patterns = [pattern for word in words for pattern in _PATTERN.findall(word) if pattern.strip("*")]
        every = any(word in text for word in ("search", "find", "union")) and bool(
            re.search(r"\b(?:search|find)\b|\bunion\b[^|]*\*", text)
        )
        return [
            name
            for name in self.tables()
            if every
            or re.search(rf"\b{re.escape(name)}\b", text)
            or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        ]

    @interrupts_raised()
    def _view(self, table: str) -> TableView:
        from fpctl.engine.local.views import view_of

        view = self._views.get(table)
        if view is None:
            files = self._file_of(table)
            if files is None:
                raise self._unknown_table(table)
            documented = self._schemas.table(table) if self._schemas else None
            time_column = self._schemas.time_column(table) if self._schemas and documented else None
            view = view_of(files, documented, time_column, self._open())
            self._open().execute(f"CREATE VIEW {_STORED}.{quote_name(table)} AS {view.sql}")
            self._views[table] = view
        return view

    @interrupts_raised()
    def _show(self, views: Iterable[TableView], timespan: Timespan | None, lowered: LoweredQuery) -> None:
        """Make the tables visible to the query: cut to the time range, clashing names as the lowered text has them."""
        spelled = {users: name for name, users in lowered.spellings.items()}
        for view in views:
            names = [(view.held_as.get(name, name), spelled.get(name, name)) for name in view.columns]
            renamed = tuple((held, shown) for held, shown in names if held != shown)
            if self._shown.get(view.name) == (timespan, renamed):
                continue
            columns = "*"
            if renamed:
                columns += f" RENAME ({', '.join(f'{quote_name(old)} AS {quote_name(new)}' for old, new in renamed)})"
            sql = f"SELECT {columns} FROM {_STORED}.{quote_name(view.name)}"
            if timespan is not None and view.time_column is not None:
                sql += f" WHERE {_within(view.time_column, timespan)}"
            self._open().execute(f"CREATE OR REPLACE VIEW main.{quote_name(view.name)} AS {sql}")
            self._shown[view.name] = (timespan, renamed)

    def _newest(self, timespan: Timespan | None) -> Callable[[str, str], datetime | None]:
        """Return what tells the newest time in a column; None where rows lack it, or finding out costs a reading."""

        def newest(table: str, column: str) -> datetime | None:
            view, files = self._views.get(table), self._file_of(table)
            if view is None or files is None or files.format != "parquet":
                return None
            if timespan is not None and column == view.time_column:
                return timespan.end
            key = (table, column)
            if key not in self._newest_known:
                name = quote_name(view.held_as.get(column, column))
                sql = f"SELECT max({name}), count(*) - count({name}) FROM {_STORED}.{quote_name(table)}"
                ((latest, without),) = self._guarded(lambda: self._open().sql(sql).fetchall(), None)
                self._newest_known[key] = _aware(latest) if without == 0 else None
            return self._newest_known[key]

        return newest

    @interrupts_raised()
    def _status(self, table: str, timespan: Timespan | None) -> TableStatus:
        if self._file_of(table) is None:
            return TableStatus(table, False, 0)
        view = self._view(table)
        source = f"{_STORED}.{quote_name(table)}"
        if view.time_column is None:
            sql = f"SELECT count(*), NULL, NULL FROM {source}"
        else:
            column = quote_name(view.time_column)
            where = "true" if timespan is None else _within(view.time_column, timespan)
            sql = f"SELECT count(*) FILTER (WHERE {where}), min({column}), max({column}) FROM {source}"
        rows = self._guarded(lambda: self._open().sql(sql).fetchall(), None)
        count, oldest, newest = rows[0]
        return TableStatus(table, True, int(count), _aware(oldest), _aware(newest))

    def _unknown_table(self, name: str, offset: int | None = None, text: str | None = None) -> EngineError:
        from fpctl.engine.local.errors import at_offset

        known = self.tables()
        near = difflib.get_close_matches(name, known, 1, 0.75)
        empty = self.data_dir / name
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
            f"there is no table {name} in {self.data_dir}", code="unknown-table", hint=hint, offset=offset, **place
        )

    # ------------------------------------------------------------------ running

    def _translate(
        self,
        lowered: LoweredQuery,
        views: Mapping[str, TableView],
        further: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> tuple[str, dict[str, Any]]:
        from fpctl.engine.local.transpile.spellings import renamed_environment
        from fpctl.engine.local.transpile.sql_keys import with_keys_put_in, with_sql_keys

        if further:
            return self._translated(lowered, views, further)
        keyed = with_sql_keys(lowered, renamed_environment(_Known(views), lowered.spellings))
        sql, parameters = self._translated(keyed.lowered, views, further)
        told = with_keys_put_in(sql, keyed)
        return self._translated(lowered, views, further) if told is None else (told, parameters)

    def _translated(
        self, lowered: LoweredQuery, views: Mapping[str, TableView], further: Mapping[str, Sequence[str]]
    ) -> tuple[str, dict[str, Any]]:
        import duckdb_kql

        from fpctl.engine.local.errors import translation_error
        from fpctl.engine.local.transpile.value_lists import COLUMN

        spelled = {users: name for name, users in lowered.spellings.items()}
        schema = {name: [spelled.get(column, column) for column in view.columns] for name, view in views.items()}
        schema |= {name: [COLUMN] for name in lowered.value_tables}
        schema |= {name: list(columns) for name, columns in further.items()}
        try:
            result = duckdb_kql.to_sql(lowered.text, schema=schema, allow_write=False, query_now=self.now)
        except (duckdb_kql.KqlError, RecursionError, ValueError) as error:
            raise translation_error(error, lowered, self._unknown_table) from error
        if result.unbound:
            raise EngineError(
                f"the query declares parameters without a value: {', '.join(result.unbound)}",
                code="unsupported",
                hint="give each parameter of declare query_parameters a default",
            )
        return str(result), dict(result.parameters)

    def _fetch(self, sql: str, parameters: dict[str, Any], lowered: LoweredQuery) -> Table:
        from fpctl.engine.local.arrow_rows import ArrowRows
        from fpctl.engine.local.batches import collected

        connection = self._open()

        def work() -> Table:
            relation = connection.sql(sql, params=parameters) if parameters else connection.sql(sql)
            ways = [outgoing(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
            if any(way.sql for way in ways):
                shown = [
                    f"{way.sql or quote_name(name)} AS {quote_name(name)}"
                    for name, way in zip(relation.columns, ways, strict=True)
                ]
                relation = relation.project(", ".join(shown))
            reader = relation.to_arrow_reader(_BATCH)
            rows = collected(reader, reader.schema, Path(self._spill.name))
            columns = tuple(
                ResultColumn(lowered.restored(name), way.type) for name, way in zip(relation.columns, ways, strict=True)
            )
            return Table(columns, ArrowRows(rows, [way.convert for way in ways]))

        return self._guarded(work, lowered)

    def _guarded(self, work: Callable[[], T], lowered: LoweredQuery | None) -> T:
        import duckdb

        from fpctl.engine.local.errors import run_error
        from fpctl.engine.local.interrupt import run_interruptibly

        try:
            return run_interruptibly(self._open(), work, self.timeout)
        except (duckdb.Error, RecursionError) as error:
            columns = sorted({name for view in self._views.values() for name in view.columns})
            raise run_error(error, lowered, columns, self._unknown_table) from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise EngineError("the engine is closed", code="closed")
        return self._connection


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A query ready to run, and the tables that it may read."""

    lowered: LoweredQuery
    views: Mapping[str, TableView]


class _Known:
    """The folder's tables as the environment that a column analysis asks."""

    def __init__(self, views: Mapping[str, TableView]) -> None:
        self._views = views

    def table(self, name: str) -> Mapping[str, str] | None:
        view = self._views.get(name)
        return view.columns if view else None

    def tables(self) -> Iterable[str]:
        return sorted(self._views)

    def function(self, name: str) -> None:
        return None


def _within(column: str, timespan: Timespan) -> str:
    name = quote_name(column)
    return f"{name} >= {_timestamp(timespan.start)} AND {name} < {_timestamp(timespan.end)}"


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP {quote_text(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
