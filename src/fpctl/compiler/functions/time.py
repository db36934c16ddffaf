"""Times."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.arithmetic import NoArithmetic, calculated, whole
from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Cast, Infix, Number, Sql, attempted, func, guarded
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.ticks import DAY
from fpctl.compiler.values.value import NUMBERS, Value
from fpctl.kql import tree

macro("kql_moment", "t", "make_timestamp(t // 10 - 62135596800000000)")
macro("kql_ticks", "m", "epoch_us(m) * 10 + 621355968000000000")
macro("kql_rest_of", "x, n", "x % nullif(n, 0) + CASE WHEN x % nullif(n, 0) < 0 THEN n ELSE 0 END")
macro("kql_floor_by", "x, n", "CASE WHEN n > 0 THEN TRY(x - kql_rest_of(x, n)) END")
macro("kql_long_floor_by", "x, n", "CASE WHEN n > 0 THEN kql_minus(x, kql_rest_of(x, n)) END")
macro("kql_floor_by_wide", "x, n", "CASE WHEN n > 0 THEN TRY_CAST(x::HUGEINT - kql_rest_of(x, n) AS BIGINT) END")
macro("kql_long_floor_by_wide", "x, n", "CASE WHEN n > 0 THEN kql_minus_wide(x, kql_rest_of(x, n)) END")
macro("kql_real_floor_by", "x, n", "CASE WHEN n > 0 THEN floor(x / n) * n END")


@special("now")
def now(expressions: Expressions, node: tree.Call) -> Value:
    """`now()`, `now(-1d)`."""
    moment = constant(expressions.now, "datetime")
    if not node.args:
        return moment
    return _shifted(expressions, node, "+", moment)


@special("ago")
def ago(expressions: Expressions, node: tree.Call) -> Value:
    """`ago(1d)`."""
    return _shifted(expressions, node, "-", constant(expressions.now, "datetime"))


def _shifted(expressions: Expressions, node: tree.Call, op: str, moment: Value) -> Value:
    span = converted(expressions.value(node.args[0]), "timespan")
    if span is None:
        expressions.refuse(node.name.value, f"{node.name.value}() takes a timespan", node)
    return calculated(op, moment, span)


@special("bin floor")
def bin_(expressions: Expressions, node: tree.Call) -> Value:
    """`bin(x, size)`: down to a multiple of the size, counted from 0 or from 0001-01-01."""
    if len(node.args) == 1 and node.name.value == "floor":
        return _floor(expressions, node)
    if len(node.args) != 2:
        expressions.refuse(node.name.value, f"{node.name.value}() takes a value and a size", node)
    value, size = expressions.value(node.args[0]), expressions.value(node.args[1])
    if value.type == "dynamic":
        expressions.refuse("bin", "bin() takes no dynamic value", node, "convert it: tolong(), todatetime()")
    if value.type in ("datetime", "timespan"):
        span = converted(size, "timespan")
        if span is None or size.type not in ("timespan", "int", "long"):
            expressions.refuse("bin", f"bin() of a {value.type} takes a timespan", node)
        return Value(guarded("kql_floor_by", value.sql, span.sql), value.type)
    if value.type in ("int", "long") and size.type in ("int", "long"):
        one, by = converted(value, "long"), converted(size, "long")
        assert one is not None
        assert by is not None
        return Value(guarded("kql_long_floor_by", one.sql, by.sql), "long")
    one, by = converted(value, "real"), converted(size, "real")
    if one is None or by is None or not {value.type, size.type} <= NUMBERS or "decimal" in (value.type, size.type):
        expressions.refuse("bin", f"bin() does not take ({value.type}, {size.type})", node)
    return Value(func("kql_real_floor_by", one.sql, by.sql), "real")


def _floor(expressions: Expressions, node: tree.Call) -> Value:
    value = expressions.value(node.args[0])
    if value.type in ("int", "long"):
        return value
    real = converted(value, "real")
    if real is None:
        expressions.refuse("floor", "floor() takes a number", node)
    return Value(func("floor", real.sql), "real")


macro("kql_startofday", "t", f"t - t % {DAY}")
# 0001-01-01 was a Monday; Kusto's weeks begin on Sunday.
macro("kql_startofweek", "t", f"kql_datetime_in_range(t - t % {DAY} - ((t // {DAY} + 1) % 7) * {DAY})")
macro("kql_startofmonth", "t", "kql_ticks(date_trunc('month', kql_moment(t)))")
macro("kql_startofyear", "t", "kql_ticks(date_trunc('year', kql_moment(t)))")
macro("kql_months_later", "t, n", "kql_datetime_in_range(TRY(kql_ticks(kql_moment(t - t % 10) + "
      "to_months(CAST(n AS INTEGER))) + t % 10))")  # fmt: skip
macro("kql_day_shift", "t, n", f"kql_datetime_in_range(TRY(t + n * {DAY}))")
macro(
    "kql_day_shift_wide",
    "t, n",
    f"kql_datetime_in_range(TRY_CAST(t::HUGEINT + n::HUGEINT * {DAY}::HUGEINT AS BIGINT))",
)

macro("kql_last_of", "t, n", "kql_datetime_in_range(t + n - 1)")
_LENGTHS = {"day": Cast(Number(DAY), "BIGINT"), "week": Cast(Number(7 * DAY), "BIGINT")}

for _unit in ("day", "week", "month", "year"):

    def _starts(moment: Sql, offset: Sql | None, unit: str = _unit) -> Sql:
        first = func(f"kql_startof{unit}", moment)
        return first if offset is None else _later(first, offset, unit)

    def _ends(moment: Sql, offset: Sql | None, unit: str = _unit) -> Sql:
        first = func(f"kql_startof{unit}", moment)
        if unit in ("day", "week"):
            return func("kql_last_of", _later(first, offset, unit) if offset is not None else first, _LENGTHS[unit])
        following = Infix("+", (offset, Number(1))) if offset is not None else Number(1)
        return Infix("-", (_later(first, following, unit), Number(1)))

    scalar(f"startof{_unit}", "datetime", "long?", returns="datetime")(_starts)
    scalar(f"endof{_unit}", "datetime", "long?", returns="datetime")(_ends)


def _later(moment: Sql, count: Sql, unit: str) -> Sql:
    if unit in ("day", "week"):
        days = count if unit == "day" else Infix("*", (count, Number(7)))
        return guarded("kql_day_shift", moment, days)
    return func("kql_months_later", moment, count if unit == "month" else Infix("*", (count, Number(12))))


@scalar("dayofweek", "datetime", returns="timespan")
def dayofweek(moment: Sql) -> Sql:
    """`dayofweek(t)`: a timespan of days since Sunday."""
    days = Infix("%", (Infix("+", (Infix("//", (moment, Number(DAY))), Number(1))), Number(7)))
    return Infix("*", (days, Cast(Number(DAY), "BIGINT")))


for _name, _part in (
    ("dayofmonth", "day"), ("dayofyear", "dayofyear"), ("monthofyear getmonth", "month"), ("getyear", "year"),
    ("hourofday", "hour"), ("week_of_year weekofyear", "week"),
):  # fmt: skip

    def _part_of(moment: Sql, part: str = _part) -> Sql:
        return Cast(func(part, func("kql_moment", moment)), "INTEGER")

    scalar(_name, "datetime", returns="int")(_part_of)


@special("datetime_diff")
def datetime_diff(expressions: Expressions, node: tree.Call) -> Value:
    """`datetime_diff(part, a, b)`: boundaries of the part between b and a."""
    part = expressions.constant_of(node.args[0], "the part of datetime_diff").constant
    first, second = (converted(expressions.value(arg), "datetime") for arg in node.args[1:3])
    if first is None or second is None or not isinstance(part, str):
        expressions.refuse("datetime_diff", "datetime_diff() takes a part and two datetimes", node)
    unit = _UNITS.get(part.lower())
    if unit is not None:
        return _difference([Infix("//", (one.sql, Number(unit))) for one in (first, second)])
    if part.lower() == "nanosecond":
        return Value(whole("*", Infix("-", (first.sql, second.sql)), Number(100)), "long")
    if part.lower() == "week":
        a, b = (func("kql_week", one.sql) for one in (first, second))
        return Value(Infix("-", (a, b)), "long")
    months = {"month": 1, "quarter": 3, "year": 12}.get(part.lower())
    if months is None:
        expressions.refuse("datetime_diff", f"there is no part {part}", node)
    return _difference([_months(one.sql, months) for one in (first, second)])


def _difference(ends: Sequence[Sql]) -> Value:
    return Value(Infix("-", tuple(ends)), "long")


macro("kql_week", "t", f"(t // {DAY} + 1) // 7")
_UNITS = {
    "day": DAY, "hour": DAY // 24, "minute": 600_000_000, "second": 10_000_000, "millisecond": 10_000,
    "microsecond": 10,
}  # fmt: skip


def _months(moment: Sql, by: int) -> Sql:
    when = func("kql_moment", moment)
    year = Infix("*", (func("year", when), Number(12)))
    months = Infix("+", (year, Infix("-", (func("month", when), Number(1)))))
    return Cast(Infix("//", (months, Number(by))), "BIGINT")


@special("datetime_add")
def datetime_add(expressions: Expressions, node: tree.Call) -> Value:
    """`datetime_add(part, amount, t)`."""
    part = expressions.constant_of(node.args[0], "the part of datetime_add").constant
    amount, moment = (
        converted(expressions.value(node.args[1]), "long"),
        converted(expressions.value(node.args[2]), "datetime"),
    )
    if amount is None or moment is None or not isinstance(part, str):
        expressions.refuse("datetime_add", "datetime_add() takes a part, a number and a datetime", node)
    unit = (_UNITS | {"week": 7 * DAY}).get(part.lower())
    if unit is not None:
        try:
            return calculated(
                "+", moment, Value(attempted(Infix("*", (amount.sql, Cast(Number(unit), "BIGINT")))), "timespan")
            )
        except NoArithmetic:
            expressions.refuse("datetime_add", "datetime_add() takes a part, a number and a datetime", node)
    months = {"month": 1, "quarter": 3, "year": 12}.get(part.lower())
    if months is None:
        expressions.refuse("datetime_add", f"there is no part {part}", node)
    return Value(func("kql_months_later", moment.sql, Infix("*", (amount.sql, Number(months)))), "datetime")
