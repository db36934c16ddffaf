"""What an engine is: it runs KQL text and answers with typed rows, or says why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from fpctl.errors import FpctlError


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
    whole; a partial table is never evidence.
    """

    columns: tuple[ResultColumn, ...]
    rows: Sequence[tuple[Any, ...]]
    partial: str | None = None
    statistics: Mapping[str, Any] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Return the column names in order."""
        return [column.name for column in self.columns]

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield each row as a dict."""
        names = self.names()
        for row in self.rows:
            yield dict(zip(names, row, strict=True))


class EngineError(FpctlError):
    """A query that an engine could not run. `code` is a stable word, `retryable` whether trying again may help."""

    def __init__(self, message: str, *, code: str, hint: str | None = None, offset: int | None = None, retryable: bool = False) -> None:
        super().__init__(message, None, hint)
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

    def close(self) -> None: ...
