"""Members of one shape as a term: lists of values, dated where the members hold on different days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import product
from typing import NamedTuple

from fpctl.fields.matching.term import BeforeDate, In, Period, Term, all_of, any_of
from fpctl.kql.literals import string_literal
from fpctl.rewrite.folding.branch import ALWAYS, Days, Values
from fpctl.rewrite.folding.key import SEPARATOR, Key

FEW = 8
"""Up to this number, combinations of lists are written out; more become one list of combined values."""
MOST_COMBINED = 4_096
"""A member whose lists have more combinations is written out as its lists."""
LONGEST = 1_000_000
"""Values of one list (learn.microsoft.com/kusto/query/in-operator)."""

NEVER = date.max
"""The `until` of what has no end, where days are compared."""


class Member(NamedTuple):
    """A branch of an exclusion in a shape: the values of each key, in the order of the shape's keys."""

    exclusion: str
    values: tuple[Values, ...]
    days: Days


Box = tuple[tuple[Values, ...], Days]


def listing(keys: Sequence[Key], members: Sequence[Member], time_column: str | None, *, dated: bool = True) -> Term:
    """Return the test that a row is of one of the members.

    Args:
        keys: at least one.
        members: at least one.
        time_column: the KQL of the event's time.
        dated: False leaves out on which days the members hold.
    """
    boxes = _boxes(members if dated else [member._replace(days=ALWAYS) for member in members])
    checks = [key.check for key in keys if key.check is not None]
    if len(keys) == 1:
        pairs = [(value, days) for values, days in boxes for value in values[0]]
        return all_of([_dated(keys[0].text, pairs, time_column), *checks])
    small = [box for box in boxes if _combinations(box) <= MOST_COMBINED]
    if len(boxes) <= FEW or not small:
        return all_of([any_of([_box(keys, box, time_column) for box in boxes]), *checks])
    large = [box for box in boxes if _combinations(box) > MOST_COMBINED]
    # Each key is looked up by itself first: that is cheap, and makes sure that what is put together and
    # compared in lower case differs from a listed value in the case of ASCII letters only.
    guards = [
        among_many(key.text, {value for values, _ in small for value in values[at]}) for at, key in enumerate(keys)
    ]
    combined = [(SEPARATOR.join(values), days) for lists, days in small for values in product(*lists)]
    terms = [all_of([*guards, _dated(combination(keys), combined, time_column)])]
    return all_of([any_of([*terms, *(_box(keys, box, time_column) for box in large)]), *checks])


def combination(keys: Sequence[Key]) -> str:
    """Return the keys in lower case as one text."""
    if len(keys) == 1:
        return keys[0].lowered()
    separator = string_literal(SEPARATOR)
    return f"strcat({f', {separator}, '.join(key.lowered() for key in keys)})"


def among_many(operand: str, values: Iterable[str]) -> Term:
    """Return the test that an operand is one of any number of ASCII values, ignoring case."""
    given = sorted(values)
    return any_of([In(operand, tuple(given[at : at + LONGEST])) for at in range(0, len(given), LONGEST)])


def _boxes(members: Sequence[Member]) -> list[Box]:
    """Return the members' lists, those that differ in one list only put together."""
    boxes: list[Box] = sorted({(m.values, m.days) for m in members}, key=_order)
    for at in range(len(members[0].values)):
        merged: dict[tuple[object, ...], set[str]] = {}
        for values, days in boxes:
            merged.setdefault((values[:at], values[at + 1 :], days), set()).update(values[at])
        boxes = [
            ((*before, frozenset(own), *after), days)  # type: ignore[misc]
            for (before, after, days), own in merged.items()
        ]
    return sorted(boxes, key=_order)


def _order(box: Box) -> tuple[object, ...]:
    values, days = box
    return days.until or NEVER, days.since or date.min, [sorted(own) for own in values]


def _combinations(box: Box) -> int:
    count = 1
    for values in box[0]:
        count *= len(values)
    return count


def _box(keys: Sequence[Key], box: Box, time_column: str | None) -> Term:
    values, days = box
    tests = [among_many(key.text, own) for key, own in zip(keys, values, strict=True)]
    return all_of([*tests, *within(days, time_column)])


def within(days: Days, time_column: str | None) -> list[Term]:
    """Return the test that an event lies within days, none where these have no bounds, or there is no time."""
    return [] if days == ALWAYS or time_column is None else [Period(time_column, *days)]


def _latest(pairs: Iterable[tuple[str, date | None]]) -> dict[str, date]:
    """Return until when each value holds: the latest day given."""
    found: dict[str, date] = {}
    for value, until in pairs:
        end = until or NEVER
        if end > found.get(value, date.min):
            found[value] = end
    return found


def _dated(operand: str, pairs: Sequence[tuple[str, Days]], time_column: str | None) -> Term:
    """Return the test that an operand is a value that holds at the event's time."""
    if time_column is None:
        return among_many(operand, {value for value, _ in pairs})
    begun = [(value, days.until) for value, days in pairs if days.since is None]
    beginning: dict[Days, set[str]] = {}
    for value, days in pairs:
        if days.since is not None:
            beginning.setdefault(days, set()).add(value)
    if not beginning:
        return _ending(operand, _latest(begun), time_column)
    held = [
        all_of([among_many(operand, beginning[days]), *within(days, time_column)])
        for days in sorted(beginning, key=lambda days: (days.since or date.min, days.until or NEVER))
    ]
    if begun:
        held.insert(0, _ending(operand, _latest(begun), time_column))
    # Looked up once for all days: nearly every row is of none of the values.
    everything = [among_many(operand, {value for value, _ in pairs})] if len(held) > 1 else []
    return all_of([*everything, any_of(held)])


def _ending(operand: str, until: Mapping[str, date], time_column: str) -> Term:
    """Return the test that an operand is a value that still holds at the event's time.

    Before the first day on which any value ends all of them hold, so that nearly every row needs one
    look-up and one comparison, however many days there are.
    """
    everything = among_many(operand, until)
    by_day: dict[date, list[str]] = {}
    for value, end in until.items():
        by_day.setdefault(end, []).append(value)
    first, *later = sorted(by_day)
    if first == NEVER:
        return everything
    if not later:
        return all_of([everything, Period(time_column, None, first)])
    rest = [
        all_of([among_many(operand, by_day[day]), *within(Days(None, None if day == NEVER else day), time_column)])
        for day in later
    ]
    return all_of([everything, BeforeDate(time_column, first, any_of(rest))])
