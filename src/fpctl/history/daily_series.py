"""Hits by day, as a total has them: kept as the database's text until somebody looks at the days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, overload


class DayHits(NamedTuple):
    """Hits of the runs that started on one UTC day; `rows` is None where no run of the day knows."""

    day: date
    runs: int
    rows: int | None


class DailySeries(Sequence[DayHits]):
    """The days of a total, read from the database's text when they are first looked at. Equal to a tuple of them.

    Args:
        text: `2026-11-24:3:120,...`: day, runs, rows (empty where they are unknown), a day any number of times.
    """

    __slots__ = ("_days", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._days: tuple[DayHits, ...] | None = None

    def _read(self) -> tuple[DayHits, ...]:
        if self._days is None:
            self._days = _points(self._text.split(",") if self._text else ())
        return self._days

    def between(self, first: date, last: date) -> tuple[DayHits, ...]:
        """Return the days from `first` to `last`; the others are not read."""
        begin, end = first.isoformat(), last.isoformat()
        return _points([point for point in self._text.split(",") if begin <= point[:10] <= end])

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[DayHits]:
        return iter(self._read())

    @overload
    def __getitem__(self, index: int) -> DayHits: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[DayHits, ...]: ...
    def __getitem__(self, index: int | slice) -> DayHits | tuple[DayHits, ...]:
        return self._read()[index]

    def __eq__(self, other: object) -> bool:
        return self._read() == tuple(other) if isinstance(other, tuple | DailySeries) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._read())

    def __repr__(self) -> str:
        return repr(self._read())


def _points(texts: Sequence[str]) -> tuple[DayHits, ...]:
    points = [text.split(":") for text in texts]
    read = [DayHits(date.fromisoformat(day), int(runs), int(rows) if rows else None) for day, runs, rows in points]
    read.sort(key=attrgetter("day"))
    if len({point.day for point in read}) < len(read):
        read = [_one_day(day, list(same)) for day, same in groupby(read, key=attrgetter("day"))]
    return tuple(read)


def _one_day(day: date, points: Sequence[DayHits]) -> DayHits:
    known = [point.rows for point in points if point.rows is not None]
    return DayHits(day, sum(point.runs for point in points), sum(known) if known else None)
