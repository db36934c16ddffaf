"""Times as text and as ticks: what `datetime(...)`, `timespan(...)`, `todatetime` and `totimespan` read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

DAY = 864_000_000_000
HOUR, MINUTE, SECOND, MILLISECOND, MICROSECOND = DAY // 24, 600_000_000, 10_000_000, 10_000, 10
LATEST = 3_155_378_975_999_999_999
"""Ticks of 9999-12-31T23:59:59.9999999."""

UNITS = {
    "d": DAY, "day": DAY, "days": DAY,
    "h": HOUR, "hr": HOUR, "hrs": HOUR, "hour": HOUR, "hours": HOUR,
    "m": MINUTE, "min": MINUTE, "minute": MINUTE, "minutes": MINUTE,
    "s": SECOND, "sec": SECOND, "second": SECOND, "seconds": SECOND,
    "ms": MILLISECOND, "milli": MILLISECOND, "millis": MILLISECOND, "millisec": MILLISECOND,
    "millisecond": MILLISECOND, "milliseconds": MILLISECOND,
    "micro": MICROSECOND, "micros": MICROSECOND, "microsec": MICROSECOND,
    "microsecond": MICROSECOND, "microseconds": MICROSECOND,
    "tick": 1, "ticks": 1,
}  # fmt: skip
"""Ticks of the units of a timespan literal (scalar-data-types/timespan)."""

_SPAN = re.compile(r"(-)?(?:(?:(\d+)[.:])?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7})\d*)?)?|(\d+))")
_WITH_UNIT = re.compile(r"(-)?\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([a-z]+)")
_ISO = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?"
    r"(?:[T ]\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?)?\s*(Z|z|UTC|GMT|[-+]\d{2}:?\d{2})?"
)
_AMERICAN = re.compile(
    r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})"
    r"(?:,?\s+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?\s*([AaPp][Mm])?)?\s*(Z|UTC|GMT|[-+]\d{2}:?\d{2})?"
)
_LISTED = re.compile(r"(\d{4})\s*[,-]\s*(\d{1,2})\s*[,-]\s*(\d{1,2})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2}))?(Z)?")
_RFC = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ -](\d{2}|\d{4})"
    r"(?:\s+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?\s*(Z|UTC|GMT|[-+]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?([A-Za-z]{3})[a-z]*\s+(\d{1,2}),?\s+(\d{4})"
    r"(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*([AaPp][Mm])?)?\s*(Z|UTC|GMT|[-+]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip


def ticks_from_datetime(moment: datetime) -> int:
    """Return the ticks of a naive datetime, taken as UTC."""
    since = moment - datetime(1, 1, 1)
    return since.days * DAY + since.seconds * SECOND + since.microseconds * 10


def datetime_ticks(text: str) -> int | None:
    """Return the ticks of a datetime as text, None where it is none.

    The formats are those of scalar-data-types/datetime (ISO 8601, RFC 822, RFC 850), and the American
    `month/day/year` with AM and PM that .NET reads too.
    """
    text = text.strip()
    match = _ISO.fullmatch(text)
    if match:
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        return _made(year, month or 1, day or 1, hour, minute, second, fraction, zone)
    match = _AMERICAN.fullmatch(text)
    if match:
        month, day, year, hour, minute, second, fraction, half, zone = match.groups()
        return _made(year, month, day, _hour(hour, half), minute, second, fraction, zone)
    match = _LISTED.fullmatch(text)
    if match:  # `datetime(2025, 6, 14)` and `datetime(2017 - 08 - 01)`, as examples of the reference write them
        year, month, day = match.groups()
        return _made(year, month, day, None, None, None, None, None)
    match = _COMPACT.fullmatch(text)
    if match:
        year, month, day, hour, minute, second, zone = match.groups()
        return _made(year, month, day, hour, minute, second, None, zone)
    match = _RFC.fullmatch(text)
    if match:
        day, name, year, hour, minute, second, fraction, zone = match.groups()
        if len(year) == 2:
            year = f"20{year}" if int(year) < 50 else f"19{year}"
        month_number = _MONTHS.get(name.lower())
        return None if month_number is None else _made(year, month_number, day, hour, minute, second, fraction, zone)
    match = _MONTH_FIRST.fullmatch(text)
    if match:
        name, day, year, hour, minute, second, fraction, half, zone = match.groups()
        month_number = _MONTHS.get(name.lower())
        if month_number is not None:
            return _made(year, month_number, day, _hour(hour, half), minute, second, fraction, zone)
    return None


def _hour(hour: str | None, half: str | None) -> str | int | None:
    if hour is None or half is None:
        return hour
    number = int(hour)
    if not 1 <= number <= 12:
        return 99
    return number % 12 + (12 if half.lower() == "pm" else 0)


def _made(year: str | int, month: str | int, day: str | int, hour: str | int | None, minute: str | None,
          second: str | None, fraction: str | None, zone: str | None) -> int | None:  # fmt: skip
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        if (hour, minute or "00", second or "00") != ("24", "00", "00"):
            return None
        try:
            moment = datetime(int(year), int(month), int(day)) + timedelta(days=1)
        except (ValueError, OverflowError):
            return None
    ticks = ticks_from_datetime(moment) + int((fraction or "0")[:7].ljust(7, "0"))
    if zone and zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        away = int(digits[:2]) * HOUR + int(digits[2:]) * MINUTE
        ticks += -away if zone[0] == "+" else away
    return ticks if 0 <= ticks <= LATEST else None


def timespan_ticks(text: str) -> int | None:
    """Return the ticks of a timespan as text: `1.02:03:04.5`, `00:10`, `3d`, `15` (days); None where it is none."""
    text = text.strip()
    match = _WITH_UNIT.fullmatch(text)
    if match and match[3] in UNITS:
        ticks = round(float(match[2]) * UNITS[match[3]]) if not match[2].isdigit() else int(match[2]) * UNITS[match[3]]
        return _within(-ticks if match[1] else ticks)
    match = _SPAN.fullmatch(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction, whole = match.groups()
    if whole is not None:
        ticks = int(whole) * DAY
    else:
        if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 59:
            return None
        ticks = (int(days or 0) * DAY + int(hours) * HOUR + int(minutes) * MINUTE + int(seconds or 0) * SECOND
                 + int((fraction or "0").ljust(7, "0")))  # fmt: skip
    return _within(-ticks if sign else ticks)


def _within(ticks: int) -> int | None:
    return ticks if -(2**63) <= ticks < 2**63 else None


def datetime_text(ticks: int) -> str:
    """Return a datetime as Kusto writes it: `2024-01-02T03:04:05.0000000Z`."""
    moment = datetime(1, 1, 1) + timedelta(microseconds=ticks // 10)
    return f"{moment.isoformat(timespec='microseconds')}{ticks % 10}Z"


def timespan_text(ticks: int) -> str:
    """Return a timespan as Kusto writes it: `1.02:03:04.5000000`, `00:10:00`."""
    sign, ticks = ("-", -ticks) if ticks < 0 else ("", ticks)
    days, rest = divmod(ticks, DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    seconds, fraction = divmod(rest, SECOND)
    text = f"{hours:02}:{minutes:02}:{seconds:02}"
    if days:
        text = f"{days}.{text}"
    return f"{sign}{text}.{fraction:07}" if fraction else f"{sign}{text}"
