"""Counting folded clauses: the engine groups the rows by what their lists say, Python attributes the groups.

One pass over the rows at the insertion point gives a column per clause: the key values of a row that the clause's
lists hold (else ""), or the numbers of the branches that match it. Rows with the same columns are one
group with its count and its first and last time, so exclusions that overlap are distinguished exactly, and
the cost does not depend on how many exclusions there are. What begins or ends on a day inside the range is
distinguished by that day, which only rows after the first such day carry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fpctl.kql.literals import datetime_literal
from fpctl.rewrite.folding.branch import Days
from fpctl.rewrite.folding.clause import FoldedClause
from fpctl.rewrite.folding.key import SEPARATOR
from fpctl.rewrite.folding.listing import Member, combination
from fpctl.rewrite.predicate import Dialect
from fpctl.rewrite.predicate.render import rendered

PREFIX = "fpctl_"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = f"{PREFIX}day"
_UNKNOWN_DAY = -2
"""The day number of rows without a time."""
_EARLY = -1
"""The day number of all rows before the first day on which something begins or ends."""
_PER_STRCAT = 32
"""Parts of one `strcat`, which takes at most 64 arguments (learn.microsoft.com/kusto/query/strcat-function)."""


@dataclass(slots=True)
class GroupCount:
    """Rows, those that no other exclusion suppresses, first and last event time in microseconds since 1970."""

    rows: int = 0
    unique: int = 0
    first: int | None = None
    last: int | None = None

    def times(self) -> tuple[datetime | None, datetime | None]:
        """Return the first and the last event time in UTC."""
        return _moment(self.first), _moment(self.last)


@dataclass(frozen=True, slots=True)
class Totals:
    """What the groups of an insertion point say together. `counts` has every exclusion of the insertion point."""

    rows: int
    suppressed: int
    counts: Mapping[str, GroupCount]


@dataclass(frozen=True, slots=True)
class HitAccumulator:
    """Counts the clauses of one insertion point. `exclusions` are all of its exclusions, with or without a match."""

    exclusions: tuple[str, ...]
    clauses: tuple[FoldedClause, ...]
    time_column: str | None
    first_day: date | None = field(init=False)

    def __post_init__(self) -> None:
        bounds = [day for clause in self.clauses for days in _days(clause) for day in days if day is not None]
        object.__setattr__(self, "first_day", min(bounds) if bounds and self.time_column is not None else None)

    def operators(self) -> str:
        """Return the operators that group and count: `| extend ... | summarize ...`."""
        columns = [f"{PREFIX}{at} = {_column(clause)}" for at, clause in enumerate(self.clauses)]
        by = [f"{PREFIX}{at}" for at in range(len(self.clauses))]
        counted = [f"{PREFIX}rows = count()"]
        numbers = ""
        if self.time_column is not None:
            counted += [f"{PREFIX}first = min({self.time_column})", f"{PREFIX}last = max({self.time_column})"]
            # As numbers, which are read many times faster than times.
            numbers = f"\n| extend {_number(f'{PREFIX}first')}, {_number(f'{PREFIX}last')}"
        if self.first_day is not None:
            columns.append(f"{_DAY} = {self._day()}")
            by.append(_DAY)
        return f"| extend {', '.join(columns)}\n| summarize {', '.join(counted)} by {', '.join(by)}{numbers}"

    def _day(self) -> str:
        assert self.first_day is not None
        first = datetime_literal(self.first_day)
        time = self.time_column
        behind = f"datetime_diff('day', {time}, {first})"
        return f"case(isnull({time}), {_UNKNOWN_DAY}, {time} < {first}, {_EARLY}, {behind})"

    def read(self, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Totals:
        """Return what the groups say.

        Args:
            names: the columns of the answer.
            rows: its rows, any number of them for one group (a function body is counted per call).
        """
        at = {name: position for position, name in enumerate(names)}
        numbers = {exclusion: number for number, exclusion in enumerate(self.exclusions)}
        readers = [_Reader(clause, numbers, self.first_day) for clause in self.clauses]
        columns = [(at[f"{PREFIX}{number}"], reader.taking) for number, reader in enumerate(readers)]
        rows_at, first_at, last_at, day_at = (at.get(f"{PREFIX}{n}") for n in ("rows", "first", "last", "day"))
        assert rows_at is not None
        counts = [GroupCount() for _ in self.exclusions]
        total = suppressed = 0
        for row in rows:
            number = row[rows_at]
            total += number
            day = row[day_at] if day_at is not None else _EARLY
            found = [taken for place, taking in columns if row[place] and (taken := taking(row[place], day))]
            if not found:
                continue
            suppressed += number
            takers: Collection[int] = found[0] if len(found) == 1 else set().union(*found)
            low, high = (row[first_at], row[last_at]) if first_at is not None and last_at is not None else (None, None)
            for taker in takers:
                count = counts[taker]
                count.rows += number
                if len(takers) == 1:
                    count.unique += number
                if low is not None and (count.first is None or low < count.first):
                    count.first = low
                if high is not None and (count.last is None or high > count.last):
                    count.last = high
        return Totals(total, suppressed, dict(zip(self.exclusions, counts, strict=True)))


class _Reader:
    """Reads from a clause's column which exclusions suppress a group, by their numbers."""

    def __init__(self, clause: FoldedClause, numbers: Mapping[str, int], first_day: date | None) -> None:
        self.tested = clause.tested
        self.numbers = numbers
        self.first_day = first_day
        self.known: dict[tuple[str, int], frozenset[int]] = {}
        self.members: dict[str, list[Member]] = {}
        self.by = 0
        if clause.members:
            distinct = [len({v for m in clause.members for v in m.values[at]}) for at in range(len(clause.keys))]
            self.by = distinct.index(max(distinct))
            for member in clause.members:
                for value in member.values[self.by]:
                    self.members.setdefault(value, []).append(member)

    def taking(self, text: str, day: int) -> frozenset[int]:
        """Return the exclusions that suppress rows with this text on this day."""
        found = self.known.get((text, day))
        if found is None:
            found = self.known[text, day] = frozenset(
                self.numbers[exclusion] for exclusion, days in self._matching(text) if self._holds(days, day)
            )
        return found

    def _holds(self, days: Days, day: int) -> bool:
        if self.first_day is None or (days.since is None and (days.until is None or day == _EARLY)):
            return True
        if day in (_UNKNOWN_DAY, _EARLY):
            return False
        begun = days.since is None or day >= (days.since - self.first_day).days
        return begun and (days.until is None or day < (days.until - self.first_day).days)

    def _matching(self, text: str) -> Iterable[tuple[str, Days]]:
        if self.tested:
            for number in text.removesuffix(",").split(","):
                one = self.tested[int(number)]
                yield one.exclusion, one.days
            return
        values = text.split(SEPARATOR)
        for member in self.members.get(values[self.by], ()):
            if all(value in own for value, own in zip(values, member.values, strict=True)):
                yield member.exclusion, member.days


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


def _number(column: str) -> str:
    return f"{column} = datetime_diff('microsecond', {column}, datetime(1970-01-01))"


def _days(clause: FoldedClause) -> Iterable[Days]:
    yield from (member.days for member in clause.members)
    yield from (one.days for one in clause.tested)


def _column(clause: FoldedClause) -> str:
    if clause.members:
        return f'iff({rendered(clause.undated, Dialect.STANDARD)}, {combination(clause.keys)}, "")'
    flags = [f'iff({rendered(t.term, Dialect.STANDARD)}, "{at},", "")' for at, t in enumerate(clause.tested)]
    numbers = _concatenated(flags)
    return numbers if clause.guard is None else f'iff({rendered(clause.guard, Dialect.STANDARD)}, {numbers}, "")'


def _concatenated(parts: list[str]) -> str:
    while len(parts) > 1:
        parts = [
            f"strcat({', '.join(parts[at : at + _PER_STRCAT])})" if at + 1 < len(parts) else parts[at]
            for at in range(0, len(parts), _PER_STRCAT)
        ]
    return parts[0]
