"""Times made, taken apart and written: make_datetime, unixtime_*, datetime_part, format_datetime, local times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import fpctl.compiler.functions.mathematics
import fpctl.compiler.functions.time  # noqa: F401  (kql_moment)
from fpctl.compiler.arithmetic import calculated
from fpctl.compiler.comparison import between
from fpctl.compiler.context import Expressions
from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Cast, Number, Sql, Text, func, guarded
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.ticks import DAY, HOUR, MINUTE, SECOND
from fpctl.compiler.values.value import NUMBERS, Value
from fpctl.kql import tree

# --------------------------------------------------------------------------- made

macro("kql_days", "y, m, d", "CASE WHEN y BETWEEN 1 AND 9999 AND m BETWEEN 1 AND 12 AND d BETWEEN 1 AND "
      "day(last_day(make_date(y, m, 1))) THEN datediff('day', DATE '0001-01-01', make_date(y, m, d)) END")  # fmt: skip
macro("kql_clock", "h, m, s", "CASE WHEN h BETWEEN 0 AND 23 AND m BETWEEN 0 AND 59 AND s >= 0 AND s < 60 THEN "
      f"h::BIGINT * {HOUR} + m::BIGINT * {MINUTE} + CAST(round(s * {SECOND}) AS BIGINT) END")  # fmt: skip
macro("kql_made_time", "y, m, d, h, n, s", f"kql_days(y, m, d)::BIGINT * {DAY} + kql_clock(h, n, s)")


@special("make_datetime")
def make_datetime(expressions: Expressions, node: tree.Call) -> Value:
    """`make_datetime(year, month, day, hour, minute, second)`: null of what is not a date."""
    values = expressions.values(node.args)
    if len(values) == 1:
        found = converted(values[0], "datetime")
        if found is None:
            expressions.refuse("make_datetime", f"a {values[0].type} is not a date", node)
        return found
    numbers = [converted(value, "real" if at == 5 else "long") for at, value in enumerate(values)]
    if len(numbers) not in (3, 4, 5, 6) or any(number is None for number in numbers):
        expressions.refuse("make_datetime", "make_datetime() takes a year, a month, a day, and a time", node)
    given = [number.sql for number in numbers if number is not None]
    given += [Number(0)] * (6 - len(given))
    return Value(func("kql_made_time", *given), "datetime")


@special("make_timespan")
def make_timespan(expressions: Expressions, node: tree.Call) -> Value:
    """`make_timespan(hour, minute)`, with seconds, and with days before them."""
    if len(node.args) not in (2, 3, 4):
        expressions.refuse("make_timespan", "make_timespan() takes two to four numbers", node)
    parts = [converted(value, "real") for value in expressions.values(node.args)]
    if any(part is None for part in parts):
        expressions.refuse("make_timespan", "make_timespan() takes numbers", node)
    numbers: list[Sql] = [part.sql for part in parts if part is not None]
    if len(numbers) == 2:
        numbers.append(Number(0))
    if len(numbers) == 3:
        numbers.insert(0, Number(0))
    return Value(func("kql_made_span", *numbers), "timespan")


macro("kql_made_span", "d, h, m, s", f"TRY_CAST(trunc(d) AS BIGINT) * {DAY} + kql_clock(TRY_CAST(trunc(h) AS BIGINT), "
      "TRY_CAST(trunc(m) AS BIGINT), s)")  # fmt: skip

_EPOCH_TICKS = 621_355_968_000_000_000
macro("kql_unix", "n, u", f"kql_datetime_in_range(TRY(n * u + {_EPOCH_TICKS}))")
macro(
    "kql_unix_real",
    "n, u",
    f"CASE WHEN isfinite(n) THEN kql_datetime_in_range(TRY_CAST(trunc(n * u) AS BIGINT) + {_EPOCH_TICKS}) END",
)

for _name, _unit in (("seconds", SECOND), ("milliseconds", 10_000), ("microseconds", 10)):

    @special(f"unixtime_{_name}_todatetime")
    def _from_unix(expressions: Expressions, node: tree.Call, unit: int = _unit) -> Value:
        value = expressions.value(node.args[0])
        target = "real" if value.type in ("real", "decimal") else "long"
        number = converted(value, target)
        if number is None or value.type not in NUMBERS | {"dynamic"}:
            expressions.refuse(node.name.value, f"a {value.type} is not a number", node)
        by = Cast(Number(unit), "BIGINT")
        return Value(func("kql_unix_real" if target == "real" else "kql_unix", number.sql, by), "datetime")


@scalar("unixtime_nanoseconds_todatetime", "long", returns="datetime")
def unixtime_nanoseconds(number: Sql) -> Sql:
    """`unixtime_nanoseconds_todatetime(n)`."""
    return func("kql_unix_nano", number)


macro("kql_unix_nano", "n", f"kql_datetime_in_range(kql_floor_div(n, 100) + {_EPOCH_TICKS})")

# --------------------------------------------------------------------------- parts

_PARTS = {
    "year": "year(kql_moment(t))", "quarter": "quarter(kql_moment(t))", "month": "month(kql_moment(t))",
    "week_of_year": "week(kql_moment(t))", "weekofyear": "week(kql_moment(t))", "day": "day(kql_moment(t))",
    "dayofyear": "dayofyear(kql_moment(t))", "hour": "t // 36000000000 % 24", "minute": "t // 600000000 % 60",
    "second": "t // 10000000 % 60", "millisecond": "t % 10000000 // 10000", "microsecond": "t % 10000000 // 10",
    "nanosecond": "t % 10000000 * 100",
}  # fmt: skip
for _part, _body in _PARTS.items():
    macro(f"kql_part_{_part}", "t", f"CAST({_body} AS INTEGER)")


@special("datetime_part datepart")
def datetime_part(expressions: Expressions, node: tree.Call) -> Value:
    """`datetime_part(part, t)`."""
    part = expressions.constant_of(node.args[0], "the part of datetime_part").constant
    moment = converted(expressions.value(node.args[1]), "datetime")
    if not isinstance(part, str) or part.lower() not in _PARTS or moment is None:
        expressions.refuse("datetime_part", f"there is no part {part} of a datetime", node)
    return Value(func(f"kql_part_{part.lower()}", moment.sql), "int")


macro("kql_two", "n", "lpad(CAST(n AS VARCHAR), 2, '0')")
_ELEMENTS = {
    "d": "CAST(day(kql_moment(t)) AS VARCHAR)", "dd": "kql_two(day(kql_moment(t)))",
    "M": "CAST(month(kql_moment(t)) AS VARCHAR)", "MM": "kql_two(month(kql_moment(t)))",
    "y": "CAST(year(kql_moment(t)) % 100 AS VARCHAR)", "yy": "kql_two(year(kql_moment(t)) % 100)",
    "yyyy": "lpad(CAST(year(kql_moment(t)) AS VARCHAR), 4, '0')",
    "h": "CAST((t // 36000000000 + 11) % 12 + 1 AS VARCHAR)", "hh": "kql_two((t // 36000000000 + 11) % 12 + 1)",
    "H": "CAST(t // 36000000000 % 24 AS VARCHAR)", "HH": "kql_two(t // 36000000000 % 24)",
    "m": "CAST(t // 600000000 % 60 AS VARCHAR)", "mm": "kql_two(t // 600000000 % 60)",
    "s": "CAST(t // 10000000 % 60 AS VARCHAR)", "ss": "kql_two(t // 10000000 % 60)",
    "tt": "CASE WHEN t // 36000000000 % 24 < 12 THEN 'AM' ELSE 'PM' END",
}  # fmt: skip
_NAMES = {element: f"kql_shown_{at}" for at, element in enumerate(_ELEMENTS)}
for _element, _body in _ELEMENTS.items():
    macro(_NAMES[_element], "t", _body)
macro("kql_fraction", "t, n", "left(lpad(CAST(t % 10000000 AS VARCHAR), 7, '0'), n)")
macro("kql_some_fraction", "t, n", "CASE WHEN trim(kql_fraction(t, n), '0') = '' THEN '' ELSE kql_fraction(t, n) END")
_LAYOUT = re.compile(r"yyyy|y{1,2}|d{1,2}|M{1,2}|h{1,2}|H{1,2}|m{1,2}|s{1,2}|f{1,7}|F{1,7}|tt|[ /\-:,._\[\]]")
_SPAN_LAYOUT = re.compile(r"d{1,8}|h{1,2}|H{1,2}|m{1,2}|s{1,2}|f{1,7}|F{1,7}|[ /\-:,._\[\]]")


def _elements(expressions: Expressions, node: tree.Call, layout: re.Pattern[str]) -> list[str]:
    written = expressions.constant_of(node.args[1], "the format").constant
    if not isinstance(written, str) or not written:
        expressions.refuse(node.name.value, "the format is a string", node.args[1])
    found = layout.findall(written)
    if "".join(found) != written:
        expressions.refuse(node.name.value, f"the format {written} has parts that are not described", node.args[1])
    return found


@special("format_datetime")
def format_datetime(expressions: Expressions, node: tree.Call) -> Value:
    """`format_datetime(t, format)`: empty of null."""
    moment = converted(expressions.value(node.args[0]), "datetime")
    if moment is None:
        expressions.refuse("format_datetime", "format_datetime() takes a datetime", node)
    return _written(moment.sql, _elements(expressions, node, _LAYOUT), _NAMES, moment.sql)


def _written(ticks: Sql, elements: list[str], names: dict[str, str], whole: Sql) -> Value:
    parts: list[Sql] = []
    for element in elements:
        if element in names:
            parts.append(func(names[element], ticks))
        elif element[0] in "fF":
            name = "kql_fraction" if element[0] == "f" else "kql_some_fraction"
            parts.append(func(name, ticks, Number(len(element))))
        elif element[0] == "d":
            parts.append(func("kql_days_shown", ticks, Number(len(element))))
        else:
            parts.append(Text(element))
    return Value(func("kql_if_known", whole, func("concat", *parts)), "string")


macro("kql_if_known", "t, s", "CASE WHEN t IS NULL THEN '' ELSE s END")
macro("kql_days_shown", "t, n", f"CASE WHEN length(CAST(t // {DAY} AS VARCHAR)) >= n THEN CAST(t // {DAY} AS VARCHAR) "
      f"ELSE lpad(CAST(t // {DAY} AS VARCHAR), n, '0') END")  # fmt: skip
macro("kql_hours_shown", "t", "CAST(t // 36000000000 % 24 AS VARCHAR)")
macro("kql_hours_shown_2", "t", "kql_two(t // 36000000000 % 24)")
_SPAN_NAMES = {
    "h": "kql_hours_shown", "H": "kql_hours_shown", "hh": "kql_hours_shown_2", "HH": "kql_hours_shown_2",
    "m": _NAMES["m"], "mm": _NAMES["mm"], "s": _NAMES["s"], "ss": _NAMES["ss"],
}  # fmt: skip


@special("format_timespan")
def format_timespan(expressions: Expressions, node: tree.Call) -> Value:
    """`format_timespan(t, format)`: a minus before a negative one."""
    span = converted(expressions.value(node.args[0]), "timespan")
    if span is None:
        expressions.refuse("format_timespan", "format_timespan() takes a timespan", node)
    shown = _written(func("abs", span.sql), _elements(expressions, node, _SPAN_LAYOUT), _SPAN_NAMES, span.sql)
    return Value(func("kql_signed", span.sql, shown.sql), "string")


macro("kql_signed", "t, s", "CASE WHEN t < 0 THEN '-' || s ELSE s END")

# --------------------------------------------------------------------------- bins, ranges, local times

macro("kql_bin_at", "x, n, f", "CASE WHEN n > 0 THEN TRY(f + kql_floor_div(x - f, n) * n) END")
macro(
    "kql_bin_at_wide",
    "x, n, f",
    "CASE WHEN n > 0 THEN TRY_CAST(f::HUGEINT + kql_floor_div(x::HUGEINT - f, n::HUGEINT) * n AS BIGINT) END",
)
macro("kql_real_bin_at", "x, n, f", "CASE WHEN n > 0 THEN f + floor((x - f) / n) * n END")


@special("bin_at")
def bin_at(expressions: Expressions, node: tree.Call) -> Value:
    """`bin_at(x, size, fixed)`: down to a multiple of the size, counted from a fixed point."""
    if len(node.args) != 3:
        expressions.refuse("bin_at", "bin_at() takes a value, a size and a fixed point", node)
    value, size, fixed = expressions.values(node.args)
    if value.type in ("datetime", "timespan"):
        base = converted(fixed, value.type)
        if base is None or size.type != "timespan":
            expressions.refuse("bin_at", f"bin_at() of a {value.type} takes a timespan and a {value.type}", node)
        made = guarded("kql_bin_at", value.sql, size.sql, base.sql)
        return Value(func("kql_datetime_in_range", made) if value.type == "datetime" else made, value.type)
    kinds = {value.type, size.type, fixed.type}
    if not kinds <= NUMBERS or "decimal" in kinds:
        expressions.refuse("bin_at", "bin_at() takes numbers or times", node)
    kind = "real" if "real" in kinds else "long"
    parts = [converted(part, kind) for part in (value, size, fixed)]
    name = "kql_real_bin_at" if kind == "real" else "kql_bin_at"
    made = (func if kind == "real" else guarded)(name, *(part.sql for part in parts if part is not None))
    return Value(made, kind)


@special("around")
def around(expressions: Expressions, node: tree.Call) -> Value:
    """`around(x, center, delta)`: within the delta of the center."""
    value, center, delta = expressions.values(node.args)
    low, high = calculated("-", center, delta), calculated("+", center, delta)
    return between(value, low, high, negated=False)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _moment(ticks: int) -> datetime:
    return datetime(1, 1, 1) + timedelta(microseconds=ticks // 10)


def _ticks(offset: timedelta | None) -> int:
    return 0 if offset is None else int(offset.total_seconds()) * SECOND


@arrow_function("kql_local", ["int64", "string"], "int64")
def _local(ticks: int, name: str) -> int | None:
    zone = _zone(name)
    if zone is None:
        return None
    try:
        return ticks + _ticks(_moment(ticks).replace(tzinfo=UTC).astimezone(zone).utcoffset())
    except OverflowError:
        return None


@arrow_function("kql_utc", ["int64", "string"], "int64")
def _utc(ticks: int, name: str) -> int | None:
    zone = _zone(name)
    if zone is None:
        return None
    local = _moment(ticks).replace(tzinfo=zone)
    # Of an hour that the clock skips, the later offset (datetime-local-to-utc-function, second example).
    return ticks - max(_ticks(local.utcoffset()), _ticks(local.replace(fold=1).utcoffset()))


@scalar("datetime_utc_to_local", "datetime", "string", returns="datetime")
def utc_to_local(moment: Sql, zone: Sql) -> Sql:
    """`datetime_utc_to_local(t, zone)`: null of a zone that is none."""
    return func("kql_datetime_in_range", func("kql_local", moment, zone))


@scalar("datetime_local_to_utc", "datetime", "string", returns="datetime")
def local_to_utc(moment: Sql, zone: Sql) -> Sql:
    """`datetime_local_to_utc(t, zone)`."""
    return func("kql_datetime_in_range", func("kql_utc", moment, zone))
