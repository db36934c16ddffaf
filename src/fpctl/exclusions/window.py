"""Times at which an exclusion holds: weekly hours and single intervals, in a time zone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from fpctl.documents.validation_error import validation_error
from fpctl.spelling import nearest

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(DAYS)
_CLOCK = r"(\d\d):(\d\d)"
_WEEKLY = re.compile(
    rf"(daily|(?:{_DAY})(?:\s*-\s*(?:{_DAY}))?(?:\s*,\s*(?:{_DAY})(?:\s*-\s*(?:{_DAY}))?)*)\s+{_CLOCK}\s*-\s*{_CLOCK}",
    re.IGNORECASE,
)
_MOMENT = r"(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d)?)"
_INTERVAL = re.compile(rf"{_MOMENT}\s*/\s*{_MOMENT}")


class WeeklyHours(NamedTuple):
    """Hours on days of the week: `days` 0 (Monday) to 6; minutes since midnight, `end` exclusive.

    With `end` <= `start` the hours run past midnight into the next day.
    """

    days: tuple[int, ...]
    start: int
    end: int


class Interval(NamedTuple):
    """One span of local wall time, `end` exclusive."""

    start: datetime
    end: datetime


def parse_weekly(value: Any) -> WeeklyHours:
    """Return the weekly hours of a text such as `sun 02:00-04:00`, `mon-fri 22:00-06:00`, `daily 12:00-13:00`."""
    if isinstance(value, WeeklyHours):
        return value
    match = _WEEKLY.fullmatch(str(value).strip())
    if match is None:
        raise validation_error(
            "invalid-window",
            f"`{value}` is not weekly hours",
            "write `sun 02:00-04:00`, `mon-fri 22:00-06:00` or `daily 12:00-13:00`",
        )
    days: set[int] = set()
    for part in match.group(1).lower().split(","):
        first, _, last = (word.strip() for word in part.partition("-"))
        if first == "daily":
            days.update(range(7))
            continue
        at = DAYS.index(first)
        span = (DAYS.index(last) - at) % 7 if last else 0
        days.update((at + step) % 7 for step in range(span + 1))
    start, end = _minutes(match.group(2), match.group(3)), _minutes(match.group(4), match.group(5))
    if start is None or end is None or start == 24 * 60:
        raise validation_error(
            "invalid-window", f"`{value}` has an hour that no clock shows", "hours run from 00:00 to 24:00"
        )
    if start == end:
        raise validation_error(
            "invalid-window", f"`{value}` begins and ends at the same time", "for a whole day write 00:00-24:00"
        )
    return WeeklyHours(tuple(sorted(days)), start, end)


def _minutes(hour: str, minute: str) -> int | None:
    total = int(hour) * 60 + int(minute)
    return total if int(minute) < 60 and total <= 24 * 60 else None


def parse_interval(value: Any) -> Interval:
    """Return the interval of a text such as `2026-12-24 18:00/2026-12-27 06:00`; a date is its midnight."""
    if isinstance(value, Interval):
        return value
    match = _INTERVAL.fullmatch(str(value).strip())
    hint = "write `2026-12-24 18:00/2026-12-27 06:00`: begin and end with a `/` between"
    if match is None:
        raise validation_error("invalid-window", f"`{value}` is not an interval", hint)
    try:
        start, end = (datetime.fromisoformat(match.group(number)) for number in (1, 2))
    except ValueError as error:
        raise validation_error("invalid-window", f"`{value}` is not an interval: {error}", hint) from error
    if start >= end:
        raise validation_error("invalid-window", f"`{value}` ends before it begins", hint)
    return Interval(start, end)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Window(BaseModel):
    """The `window` key. An event is inside if any of the weekly hours or intervals holds it."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, arbitrary_types_allowed=True)

    weekly: Annotated[tuple[Annotated[Any, BeforeValidator(parse_weekly)], ...], BeforeValidator(_listed)] = ()
    intervals: Annotated[tuple[Annotated[Any, BeforeValidator(parse_interval)], ...], BeforeValidator(_listed)] = ()
    timezone: str = "UTC"

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        from zoneinfo import ZoneInfo, available_timezones

        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            close = nearest(name, available_timezones())
            hint = f"did you mean `{close}`?" if close else "write a name such as Europe/Rome, or UTC"
            raise validation_error("invalid-window", f"`{name}` is not a time zone", hint) from error
        return name

    @model_validator(mode="after")
    def _not_empty(self) -> Window:
        if not self.weekly and not self.intervals:
            raise validation_error(
                "invalid-window", "the window names no time", "give `weekly` or `intervals`, or remove `window`"
            )
        return self
