"""The window of an exclusion in words: `Sundays 02:00-04:00 Europe/Rome`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fpctl.exclusions.window import Interval, WeeklyHours, Window

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def describe(window: Window) -> str:
    """Return the window as text for people, its time zone at the end."""
    times = [_weekly(hours) for hours in window.weekly] + [_interval(one) for one in window.intervals]
    return f"{'; '.join(times)} {window.timezone}"


def _weekly(hours: WeeklyHours) -> str:
    return f"{_days(hours.days)} {_clock(hours.start)}-{_clock(hours.end)}"


def _days(days: Sequence[int]) -> str:
    if len(days) == 7:
        return "daily"
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    words = [
        f"{_DAYS[run[0]]} to {_DAYS[run[-1]]}" if len(run) > 2 else " and ".join(f"{_DAYS[day]}s" for day in run)
        for run in runs
    ]
    return ", ".join(words)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _interval(one: Interval) -> str:
    return f"from {_moment(one.start)} to {_moment(one.end)}"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
