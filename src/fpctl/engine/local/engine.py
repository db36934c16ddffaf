"""The local engine: KQL on Parquet, CSV and JSON Lines files, compiled to SQL and read in place by DuckDB."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
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
from fpctl.engine.local.attached import AttachedFiles
from fpctl.engine.local.connection import open_connection
from fpctl.engine.local.description import DESCRIPTION
from fpctl.engine.local.interrupt import interrupts_raised
from fpctl.engine.local.memory import BESIDE, bytes_of, default_limit
from fpctl.engine.local.scratch import ScratchFolder
from fpctl.engine.local.stored_tables import STORED, StoredTables
from fpctl.engine.local.types import outgoing
from fpctl.engine.local.value_tables import ValueTables

if TYPE_CHECKING:
    import duckdb

    from fpctl.engine.local.prepared import Attached, Folder, Prepared
    from fpctl.engine.local.views import TableView

T = TypeVar("T")

_BATCH = 65_536


class LocalEngine:
    """An engine over a folder of files. One query at a time; further threads wait.

    Args:
        data_dir: the folder with one file or folder per table (see `data_folder`).
        tables: documented columns; a column that a file lacks is read as null, so that a rule that
            names it still runs. None: the files' own columns only.
        now: what `now()` and `ago()` count from, aware; runs with the same `now` give the same rows.
        threads: DuckDB's threads, None for one per core.
        memory: how much a query may hold (`2GB`), None for half of the machine's memory.
        timeout: seconds a query may run, None for no limit.
        attached: files for what rules read from elsewhere.

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
        attached: AttachedFiles | None = None,
    ) -> None:
        if now.tzinfo is None:
            raise ValueError("now must be an aware datetime")
        self.data_dir = data_dir
        self.now = now.astimezone(UTC)
        self.timeout = timeout
        memory = memory or default_limit()
        limit = None if memory is None else bytes_of(memory)
        self._memory = None if limit is None else limit + BESIDE
        self._tables = StoredTables(data_dir, tables, self._open, self._require, self._rows)
        self._values = ValueTables()
        self._attached = AttachedFiles() if attached is None else attached
        self._attached_rows: Attached | None = None
        self._lock = threading.RLock()
        self._scratch = ScratchFolder()
        self._connection: duckdb.DuckDBPyConnection | None = None
        try:
            from fpctl.compiler.installation import Library

            self._connection = open_connection(
                data_dir, self._tables.files.values(), self._scratch.path, threads=threads, memory=memory
            )
            self._connection.execute(f"CREATE SCHEMA {STORED}")
            self._library = Library(self._connection)
        except BaseException:
            self._scratch.remove()
            raise

    # ------------------------------------------------------------------ the Engine interface

    def query(self, text: str, timespan: Timespan | None = None) -> Table:
        """Run one KQL query.

        `statistics` of the answer: `seconds`; `missing_columns` (table -> documented columns that the
        query names and the files lack); `without_time` (tables that a time range could not be applied
        to); `notes` (what was taken for something else).

        Args:
            text: one query.
            timespan: a range applied to every table's time column, in addition to the query's own.

        Raises:
            EngineError: see `ErrorCode`; `offset` and `at` are places in `text`.
        """
        with self._lock:
            return self._run(self._prepared(text, self._folder(timespan)), timespan)

    def query_many(self, texts: Sequence[str], timespan: Timespan | None = None) -> list[Table | EngineError]:
        """Run several queries on the one connection; a failure is a value in its place.

        Rows that several of them begin with, and ask the same long lists about, are read once.
        """
        with self._lock:
            folder = self._folder(timespan)
            prepared: list[Prepared | EngineError] = []
            for text in texts:
                try:
                    prepared.append(self._prepared(text, folder))
                except EngineError as error:
                    prepared.append(error)
            answers = self._run_together([one for one in prepared if not isinstance(one, EngineError)], timespan)
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

    def _folder(self, timespan: Timespan | None) -> Folder:
        from fpctl.engine.local.prepared import Folder

        def shown(name: str) -> TableView:
            view = self._tables.view(name)
            self._tables.show(view, timespan)
            return view

        if self._attached_rows is None:
            from fpctl.engine.local.attached_rows import AttachedRows

            self._attached_rows = AttachedRows(self._open, self.data_dir, self._attached, self._tables.file_of)
        return Folder(
            self.tables(), shown, self._asked, lambda view: self._tables.newest(view, timespan), self._attached_rows
        )

    def _prepared(self, text: str, folder: Folder) -> Prepared:
        from fpctl.engine.local.prepared import prepared

        return prepared(text, folder, self.now, self._tables.unknown)

    def _asked(self, sql: str, lists: Mapping[str, tuple[str, ...]]) -> list[tuple[Any, ...]]:
        """Return the rows of a query that a compilation has to ask of the data."""
        self._values.hold(self._open(), lists)
        return self._rows(sql)

    def _run(self, prepared: Prepared, timespan: Timespan | None) -> Table:
        started = time.perf_counter()
        for view in prepared.views.values():
            self._tables.show(view, timespan)
        self._values.hold(self._open(), prepared.compiled.lists)
        table = self._fetch(prepared.compiled.sql, prepared)
        return self._told(table, prepared, timespan, started)

    def _told(self, table: Table, prepared: Prepared, timespan: Timespan | None, started: float) -> Table:
        """Return an answer with its statistics."""
        views = prepared.views
        statistics: dict[str, Any] = {"seconds": time.perf_counter() - started}
        missing = {name: words for name, view in views.items() if (words := prepared.words_of(view.missing))}
        if missing:
            statistics["missing_columns"] = missing
        if timespan is not None:
            statistics["without_time"] = [name for name, view in views.items() if view.time_column is None]
        if prepared.compiled.notes:
            statistics["notes"] = list(prepared.compiled.notes)
        return Table(table.columns, table.rows, None, statistics)

    def _run_together(
        self, prepared: Sequence[Prepared], timespan: Timespan | None
    ) -> dict[Prepared, Table | EngineError]:
        """Return the answers of queries that share rows; what cannot be had that way is not among them."""
        from fpctl.engine.local.shared_rows import MOST_ROWS, TABLE, shared_rows

        if len(prepared) < 2:
            return {}
        views = {name: view for one in prepared for name, view in one.views.items()}
        columns = frozenset(view.held_as.get(name, name) for view in views.values() for name in view.columns)
        shared = shared_rows([one.compiled.tree for one in prepared], columns)
        if shared is None:
            return {}
        for view in views.values():
            self._tables.show(view, timespan)
        connection = self._open()
        self._values.hold(connection, {name: rows for one in prepared for name, rows in one.compiled.lists.items()})
        answers: dict[Prepared, Table | EngineError] = {}
        try:
            making = f"CREATE OR REPLACE TEMP TABLE {TABLE} AS {shared.rows}"
            self._require(making)
            self._guarded(lambda: connection.execute(making), prepared[0])
            ((count,),) = connection.sql(f"SELECT count(*) FROM {TABLE}").fetchall()
            for one, sql in zip(prepared, shared.queries, strict=True) if count <= MOST_ROWS else ():
                started = time.perf_counter()
                answers[one] = self._told(self._fetch(sql, one), one, timespan, started)
        except EngineError as error:
            if error.code in ("timeout", "interrupted"):
                answers |= {one: error for one in prepared if one not in answers}
            # The query on its own meets anything else again, and reports it better.
        finally:
            with interrupts_raised():
                connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        return answers

    def tables(self) -> list[str]:
        """Return the names of the tables in the folder, sorted."""
        return self._tables.names()

    def columns(self, table: str) -> Mapping[str, str] | None:
        """Return a table's columns with Kusto types, documented ones that its files lack included."""
        with self._lock:
            return self._tables.view(table).columns if self._tables.file_of(table) else None

    def missing_columns(self, table: str) -> frozenset[str]:
        """Return the documented columns that a table's files lack."""
        with self._lock:
            return self._tables.view(table).missing if self._tables.file_of(table) else frozenset()

    def stored_columns(self, table: str) -> Mapping[str, str] | None:
        """Return the columns that a table's files have, without documented ones that they lack."""
        columns, missing = self.columns(table), self.missing_columns(table)
        return None if columns is None else {name: kind for name, kind in columns.items() if name not in missing}

    def connectors(self) -> Mapping[str, bool] | None:
        """Return the data connectors: files have none."""
        return None

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
            return [self._tables.status(name, timespan) for name in tables]

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
            self._scratch.remove()

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ running

    def _fetch(self, sql: str, prepared: Prepared) -> Table:
        from fpctl.engine.local.arrow_rows import ArrowRows
        from fpctl.engine.local.batches import collected

        connection = self._open()
        self._require(sql)

        def work() -> Table:
            reader = connection.sql(sql).to_arrow_reader(_BATCH)
            rows = collected(_told_faults(reader), reader.schema, self._scratch.path)
            made = prepared.compiled.columns
            columns = tuple(ResultColumn(one.name, one.type) for one in made)
            return Table(columns, ArrowRows(rows, [outgoing(one.type, is_moment=one.is_moment) for one in made]))

        return self._guarded(work, prepared)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        self._require(sql)
        return self._guarded(lambda: self._open().sql(sql).fetchall(), None)

    @interrupts_raised()
    def _require(self, sql: str) -> None:
        self._open()
        self._library.require(sql)

    def _guarded(self, work: Callable[[], T], prepared: Prepared | None) -> T:
        import duckdb

        from fpctl.engine.local.errors import run_error
        from fpctl.engine.local.interrupt import run_interruptibly

        try:
            return run_interruptibly(self._open(), work, self.timeout, self._memory)
        except (duckdb.Error, RecursionError) as error:
            raise run_error(error, prepared.text if prepared is not None else None) from error

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise EngineError("the engine is closed", code="closed")
        return self._connection


def _told_faults(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield batches; what DuckDB complains of after the first one reaches Arrow as an OSError."""
    import duckdb

    remaining = iter(batches)
    while True:
        try:
            batch = next(remaining)
        except StopIteration:
            return
        except OSError as error:
            message = str(error)
            kind = duckdb.InterruptException if "INTERRUPT" in message else duckdb.InvalidInputException
            raise kind(message) from error
        yield batch
