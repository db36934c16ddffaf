"""Arrays that are made: `range()`, `repeat()`."""

from __future__ import annotations

from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_arguments import dynamic, json_of, over_arrays, whole
from fpctl.compiler.library import macro
from fpctl.compiler.registry import special
from fpctl.compiler.sql import Cast, Text, func
from fpctl.compiler.values.conversions import converted, to_dynamic
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

_MOST_ITEMS = 1_048_576
"""Items of a made array (learn.microsoft.com/kusto/query/range-function)."""


def _ranged(low: Any, high: Any, step: Any) -> Any:
    if step == 0:
        return None
    found: list[Any] = []
    at = low
    while (at <= high if step > 0 else at >= high) and len(found) < _MOST_ITEMS:
        found.append(at)
        at = low + len(found) * step
    return found


over_arrays("range", _ranged, "json", "json", "json")
over_arrays("ticks_range", _ranged, "int64", "int64", "int64")
macro("kql_times", "j", "to_json(list_transform(from_json(j, '[\"BIGINT\"]'), lambda t: kql_datetime_text(t)))")
macro("kql_spans", "j", "to_json(list_transform(from_json(j, '[\"BIGINT\"]'), lambda t: kql_timespan_text(t)))")


@special("range")
def range_(expressions: Expressions, node: tree.Call) -> Value:
    """`range(first, last, step)`: numbers, times or timespans; 1, or an hour, where there is no step."""
    values = expressions.values(node.args)
    kind = values[0].type
    if kind in ("datetime", "timespan"):
        step = converted(values[2], "timespan") if len(values) > 2 else constant(36_000_000_000, "timespan")
        last = converted(values[1], kind)
        if step is None or last is None:
            expressions.refuse("range", "range() takes two times and a timespan", node)
        ticks = func("kql_ticks_range", values[0].sql, last.sql, step.sql)
        return dynamic(Cast(func("kql_times" if kind == "datetime" else "kql_spans", Cast(ticks, "JSON")), "VARCHAR"))
    step = values[2] if len(values) > 2 else constant(1, "long")
    target = "real" if "real" in (kind, values[1].type, step.type) else "long"
    numbers = [converted(value, target) for value in (values[0], values[1], step)]
    if any(number is None for number in numbers):
        expressions.refuse("range", "range() takes numbers or times", node)
    return dynamic(func("kql_range", *(Cast(to_dynamic(n).sql, "VARCHAR") for n in numbers if n is not None)))


def _repeated(value: Any, times: int) -> Any:
    return None if times < 0 else [value] * min(times, _MOST_ITEMS)


over_arrays("repeat", _repeated, "json", "int64")


@special("repeat")
def repeat(expressions: Expressions, node: tree.Call) -> Value:
    """`repeat(value, times)`."""
    value = func("coalesce", json_of(expressions, node.args[0]), Text("null"))
    return dynamic(func("kql_repeat", value, whole(expressions, node.args[1], "repeat")))
