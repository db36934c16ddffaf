"""What the engines of Microsoft's services have in common: bounded attempts, several queries at once, table facts."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from fpctl.engine.interface import (
    EngineDescription,
    EngineError,
    EngineSchema,
    Table,
    TableStatus,
    Timespan,
    no_progress,
)
from fpctl.engine.remote.bounded_map import bounded_map
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.deadline import DeadlineExceeded, call_within
from fpctl.engine.remote.decode import bad_response, kusto_type, only_row
from fpctl.engine.remote.endpoint import Endpoint
from fpctl.engine.remote.pause import EnginePause
from fpctl.engine.remote.request_settings import RequestSettings
from fpctl.engine.remote.retry import RequestFailure, Retrier, RetryPolicy
from fpctl.kql.literals import bracket_name, datetime_literal

T = TypeVar("T")

READ_MARGIN = 20.0
"""Seconds that the client waits longer than the service's own time limit, so that the service's word comes first."""
DOWNLOAD = 120.0
"""Seconds more for a large answer to arrive in."""
TIME_COLUMNS = ("Timestamp", "TimeGenerated")
"""Names of the event time, the first that a table has: Defender XDR's, and Log Analytics'."""


def refuse_anonymous(source: TokenSource, place: Endpoint) -> None:
    """Refuse to ask a service without saying who asks.

    Raises:
        EngineError: `settings`.
    """
    if source.anonymous and not place.loopback:
        raise EngineError(
            "the credential `none` is for servers on this machine",
            code="settings",
            hint="set `credential` to who asks this service, such as cli or managed-identity",
        )


def check_settings(source: TokenSource, place: Endpoint, timeout: float, longest: float) -> None:
    """Refuse what no engine of a service may be set to.

    Args:
        place: where the service is.
        timeout: seconds the service may run a query.
        longest: seconds that it ever lets one run.

    Raises:
        EngineError: `settings`.
    """
    if not 1 <= timeout <= longest:
        raise EngineError(f"timeout must be 1 to {longest} seconds, not {timeout:g}", code="settings")
    refuse_anonymous(source, place)


def concurrency_of(requests: RequestSettings, default: int) -> int:
    """Return how many requests may be in flight at once; 0 was asked for by name, and is refused later."""
    return default if requests.concurrency is None else requests.concurrency


class RemoteEngine(ABC):
    """An engine behind HTTP.

    Args:
        source: gives tokens.
        timeout: seconds the service may run a query.
        concurrency: requests in flight at once, whichever threads they come from.
        requests: how they are made; its `timeout` and `concurrency` are resolved by the engine.
    """

    name: str
    description: EngineDescription
    service: str
    """The service's name in messages."""

    def __init__(
        self,
        source: TokenSource,
        *,
        timeout: float,
        concurrency: int,
        requests: RequestSettings,
    ) -> None:
        quiet = logging.getLogger("azure")
        if not quiet.handlers:
            # What a client warns of is in the error; without any handler Python would print it as well.
            quiet.addHandler(logging.NullHandler())
        if concurrency < 1:
            raise EngineError(f"concurrency must be at least 1, not {concurrency}", code="settings")
        self.timeout = timeout
        self.concurrency: int = concurrency
        self._source = source
        policy = RetryPolicy() if requests.patience is None else RetryPolicy(patience=requests.patience)
        self._retrier = requests.retrier or Retrier(policy)
        self._pause = EnginePause(
            self.service,
            self._retrier.policy.patience,
            clock=requests.clock,
            sleep=self._retrier.sleep,
            announce=requests.announce,
        )
        self._clock = requests.clock
        self._deadline = requests.deadline if requests.deadline is not None else timeout + READ_MARGIN + DOWNLOAD
        self._columns: dict[str, Mapping[str, str] | None] = {}
        self._slots = threading.BoundedSemaphore(concurrency)
        self._lock = threading.Lock()
        self._closed = False

    # ------------------------------------------------------------------ the Engine interface

    def query(self, text: str, timespan: Timespan | None = None) -> Table:
        """Run one KQL query.

        Raises:
            EngineError: see `ErrorCode`, and of the service: `throttled`, `service`, `unreachable`,
                `connection-lost`, `bad-response`, `no-content`, `unauthorized`, `forbidden`,
                `credentials`, `not-found`, `too-long`, `refused`.
        """
        return self._run(text, timespan, None)

    def query_many(self, texts: Sequence[str], timespan: Timespan | None = None) -> list[Table | EngineError]:
        """Run several queries, `concurrency` of them at a time; a failure is a value in its place."""

        def one(text: str, cancelled: threading.Event) -> Table | EngineError:
            try:
                return self._run(text, timespan, cancelled)
            except EngineError as error:
                return error

        return bounded_map(texts, one, self.concurrency)

    def columns(self, table: str) -> Mapping[str, str] | None:
        """Return a table's columns with Kusto types, or None if there is no such table. Asked once per engine."""
        with self._lock:
            if table in self._columns:
                return self._columns[table]
        try:
            schema = self._run(f"{bracket_name(table)} | getschema | project ColumnName, ColumnType", None, None)
        except EngineError as error:
            if error.code != "unknown-table":
                raise
            found: Mapping[str, str] | None = None
        else:
            whole(schema)
            found = {str(name): kusto_type(str(kind)) for name, kind in schema.rows}
        with self._lock:
            self._columns[table] = found
        return found

    def stored_columns(self, table: str) -> Mapping[str, str] | None:
        """Return a table's columns: a service has no others."""
        return self.columns(table)

    def schema(self, progress: Callable[[int, int], None] = no_progress) -> EngineSchema:
        """Return the tables with their columns, each asked for by itself; there are no saved functions."""
        names = self.tables()
        found: dict[str, Mapping[str, str]] = {}
        for done, name in enumerate(names, 1):
            found[name] = self.columns(name) or {}
            progress(done, len(names))
        return EngineSchema(found, {})

    def claims(self) -> Mapping[str, Any]:
        """Return what the token in use says of itself, for hints to people; nothing where it cannot be had."""
        return {}

    def connectors(self) -> Mapping[str, bool] | None:
        """Return the data connectors, see `Engine`: the service does not tell."""
        return None

    def time_column(self, table: str) -> str | None:
        """Return the column of a table that holds the event's time, or None."""
        columns = self.columns(table) or {}
        return next((name for name in TIME_COLUMNS if columns.get(name) == "datetime"), None)

    def preflight(self, tables: Sequence[str], timespan: Timespan | None = None) -> list[TableStatus]:
        """Return of each table whether it is there and what rows it holds, in the order given."""

        def one(table: str, cancelled: threading.Event) -> TableStatus | EngineError:
            try:
                return self._status(table, timespan, cancelled)
            except EngineError as error:
                return error

        found = bounded_map(tables, one, self.concurrency)
        failed = next((status for status in found if isinstance(status, EngineError)), None)
        if failed is not None:
            raise failed
        return [status for status in found if isinstance(status, TableStatus)]

    def _status(self, table: str, timespan: Timespan | None, cancelled: threading.Event) -> TableStatus:
        if self.columns(table) is None:
            return TableStatus(table, False, 0)
        column = self.time_column(table)
        if column is None:
            counted = whole(self._run(f"{bracket_name(table)} | count", None, cancelled))
            return TableStatus(table, True, _rows(only_row(counted, f"the count of {table}", int)[0], table))
        time_name = bracket_name(column)
        in_range = "true"
        if timespan is not None:
            in_range = (
                f"{time_name} >= {datetime_literal(timespan.start)} and {time_name} < {datetime_literal(timespan.end)}"
            )
        text = (
            f"{bracket_name(table)} | summarize InRange = countif({in_range}), "
            f"Oldest = min({time_name}), Newest = max({time_name})"
        )
        answer = whole(self._run(text, None, cancelled))
        in_range_count, oldest, newest = only_row(answer, f"the state of {table}", int, datetime, datetime)
        return TableStatus(table, True, _rows(in_range_count, table), oldest, newest)

    @abstractmethod
    def tables(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""

    def close(self) -> None:
        """Let go of connections. Closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._disconnect()
            self._source.close()

    def __enter__(self) -> RemoteEngine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ one query

    def _run(self, text: str, timespan: Timespan | None, cancelled: threading.Event | None) -> Table:
        return self._bounded(lambda: self._attempt(text, timespan), cancelled)

    def _bounded(self, request: Callable[[], T], cancelled: threading.Event | None = None) -> T:
        """Return what a request returns, under the retry policy and the time limit; RequestFailures become errors."""
        if self._closed:
            raise EngineError("the engine is closed", code="closed")

        def attempt() -> T:
            self._sign_in()
            self._pause.wait(own_pause[-1])
            self._admit()
            try:
                with self._slots:
                    return call_within(self._deadline, request)
            except RequestFailure as failure:
                if failure.kind == "throttled":
                    self._read_throttling(failure)
                    if failure.retry_after is not None:
                        own_pause.append(self._pause.begin(failure.retry_after))
                raise
            except DeadlineExceeded:
                slow = EngineError(
                    f"{self.service} has not sent its whole answer in {self._deadline:,.0f} s",
                    code="timeout",
                    hint="narrow the time range, or return fewer rows",
                    retryable=True,
                )
                raise RequestFailure(slow, "fatal") from None

        own_pause: list[float | None] = [None]
        return self._retrier.run(attempt, cancelled=cancelled, on_unauthorized=self._source.renew)

    def _sign_in(self) -> None:  # noqa: B027 - nothing to do by default
        """Get a token before the clock of a request runs: a person may have to type a code."""

    def _read_throttling(self, failure: RequestFailure) -> None:  # noqa: B027 - nothing to do by default
        """Work out when the service takes queries again, where it does not say so in `Retry-After`."""

    def _admit(self) -> None:  # noqa: B027 - nothing to do by default
        """Wait until the service takes one more request."""

    @abstractmethod
    def _attempt(self, text: str, timespan: Timespan | None) -> Table:
        """Send one request and return its answer. Raises RequestFailure."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Close the client."""


def whole(table: Table) -> Table:
    """Return a table that is an answer to build on. Raises EngineError `partial` where it is not whole."""
    if table.partial is not None:
        raise EngineError(f"the service returned a partial answer: {table.partial}", code="partial", retryable=True)
    return table


def _rows(count: int | None, table: str) -> int:
    if count is None or count < 0:
        raise bad_response(f"the number of rows of {table} is {count}")
    return count


def utc(moment: datetime) -> datetime:
    """Return a time in UTC; one without a zone is taken for UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
