"""The window of an exclusion in words: `Sundays 02:00-04:00 Europe/Rome`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fpctl.exclusions.window import DAYS, Interval, WeeklyHours, Window

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def describe(window: Window) -> str:
    """Return the window as text for people, its time zone at the end."""
    times = [_weekly(hours) for hours in window.weekly] + [_interval(one) for one in window.intervals]
    return f"{'; '.join(times)} {window.timezone}"


def weekly_text(hours: WeeklyHours) -> str:
    """Return weekly hours as they are written in a file: `mon-fri 22:00-06:00`."""
    days = [
        f"{DAYS[run[0]]}-{DAYS[run[-1]]}" if len(run) > 2 else ",".join(DAYS[day] for day in run)
        for run in _runs(hours.days)
    ]
    times = f"{_clock(hours.start)}-{_clock(hours.end)}"
    return f"{'daily' if len(hours.days) == len(DAYS) else ','.join(days)} {times}"


def _weekly(hours: WeeklyHours) -> str:
    return f"{_days(hours.days)} {_clock(hours.start)}-{_clock(hours.end)}"


def _days(days: Sequence[int]) -> str:
    if len(days) == len(DAYS):
        return "daily"
    words = [
        f"{_DAYS[run[0]]} to {_DAYS[run[-1]]}" if len(run) > 2 else " and ".join(f"{_DAYS[day]}s" for day in run)
        for run in _runs(days)
    ]
    return ", ".join(words)


def _runs(days: Sequence[int]) -> list[list[int]]:
    """Return days that follow each other, together."""
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _interval(one: Interval) -> str:
    return f"from {_moment(one.start)} to {_moment(one.end)}"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
