"""When something happens: at which hours of which days of the week, and the window that says so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from fpctl.exclusions.window import DAYS

LONGEST_ARC = 8
"""Hours a day up to which a window says something; beyond it the pattern is not a rhythm."""

LEAST = 0.1
"""An hour of so small a part of what is usual is not regular, however often it is seen."""

OFTEN = 0.25
"""An hour is regular if it is seen on this part of the dates on which the others are, and on two."""

MOST = 0.9
"""This part of the events must lie in the regular hours; the others keep firing outside the window."""

_NAMES = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


class HourCount(NamedTuple):
    """Events in one hour of one day of the week: `weekday` 0 is Monday, `days` on how many dates they were seen."""

    weekday: int
    hour: int
    rows: int
    days: int


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a pattern is seen. `weekly` are hours as an exclusion's window writes them, in UTC; empty if it has none."""

    words: str
    weekly: tuple[str, ...] = ()


def rhythm(counts: Sequence[HourCount], days_seen: int, days_looked_at: int) -> Rhythm:
    """Return the rhythm of events.

    An hour is regular if it is seen on at least two dates, and not much more seldom than the others. A
    window is suggested only where the regular hours hold nearly all events within eight hours of the day,
    and on days that came at least twice.

    Args:
        counts: events by weekday and hour, UTC.
        days_seen: dates with events.
        days_looked_at: dates in the look-back.
    """
    total = sum(one.rows for one in counts)
    if not total:
        return Rhythm("not seen")
    share = f"on {days_seen} of {days_looked_at} days"
    regular = _regular(counts)
    if sum(one.rows for one in regular) < MOST * total or days_seen < 2:
        return Rhythm(f"{share}, irregular")
    arc = _arc({one.hour for one in regular})
    if arc is None:
        return Rhythm(f"{share}, around the clock" if len({one.hour for one in regular}) > 20 else share)
    start, length = arc
    # Past midnight an hour belongs to the day on which the window opened.
    weekdays = sorted({(one.weekday - (1 if one.hour < start else 0)) % 7 for one in regular})
    hours = f"{start:02}:00-{(start + length) % 24 or 24:02}:00"
    if len(weekdays) >= 6:
        return Rhythm(f"daily {hours} UTC, {share}", (f"daily {hours}",))
    twice = {(one.weekday - (1 if one.hour < start else 0)) % 7 for one in regular if one.days >= 2}
    if days_looked_at < 8 or twice != set(weekdays):
        # Days that came once show no weekly rhythm: the data may begin there.
        return Rhythm(f"{hours} UTC, {share}", (f"daily {hours}",))
    return Rhythm(f"{_named(weekdays)} {hours} UTC, {share}", (f"{_written(weekdays)} {hours}",))


def _regular(counts: Iterable[HourCount]) -> list[HourCount]:
    dates: Counter[int] = Counter()
    listed = list(counts)
    for one in listed:
        dates[one.hour] += one.days
    # Weighed by events: many hours that were seen once must not make once the rule.
    usually = median(dates[one.hour] for one in listed for _ in range(min(one.rows, 100)))
    needed = max(2.0, OFTEN * usually)
    often = [one for one in listed if dates[one.hour] >= needed and (one.days >= 2 or dates[one.hour] >= 3)]
    usual = median(one.rows for one in often) if often else 0
    return [one for one in often if one.rows >= LEAST * usual]


def _arc(hours: set[int]) -> tuple[int, int] | None:
    """Return the shortest stretch of the clock that holds the hours, as (first hour, length); None if too long."""
    ordered = sorted(hours)
    gaps = [((ordered[(i + 1) % len(ordered)] - hour) % 24 or 24, i) for i, hour in enumerate(ordered)]
    widest, index = max(gaps, key=lambda pair: (pair[0], -pair[1]))
    length = 24 - widest + 1
    return (ordered[(index + 1) % len(ordered)], length) if length <= LONGEST_ARC else None


def _named(weekdays: Sequence[int]) -> str:
    if list(weekdays) == [0, 1, 2, 3, 4]:
        return "Monday to Friday"
    return ", ".join(_NAMES[day] for day in weekdays)


def _written(weekdays: Sequence[int]) -> str:
    if list(weekdays) == [0, 1, 2, 3, 4]:
        return "mon-fri"
    return ",".join(DAYS[day] for day in weekdays)
