"""Days of an exclusion's life as people give them: a date, or a number of days from today."""

from __future__ import annotations

import re
from datetime import date, timedelta

from fpctl.errors import FpctlError

_SPAN = re.compile(r"(\d{1,5})\s*([dwmy])", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7}


def parse_until(text: str, today: date) -> date:
    """Return the day that `2027-05-24`, `90d`, `12w`, `6m` or `1y` names; spans count from today.

    A month or year ends on the day of the same number, or on the month's last.

    Raises:
        FpctlError: it names no day.
    """
    value = text.strip()
    span = _SPAN.fullmatch(value)
    try:
        if span is None:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                raise ValueError(value)
            return date.fromisoformat(value)
        number, unit = int(span[1]), span[2].lower()
        if unit in _DAYS:
            return today + timedelta(days=number * _DAYS[unit])
        return _months_on(today, number * (12 if unit == "y" else 1))
    except (ValueError, OverflowError) as error:
        raise FpctlError(
            f"`{text}` is not a valid date", None, "use 2027-05-24, or 90d, 12w, 6m, 1y from today"
        ) from error


def _months_on(day: date, months: int) -> date:
    at = day.year * 12 + day.month - 1 + months
    year, month = divmod(at, 12)
    first_of_next = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (first_of_next - timedelta(days=1)).day))


def parse_days(text: str) -> int:
    """Return how many days `30d`, `4w` or `30` are.

    Raises:
        FpctlError: it is not a number of days.
    """
    span = re.fullmatch(r"(\d{1,5})\s*([dw]?)", text.strip(), re.IGNORECASE)
    if span is None:
        raise FpctlError(f"`{text}` is not a valid number of days", None, "write 30d or 4w")
    return int(span[1]) * _DAYS[(span[2] or "d").lower()]
