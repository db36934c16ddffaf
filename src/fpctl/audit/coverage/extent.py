"""What an exclusion suppresses: its alternatives, rules, days and hours in the form in which they are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from fpctl.errors import FpctlError
from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.window import Window
from fpctl.fields.field import Key
from fpctl.fields.registry import FIELDS, key_of

SPLIT = 500
"""Up to this length lists are looked at value by value."""

_WEEK = 7 * 24 * 60


class Values(NamedTuple):
    """The values of one field: `keys` are all of them, `patterns` those that may cover what does not equal them."""

    keys: frozenset[Key]
    patterns: tuple[Key, ...]

    def cover(self, field: str, narrow: Values) -> bool:
        """Return whether each value of `narrow` is covered by one of these."""
        return all(self.covers(field, key) for key in narrow.keys)

    def covers(self, field: str, key: Key) -> bool:
        """Return whether one of these covers a value."""
        known = FIELDS[field]
        return any(wide in self.keys for wide in known.above(key)) or any(
            known.covers(wide, key) for wide in self.patterns
        )


def values(field: str, keys: Iterable[Key]) -> Values:
    """Return keys as the values of a field."""
    kept = frozenset(keys)
    return Values(kept, tuple(sorted(key for key in kept if FIELDS[field].is_pattern(key))))


class Shape(NamedTuple):
    """One alternative of a match. `where` is its raw condition in one spelling."""

    fields: Mapping[str, Values]
    where: str | None

    def covers(self, narrow: Shape) -> bool:
        """Return whether every event that `narrow` matches, this matches too."""
        if self.where is not None and self.where != narrow.where:
            return False
        return all(
            field in narrow.fields and given.cover(field, narrow.fields[field]) for field, given in self.fields.items()
        )

    def meets(self, other: Shape) -> bool:
        """Return whether it is known that both can match the same event.

        They can where each field that both name has values that cover one another.
        """
        return all(
            _agree(field, mine, other.fields[field]) for field, mine in self.fields.items() if field in other.fields
        )


def _agree(field: str, one: Values, other: Values) -> bool:
    if one.keys & other.keys or _above(field, one.keys) & other.keys or _above(field, other.keys) & one.keys:
        return True
    known = FIELDS[field]
    return any(
        known.covers(pattern, key)
        for wide, narrow in ((one, other), (other, one))
        for pattern in wide.patterns[:SPLIT]
        for key in sorted(narrow.keys)[:SPLIT]
    )


@lru_cache(maxsize=1 << 14)
def _above(field: str, keys: frozenset[Key]) -> frozenset[Key]:
    """Return every key without wildcards that covers one of these."""
    return frozenset(wide for key in keys for wide in FIELDS[field].above(key))


def shape(alternative: Alternative) -> Shape | None:
    """Return an alternative as a shape, None where one of its values cannot be read."""
    found: dict[str, Values] = {}
    for field, given in alternative.fields().items():
        keys = [key_of(field, value) for value in given]
        known = [key for key in keys if key is not None]
        if len(known) < len(keys):
            return None
        found[field] = values(field, known)
    return Shape(found, _condition(alternative.where))


def _condition(text: str | None) -> str | None:
    from fpctl.rewrite.predicate.build import condition

    if text is None:
        return None
    try:
        return condition(text)
    except FpctlError:
        return text


@dataclass(frozen=True, slots=True)
class Extent:
    """One exclusion.

    Attributes:
        loaded: the exclusion with its place.
        shapes: its alternatives.
        rules: the rules that it reaches, as bits.
        since: the first day on which it holds, not before today.
        until: the first day on which it no longer does.
    """

    loaded: LoadedExclusion
    shapes: tuple[Shape, ...]
    rules: int
    since: date
    until: date | None

    @property
    def id(self) -> str:
        """The exclusion's id."""
        return self.loaded.id

    def matches_all_of(self, other: Extent) -> bool:
        """Return whether the match of `other` names no event that this match does not name."""
        return all(self._covers(narrow) for narrow in other.shapes)

    def _covers(self, narrow: Shape) -> bool:
        if any(wide.covers(narrow) for wide in self.shapes):
            return True
        if len(self.shapes) < 2:
            return False
        for field, given in narrow.fields.items():
            if 1 < len(given.keys) <= SPLIT:
                singles = (narrow._replace(fields={**narrow.fields, field: values(field, [k])}) for k in given.keys)
                if all(any(wide.covers(single) for wide in self.shapes) for single in singles):
                    return True
        return False

    def holds_whenever(self, other: Extent) -> bool:
        """Return whether this holds in every rule, on every day and hour at which `other` holds."""
        mine, theirs = self.loaded.exclusion, other.loaded.exclusion
        return (
            other.rules & ~self.rules == 0
            and self.since <= other.since
            and (self.until is None or (other.until is not None and other.until <= self.until))
            and mine.placement == theirs.placement
            and within(theirs.window, mine.window)
        )

    def covers(self, other: Extent) -> bool:
        """Return whether everything that `other` suppresses from today on, this suppresses too."""
        return self.holds_whenever(other) and self.matches_all_of(other)

    def overlaps_in_time(self, other: Extent) -> bool:
        """Return whether there is a rule and a day on which both hold."""
        return (
            self.rules & other.rules != 0
            and (self.until is None or other.since < self.until)
            and (other.until is None or self.since < other.until)
        )


def extent(loaded: LoadedExclusion, rules: Iterable[int], today: date) -> Extent | None:
    """Return what an exclusion suppresses from today on; None if its match cannot be read or no rule has it."""
    exclusion: Exclusion = loaded.exclusion
    shapes = [shape(alternative) for alternative in exclusion.match]
    known = tuple(found for found in shapes if found is not None)
    bits = 0
    for index in rules:
        bits |= 1 << index
    if len(known) < len(shapes) or not bits:
        return None
    return Extent(loaded, known, bits, max(exclusion.created or today, today), exclusion.expires)


def within(narrow: Window | None, wide: Window | None) -> bool:
    """Return whether a window lies in another; None is all the time. Said only of windows of one time zone."""
    if wide is None:
        return True
    if narrow is None or narrow.timezone != wide.timezone:
        return False
    return not set(_minutes(narrow)) - set(_minutes(wide)) and all(
        any(start >= first and end <= last for first, last in _intervals(wide)) for start, end in _intervals(narrow)
    )


def _minutes(window: Window) -> Iterator[int]:
    """Yield the minutes of the week of weekly hours, from Monday's midnight."""
    for days, start, end in window.weekly:
        length = end - start if end > start else end - start + 24 * 60
        for day in days:
            for minute in range(length):
                yield (day * 24 * 60 + start + minute) % _WEEK


def _intervals(window: Window) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(window.intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
