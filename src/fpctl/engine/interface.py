"""What an engine is: it runs KQL text and answers with typed rows, or says why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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


class TableStatus(NamedTuple):
    """What an engine knows of a table that a rule reads: "ensure this data connector is enabled".

    `rows_in_range` counts the rows in the time range asked for (all rows, where none was asked or the
    table has no time column); `oldest` and `newest` are event times over all rows, None where the table
    is missing, empty or has no time column.
    """

    name: str
    exists: bool
    rows_in_range: int
    oldest: datetime | None = None
    newest: datetime | None = None


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


class Engine(Protocol):
    """The one interface of every engine."""

    name: str

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
        """Return a table's columns with Kusto types, or None if there is no such table."""
        ...

    def preflight(self, tables: Sequence[str], timespan: Timespan | None = None) -> list[TableStatus]:
        """Return what is known of each named table, in the order given. Raises EngineError."""
        ...

    def close(self) -> None:
        """Let go of connections and temporary files. Closing twice is harmless."""
        ...
