"""Datetimes and timespans. Pages by name: startofday-function, datetime-diff-function, format-datetime-function ..."""

from __future__ import annotations

import calendar as months
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reference.conversions import convert
from reference.functions import scalar
from reference.operators_scalar import in_range
from reference.values import (
    DAY,
    EPOCH,
    HOUR,
    LAST_TICK,
    MICRO,
    MILLI,
    MINUTE,
    SECOND,
    ReferenceFault,
    Value,
    calendar,
    long,
    make_datetime,
    string,
    text_of,
)


def moment(value: Value) -> int | None:
    raw: int | None = convert(value, "datetime").raw
    return raw


def dated(raw: int | None) -> Value:
    return Value("datetime", raw if raw is not None and 0 <= raw <= LAST_TICK else None)


def integer(raw: int | None) -> Value:
    return Value("int", raw)


@scalar("startofday")
def startofday(value: Value, offset: Value = long(0)) -> Value:
    ticks, days = moment(value), convert(offset, "long").raw
    return dated(None if ticks is None or days is None else ticks - ticks % DAY + days * DAY)


@scalar("endofday")
def endofday(value: Value, offset: Value = long(0)) -> Value:
    start = startofday(value, offset).raw
    return dated(None if start is None else start + DAY - 1)


@scalar("startofweek")
def startofweek(value: Value, offset: Value = long(0)) -> Value:
    """A week begins on Sunday (startofweek-function); 0001-01-01 was a Monday."""
    ticks, weeks = moment(value), convert(offset, "long").raw
    if ticks is None or weeks is None:
        return dated(None)
    day = ticks // DAY
    return dated((day - (day + 1) % 7) * DAY + weeks * 7 * DAY)


@scalar("endofweek")
def endofweek(value: Value, offset: Value = long(0)) -> Value:
    start = startofweek(value, offset).raw
    return dated(None if start is None else start + 7 * DAY - 1)


def _month_start(ticks: int, by: int) -> int | None:
    when = calendar(ticks)
    year, month = divmod(when.year * 12 + when.month - 1 + by, 12)
    return make_datetime(year, month + 1, 1)


@scalar("startofmonth")
def startofmonth(value: Value, offset: Value = long(0)) -> Value:
    ticks, by = moment(value), convert(offset, "long").raw
    return dated(None if ticks is None or by is None else _month_start(ticks, by))


def _last(start: int | None, after: int | None, at_end: bool) -> Value:
    if start is None:
        return dated(None)
    if after is None and at_end:
        raise ReferenceFault("the end of time is not described")
    if after is None:
        return dated(None)
    return dated(after - 1)


@scalar("endofmonth")
def endofmonth(value: Value, offset: Value = long(0)) -> Value:
    ticks, by = moment(value), convert(offset, "long").raw
    if ticks is None or by is None:
        return dated(None)
    start = _month_start(ticks, by)
    return _last(start, _month_start(ticks, by + 1), start is not None and calendar(start).year == 9999)


@scalar("startofyear")
def startofyear(value: Value, offset: Value = long(0)) -> Value:
    ticks, by = moment(value), convert(offset, "long").raw
    return dated(None if ticks is None or by is None else make_datetime(calendar(ticks).year + by, 1, 1))


@scalar("endofyear")
def endofyear(value: Value, offset: Value = long(0)) -> Value:
    ticks, by = moment(value), convert(offset, "long").raw
    if ticks is None or by is None:
        return dated(None)
    year = calendar(ticks).year + by
    return _last(make_datetime(year, 1, 1), make_datetime(year + 1, 1, 1), year == 9999)


@scalar("dayofweek")
def dayofweek(value: Value) -> Value:
    ticks = moment(value)
    return Value("timespan", None if ticks is None else (ticks // DAY + 1) % 7 * DAY)


@scalar("dayofmonth")
def dayofmonth(value: Value) -> Value:
    return _part_of(value, "day")


@scalar("dayofyear")
def dayofyear(value: Value) -> Value:
    return _part_of(value, "dayofyear")


@scalar("hourofday")
def hourofday(value: Value) -> Value:
    return _part_of(value, "hour")


@scalar("monthofyear", "getmonth")
def monthofyear(value: Value) -> Value:
    return _part_of(value, "month")


@scalar("getyear")
def getyear(value: Value) -> Value:
    return _part_of(value, "year")


@scalar("week_of_year", "weekofyear")
def week_of_year(value: Value) -> Value:
    """By ISO 8601, which `week_of_year-function` names."""
    return _part_of(value, "week_of_year")


def _part_of(value: Value, part: str) -> Value:
    ticks = moment(value)
    return integer(None if ticks is None else parts(ticks).get(part))


def parts(ticks: int) -> dict[str, int]:
    when = calendar(ticks)
    fraction = ticks % SECOND
    return {
        "year": when.year, "quarter": (when.month + 2) // 3, "month": when.month, "day": when.day,
        "week_of_year": when.isocalendar().week, "dayofyear": when.timetuple().tm_yday, "hour": when.hour,
        "minute": when.minute, "second": when.second, "millisecond": fraction // MILLI,
        "microsecond": fraction // MICRO, "nanosecond": fraction * 100,
    }  # fmt: skip


@scalar("datetime_part", "datepart")
def datetime_part(part: Value, value: Value) -> Value:
    name = text_of(part).lower()
    return _part_of(value, {"weekofyear": "week_of_year"}.get(name, name))


_LENGTHS = {
    "week": 7 * DAY, "day": DAY, "hour": HOUR, "minute": MINUTE, "second": SECOND, "millisecond": MILLI,
    "microsecond": MICRO,
}  # fmt: skip


@scalar("datetime_add")
def datetime_add(part: Value, amount: Value, value: Value) -> Value:
    ticks, by, name = moment(value), convert(amount, "long").raw, text_of(part).lower()
    if ticks is None or by is None:
        return dated(None)
    if name in _LENGTHS:
        return dated(ticks + by * _LENGTHS[name])
    if name == "nanosecond":
        return dated(ticks + by // 100)
    step = {"year": 12, "quarter": 3, "month": 1}.get(name)
    if step is None:
        return dated(None)
    when = calendar(ticks)
    year, month = divmod(when.year * 12 + when.month - 1 + by * step, 12)
    if not 1 <= year <= 9999:
        return dated(None)
    day = min(when.day, months.monthrange(year, month + 1)[1])
    start = make_datetime(year, month + 1, day)
    return dated(None if start is None else start + ticks % DAY)


@scalar("datetime_diff")
def datetime_diff(part: Value, first: Value, second: Value) -> Value:
    """The difference of the numbers of whole periods since a common start (datetime-diff-function's example)."""
    a, b, name = moment(first), moment(second), text_of(part).lower()
    if a is None or b is None:
        return long(None)
    if name == "nanosecond":
        return long((a - b) * 100)
    if name == "week":
        return long((a // DAY + 1) // 7 - (b // DAY + 1) // 7)
    if name in _LENGTHS:
        return long(a // _LENGTHS[name] - b // _LENGTHS[name])
    x, y = calendar(a), calendar(b)
    if name == "year":
        return long(x.year - y.year)
    months_between = (x.year - y.year) * 12 + x.month - y.month
    if name == "month":
        return long(months_between)
    if name == "quarter":
        return long((x.year - y.year) * 4 + (x.month - 1) // 3 - (y.month - 1) // 3)
    return long(None)


@scalar("make_datetime")
def make_datetime_(year: Value, month: Value = long(1), day: Value = long(1), hour: Value = long(0),
                   minute: Value = long(0), second: Value = long(0)) -> Value:  # fmt: skip
    if year.type == "string":
        return convert(year, "datetime")
    fields = [convert(v, "long").raw for v in (year, month, day, hour, minute)]
    seconds = convert(second, "real").raw
    if None in fields or seconds is None or not 0 <= seconds < 60:
        return dated(None)
    start = make_datetime(*[int(f) for f in fields if f is not None])
    return dated(None if start is None else start + round(seconds * SECOND))


@scalar("make_timespan")
def make_timespan(*fields: Value) -> Value:
    """`(hour, minute)`, `(hour, minute, second)` or `(day, hour, minute, second)` (make-timespan-function)."""
    numbers = [convert(v, "real").raw for v in fields]
    if any(n is None for n in numbers):
        return Value("timespan", None)
    day, hour, minute, second = {2: [0, *numbers, 0], 3: [0, *numbers], 4: numbers}[len(numbers)]
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        return Value("timespan", None)
    return Value("timespan", int(day) * DAY + int(hour) * HOUR + int(minute) * MINUTE + round(second * SECOND))


@scalar("unixtime_seconds_todatetime")
def unixtime_seconds(value: Value) -> Value:
    return _unix(value, SECOND)


@scalar("unixtime_milliseconds_todatetime")
def unixtime_milliseconds(value: Value) -> Value:
    return _unix(value, MILLI)


@scalar("unixtime_microseconds_todatetime")
def unixtime_microseconds(value: Value) -> Value:
    return _unix(value, MICRO)


@scalar("unixtime_nanoseconds_todatetime")
def unixtime_nanoseconds(value: Value) -> Value:
    raw = convert(value, "long").raw
    return dated(None if raw is None else EPOCH + raw // 100)


def _unix(value: Value, unit: int) -> Value:
    held = convert(value, "real") if value.type in ("real", "decimal") else convert(value, "long")
    if held.raw is None or (isinstance(held.raw, float) and not math.isfinite(held.raw)):
        return dated(None)
    return dated(EPOCH + (held.raw * unit if isinstance(held.raw, int) else math.trunc(held.raw * unit)))


@scalar("datetime_utc_to_local")
def utc_to_local(value: Value, zone: Value) -> Value:
    ticks, place = moment(value), _zone(zone)
    if ticks is None or place is None:
        return dated(None)
    offset = calendar(ticks).replace(tzinfo=UTC).astimezone(place).utcoffset() or timedelta()
    return dated(ticks + int(offset.total_seconds()) * SECOND)


@scalar("datetime_local_to_utc")
def local_to_utc(value: Value, zone: Value) -> Value:
    ticks, place = moment(value), _zone(zone)
    if ticks is None or place is None:
        return dated(None)
    local = calendar(ticks).replace(tzinfo=place)
    offset = local.utcoffset() or timedelta()
    after = local.replace(fold=1).utcoffset() or timedelta()
    if after > offset:
        # An hour that does not exist (datetime-local-to-utc-function, its second example).
        offset = after
    return dated(ticks - int(offset.total_seconds()) * SECOND)


def _zone(name: Value) -> ZoneInfo | None:
    try:
        return ZoneInfo(text_of(name))
    except (ZoneInfoNotFoundError, ValueError):
        return None


_ELEMENT = re.compile(r"d{1,2}|f{1,7}|F{1,7}|h{1,2}|H{1,2}|m{1,2}|M{1,2}|s{1,2}|yyyy|y{1,2}|tt?|.", re.S)
"""A longer run is repeats of the longest element; seen on the emulator (duckdb-kql's notes)."""
_SPAN_ELEMENT = re.compile(r"d+|f{1,7}|F{1,7}|h{1,2}|H{1,2}|m{1,2}|s{1,2}|.", re.S)


@scalar("format_datetime")
def format_datetime(value: Value, layout: Value) -> Value:
    ticks = moment(value)
    if ticks is None:
        return string("")
    when = calendar(ticks)
    fields: dict[str, Any] = {
        "d": when.day, "h": (when.hour + 11) % 12 + 1, "H": when.hour, "m": when.minute, "M": when.month,
        "s": when.second, "y": when.year,
    }  # fmt: skip
    return string("".join(_shown(mark, fields, ticks) for mark in _ELEMENT.findall(text_of(layout))))


def _shown(mark: str, fields: dict[str, Any], ticks: int) -> str:
    kind, width = mark[0], len(mark)
    if kind in "fF":
        digits = f"{ticks % SECOND:07d}"[:width]
        return digits if kind == "f" or digits.strip("0") else ""
    if kind == "t" and "y" in fields:
        return ("AM" if fields["H"] < 12 else "PM")[:width]
    if kind == "y" and "y" in fields:
        return str(fields["y"] % 100).rjust(width, "0") if width <= 2 else str(fields["y"]).rjust(width, "0")
    if kind in fields:
        return str(fields[kind]).rjust(width, "0")
    return mark


@scalar("format_timespan")
def format_timespan(value: Value, layout: Value) -> Value:
    ticks = convert(value, "timespan").raw
    if ticks is None:
        return string("")
    size = abs(ticks)
    fields: dict[str, Any] = {
        "d": size // DAY, "h": size // HOUR % 24, "H": size // HOUR % 24, "m": size // MINUTE % 60,
        "s": size // SECOND % 60,
    }  # fmt: skip
    shown = "".join(_shown(mark, fields, size) for mark in _SPAN_ELEMENT.findall(text_of(layout)))
    return string(("-" if ticks < 0 else "") + shown)


def utc(ticks: int) -> datetime:
    return calendar(ticks)


def floor_ticks(kind: str, value: int, step: int) -> Value:
    return in_range(kind, value // step * step)
