"""What an engine is: it runs KQL text and answers with typed rows, or says why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Protocol

from fpctl.errors import FpctlError, Location


class Timespan(NamedTuple):
    """A half-open time range [start, end) in UTC that an engine applies to each table's time column."""

    start: datetime
    end: datetime


class ResultColumn(NamedTuple):
    """A result column. `type` is a Kusto scalar type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Table:
    """A query's answer.

    `rows` are tuples in column order with Python values: datetime (aware, UTC), timedelta, Decimal,
    UUID as str, dynamic as parsed JSON. `partial` is the service's reason when the answer is not
    whole; a partial table is never evidence. `total` is how many rows there were where only the first are kept.
    """

    columns: tuple[ResultColumn, ...]
    rows: Sequence[tuple[Any, ...]]
    partial: str | None = None
    statistics: Mapping[str, Any] = field(default_factory=dict)
    total: int | None = None

    @property
    def count(self) -> int:
        """How many rows the answer has, kept or not."""
        return len(self.rows) if self.total is None else self.total

    def first(self, rows: int) -> Table:
        """Return the table with its first rows only; its `count` stays."""
        return Table(self.columns, self.rows[:rows], self.partial, self.statistics, self.count)

    def names(self) -> list[str]:
        """Return the column names in order."""
        return [column.name for column in self.columns]

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict."""
        names = self.names()
        for row in self.rows:
            yield dict(zip(names, row, strict=True))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do, declared once, so that no caller asks for its name.

    Attributes:
        remote: a service is asked over the network: it needs a credential and can be unreachable.
        local_time: local times can be worked out in a query. Where not, windows in a time zone are written out as
            UTC ranges, for the range of events that is read.
        free_queries: a query costs no quota and no money: the base query is run too, to compare.
        calls_a_minute: requests that the service accepts in a minute, None where it has no such limit.
        deploys: what rules can be deployed to with the same sign-in, None for nothing.
    """

    remote: bool
    local_time: bool
    free_queries: bool
    calls_a_minute: int | None = None
    deploys: Literal["sentinel", "defender"] | None = None


class EngineDescription(NamedTuple):
    """An engine's name, as in settings and options, the words for people, and what it can do."""

    name: str
    title: str
    capabilities: Capabilities


class TableSchemas(Protocol):
    """Documented tables, as `fpctl.schema.tables.Tables` has them."""

    def table(self, name: str) -> Mapping[str, str] | None:
        """Return a table's columns with their Kusto types, or None."""
        ...

    def tables(self) -> Iterable[str]:
        """Return the names of all documented tables."""
        ...

    def time_column(self, table: str) -> str | None:
        """Return the column that holds a table's event time, or None."""
        ...


class TableStatus(NamedTuple):
    """What an engine knows of a table that a rule reads: "ensure this data connector is enabled".

    `rows_in_range` counts the rows in the time range asked for (all rows, where none was asked or the
    table has no time column; None where counting would be billed: then `billed` is true); `oldest` and `newest` are
    event times over all rows, None where the table is missing, empty, billed or has no time column.
    """

    name: str
    exists: bool
    rows_in_range: int | None
    oldest: datetime | None = None
    newest: datetime | None = None
    billed: bool = False


ErrorCode = Literal[
    "no-data", "bad-data", "unknown-table", "unknown-column", "syntax", "unsupported", "too-complex",
    "timeout", "interrupted", "closed", "memory", "engine",
]  # fmt: skip
"""Stable words of why an engine could not run a query; a remote engine may add words of its service."""


class EngineError(FpctlError):
    """A query that an engine could not run.

    `code` is a stable word (see `ErrorCode`), `retryable` whether trying again may help, `offset` the
    0-based character of the query at fault where one is known; `at` and `caret` show it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str | None = None,
        offset: int | None = None,
        retryable: bool = False,
        at: Location | None = None,
        caret: str | None = None,
    ) -> None:
        super().__init__(message, at, hint, caret)
        self.code = code
        self.offset = offset
        self.retryable = retryable


def no_progress(done: int, total: int) -> None:
    """Report progress to nobody."""


class EngineSchema(NamedTuple):
    """What an engine has: tables with their columns' Kusto types, and saved functions with their KQL.

    A function with parameters is `(parameters) { body }`, one without is its body.
    """

    tables: Mapping[str, Mapping[str, str]]
    functions: Mapping[str, str]


class Engine(Protocol):
    """The one interface of every engine. What an engine can do is in its `EngineDescription`."""

    name: str
    """For people and records; what it can do is asked of `description`."""

    @property
    def description(self) -> EngineDescription:
        """Its name and capabilities."""
        ...

    @property
    def concurrency(self) -> int:
        """How many queries it runs at a time; 1 where further threads wait."""
        ...

    def query(self, text: str, timespan: Timespan | None = None) -> Table:
        """Run one KQL query. Raises EngineError."""
        ...

    def query_many(self, texts: Sequence[str], timespan: Timespan | None = None) -> list[Table | EngineError]:
        """Run several queries; a failure is a value in its place."""
        ...

    def tables(self) -> list[str]:
        """Return the names of the tables that exist, sorted."""
        ...

    def columns(self, table: str) -> Mapping[str, str] | None:
        """Return the columns that a query can name, with Kusto types, or None if there is no such table."""
        ...

    def stored_columns(self, table: str) -> Mapping[str, str] | None:
        """Return the columns that the table really has: `columns` without those that are added from documentation."""
        ...

    def schema(self, progress: Callable[[int, int], None] = no_progress) -> EngineSchema:
        """Return the tables and, where the engine has any, saved functions.

        Args:
            progress: called with (done, total) after each table, where each is asked for.

        Raises:
            EngineError: the engine cannot be asked.
        """
        ...

    def preflight(self, tables: Sequence[str], timespan: Timespan | None = None) -> list[TableStatus]:
        """Return what is known of each named table, in the order given. Raises EngineError."""
        ...

    def connectors(self) -> Mapping[str, bool] | None:
        """Return the data connectors that are set up, in lower case, each with whether it collects anything.

        None where the engine has none, or cannot tell. Raises EngineError.
        """
        ...

    def close(self) -> None:
        """Let go of connections and temporary files. Closing twice is harmless."""
        ...
