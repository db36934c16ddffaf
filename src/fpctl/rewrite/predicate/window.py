"""Windows: the hours in which an exclusion holds, as KQL or as intervals of UTC.

An event is inside when a clock in the window's time zone shows a time inside the hours. So on the
night on which the clocks go forward `02:00-04:00` lasts one hour, and three on the night on which
they go back.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from fpctl.fields.matching.term import NullSafe, Period, Term, any_of
from fpctl.kql.literals import string_literal

if TYPE_CHECKING:
    from fpctl.exclusions.window import Window

_DAY = 24 * 60
MAX_RANGE_DAYS = 400
"""For no longer range are windows written out; a run looks back days, not years."""


class UtcRange(NamedTuple):
    """The half-open range [start, end) of UTC in which a query's events lie."""

    start: datetime
    end: datetime


def window_term(window: Window, column: str, within: UtcRange | None = None) -> Term | None:
    """Return the test that a time column lies in a window.

    Args:
        window: the exclusion's window.
        column: the KQL of a datetime column in UTC.
        within: the range in which all events lie. If given, the window is written out as intervals
            of UTC, which every engine can compare; None is returned where it has no time in the
            range. Otherwise `datetime_utc_to_local` does the conversion where the zone is not UTC.
    """
    if within is not None:
        periods = [Period(column, start, end) for start, end in utc_intervals(window, within)]
        return any_of(periods) if periods else None
    local = (
        column if window.timezone == "UTC" else f"datetime_utc_to_local({column}, {string_literal(window.timezone)})"
    )
    terms: list[Term] = [NullSafe(_weekly(local, days, start, end)) for days, start, end in _hours(window)]
    zone = ZoneInfo(window.timezone)
    for interval in window.intervals:
        terms += [Period(column, start, end) for start, end in _instants(interval.start, interval.end, zone)]
    return any_of(terms)


def _weekly(local: str, days: tuple[int, ...], start: int, end: int) -> str:
    parts = []
    if len(days) == 1:
        parts.append(f"dayofweek({local}) == {_kusto_day(days[0])}d")
    elif len(days) < 7:
        parts.append(f"dayofweek({local}) in ({', '.join(f'{n}d' for n in sorted(map(_kusto_day, days)))})")
    clock = f"({local} - startofday({local}))"
    if start > 0:
        parts.append(f"{clock} >= {_span(start)}")
    if end < _DAY:
        parts.append(f"{clock} < {_span(end)}")
    # Every hour of every day: the time only has to be known.
    return " and ".join(parts) or f"isnotnull({local})"


def _kusto_day(day: int) -> int:
    """Return KQL's number of a weekday (Sunday is 0) for Python's (Monday is 0)."""
    return (day + 1) % 7


def _span(minutes: int) -> str:
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _hours(window: Window) -> list[tuple[tuple[int, ...], int, int]]:
    """Return the weekly hours within one day each: what runs past midnight is cut in two."""
    found: dict[tuple[int, int], set[int]] = {}
    for days, start, end in window.weekly:
        if end > start:
            found.setdefault((start, end), set()).update(days)
        else:
            found.setdefault((start, _DAY), set()).update(days)
            if end > 0:
                found.setdefault((0, end), set()).update((day + 1) % 7 for day in days)
    return [(tuple(sorted(days)), start, end) for (start, end), days in sorted(found.items())]


def utc_intervals(window: Window, within: UtcRange) -> list[tuple[datetime, datetime]]:
    """Return the window's times inside a range as intervals of UTC, in order, none touching another.

    Raises:
        ValueError: the range is longer than `MAX_RANGE_DAYS`.
    """
    if within.end - within.start > timedelta(days=MAX_RANGE_DAYS):
        raise ValueError(f"a window is written out for at most {MAX_RANGE_DAYS} days")
    zone = ZoneInfo(window.timezone)
    found: list[tuple[datetime, datetime]] = []
    for interval in window.intervals:
        found += _instants(interval.start, interval.end, zone)
    day = (within.start - timedelta(days=2)).date()
    while day <= (within.end + timedelta(days=2)).date():
        midnight = datetime(day.year, day.month, day.day)
        for days, first, last in _hours(window):
            if day.weekday() in days:
                found += _instants(midnight + timedelta(minutes=first), midnight + timedelta(minutes=last), zone)
        day += timedelta(days=1)
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted((max(s, within.start), min(e, within.end)) for s, e in found):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _instants(start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Return the UTC times at which a clock of the zone shows a time in [start, end), as intervals."""
    # No zone is 16 hours or more from UTC, so these are all offsets that can matter.
    edges = _offset_changes(zone, start.date() - timedelta(days=2), end.date() + timedelta(days=2))
    found = []
    for (since, offset), (until, _) in pairwise(edges):
        first, last = max(start - offset, since), min(end - offset, until)
        if first < last:
            found.append((first.replace(tzinfo=UTC), last.replace(tzinfo=UTC)))
    return found


@lru_cache(maxsize=1024)
def _offset_changes(zone: ZoneInfo, first: date, last: date) -> list[tuple[datetime, timedelta]]:
    """Return (naive UTC time, offset from then on) at the first day, at each change, and at the end of the last day."""

    def offset(at: datetime) -> timedelta:
        return at.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()

    at = datetime(first.year, first.month, first.day)
    end = datetime(last.year, last.month, last.day) + timedelta(days=1)
    edges = [(at, offset(at))]
    while at < end:
        following = at + timedelta(hours=6)
        if offset(following) != edges[-1][1]:
            low, high = at, following
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                low, high = (middle, high) if offset(middle) == edges[-1][1] else (low, middle)
            edges.append((high, offset(high)))
        at = following
    return [*edges, (end, edges[-1][1])]
