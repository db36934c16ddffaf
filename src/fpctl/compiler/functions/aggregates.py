"""Aggregates of summarize and make-series."""

from __future__ import annotations

import math
from collections.abc import Callable

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.registry import aggregate
from fpctl.compiler.sql import (
    STAR,
    Cast,
    Column,
    Func,
    Infix,
    Number,
    Order,
    Real,
    Sql,
    Text,
    Word,
    conjunction,
    func,
    not_null,
    when,
)
from fpctl.compiler.values.conversions import converted, to_dynamic
from fpctl.compiler.values.value import HELD_AS, NUMBERS, Value
from fpctl.kql import tree

ORDER = "fpctl_order"


def _where(expressions: Expressions, node: tree.Call, at: int) -> Sql | None:
    """Return the predicate of `countif` and its like, None where the name has none."""
    name = node.name.value
    if not name.endswith("if"):
        return None
    if len(node.args) <= at:
        expressions.refuse(name, f"{name}() needs a predicate", node)
    return expressions.condition(node.args[at])


def _order(expressions: Expressions) -> tuple[Order, ...]:
    """Return how the rows at hand came, where their order means something."""
    return (Order(Column(ORDER), False, False),) if expressions.serialized else ()


@aggregate("count countif cnt")
def count(expressions: Expressions, node: tree.Call) -> Value:
    """`count()`, `countif(predicate)`."""
    return Value(Func("count", (STAR,), where=_where(expressions, node, 0)), "long", nullable=False)


@aggregate("dcount dcountif count_distinct count_distinctif")
def dcount(expressions: Expressions, node: tree.Call) -> Value:
    """`dcount(x)`, which Kusto approximates, and `count_distinct(x)`: counted."""
    value = expressions.value(node.args[0])
    return Value(
        Func("count", (_comparable(value),), distinct=True, where=_where(expressions, node, 1)), "long", nullable=False
    )


def _comparable(value: Value) -> Sql:
    """Return what distinguishes values: of a dynamic its text."""
    return Cast(func("json", value.sql), "VARCHAR") if value.type == "dynamic" else stored(value)


def stored(value: Value) -> Sql:
    """Return a value as a table has it."""
    return value.sql if value.moment is None else value.moment


@aggregate("sum sumif")
def sum_(expressions: Expressions, node: tree.Call) -> Value:
    """`sum(x)`: 0 of no rows."""
    value = _number(expressions, node)
    total = Func("sum", (value.sql,), where=_where(expressions, node, 1))
    held = HELD_AS[value.type]
    # A sum that overflows goes round, as `+` does.
    whole = func("kql_wrap", total) if value.type in ("long", "timespan") else Cast(total, held, attempt=True)
    return Value(func("coalesce", whole, Cast(Number(0), held)), value.type)


def _number(expressions: Expressions, node: tree.Call) -> Value:
    value = expressions.value(node.args[0])
    kind = {"int": "long", "bool": "long", "dynamic": "real"}.get(value.type, value.type)
    found = converted(value, kind)
    if found is None or kind not in NUMBERS | {"timespan", "datetime"}:
        expressions.refuse(node.name.value, f"{node.name.value}() does not take a {value.type}", node)
    return found


@aggregate("avg avgif")
def avg(expressions: Expressions, node: tree.Call) -> Value:
    """`avg(x)`, of times too."""
    value = _number(expressions, node)
    where = _where(expressions, node, 1)
    if value.type in ("datetime", "timespan"):
        total = Func("sum", (Cast(value.sql, "HUGEINT"),), where=where)
        number = func("nullif", Func("count", (value.sql,), where=where), Number(0))
        return Value(Cast(Infix("//", (total, number)), "BIGINT"), value.type)
    kind = "decimal" if value.type == "decimal" else "real"
    average: Sql = Cast(Func("avg", (value.sql,), where=where), HELD_AS[kind])
    if kind == "real":
        average = func("coalesce", average, Real(math.nan))  # of no rows NaN (summarize-operator, an example)
    return Value(average, kind)


@aggregate("min max minif maxif")
def extreme(expressions: Expressions, node: tree.Call) -> Value:
    """`min(x)`, `max(x)`."""
    value = expressions.value(node.args[0])
    if value.type == "dynamic":
        expressions.refuse(node.name.value, f"{node.name.value}() takes no dynamic value", node, "convert it: tolong()")
    name = node.name.value.removesuffix("if")
    return _kept(value, lambda sql: Func(name, (sql,), where=_where(expressions, node, 1)))


def _kept(value: Value, build: Callable[[Sql], Sql]) -> Value:
    """Return an aggregate whose result is one of the values; of no rows null, "" of string."""
    if value.type == "string":
        return Value(func("coalesce", build(value.sql), Text("")), "string")
    return Value(build(value.sql), value.type)


@aggregate("arg_max arg_min argmax argmin")
def arg(expressions: Expressions, node: tree.Call) -> tuple[Value, ...]:
    """`arg_max(x, a, b, *)`: the columns of a row with the greatest x."""
    primary = expressions.value(node.args[0])
    if primary.type == "dynamic":
        expressions.refuse(node.name.value, f"{node.name.value}() takes no dynamic value", node)
    greatest = node.name.value in ("arg_max", "argmax")
    found = [_kept(primary, lambda sql: func("max" if greatest else "min", sql))]
    by = _never_null(primary, greatest=greatest)
    nullable = primary.may_be_null and primary.type not in _ENDS
    found += [
        _kept(value, lambda sql: _at_extreme(sql, by, greatest, nullable))
        for value in columns_of(expressions, node)[1:]
    ]
    return tuple(found)


def _at_extreme(sql: Sql, by: Sql, greatest: bool, nullable: bool) -> Sql:
    """Return a column of the row with the extreme; where all are null, of some row (arg-max's example of nulls)."""
    found = func("arg_max_null" if greatest else "arg_min_null", sql, by)
    if not nullable:
        return found
    return when(Infix(">", (func("count", by), Number(0))), found, func("first", sql))


_ENDS = {
    "int": ("(-2147483648)", "2147483647"), "long": ("(-9223372036854775808)", "9223372036854775807"),
    "timespan": ("(-9223372036854775808)", "9223372036854775807"), "datetime": ("(-1)", "9223372036854775807"),
    "real": ("'-infinity'::DOUBLE", "'nan'::DOUBLE"), "bool": ("false", "true"),
}  # fmt: skip


def _never_null(value: Value, *, greatest: bool) -> Sql:
    """Return what rows are ranked by, nulls after all others: where all are null, some row is left."""
    if value.type not in _ENDS:
        return stored(value)
    if value.moment is not None:
        return func("coalesce", value.moment, Word("'-infinity'::TIMESTAMP" if greatest else "'infinity'::TIMESTAMP"))
    return func("coalesce", value.sql, Word(_ENDS[value.type][0 if greatest else 1]))


def columns_of(expressions: Expressions, node: tree.Call) -> list[Value]:
    """Return the values that a call with `*` among its arguments gives, in the binder's order."""
    binder = expressions.binder
    aggregating, binder.aggregating = binder.aggregating, True
    bound = expressions.type_of(node)
    binder.aggregating = aggregating
    columns = list(getattr(bound, "columns", ()))
    values: list[Value] = []
    plain = [arg for arg in node.args if not isinstance(arg, tree.Star)]
    if len(plain) == len(node.args):
        return [expressions.value(_unnamed(arg)) for arg in node.args]
    for arg in node.args:
        if isinstance(arg, tree.Star):
            rest = columns[len(values) :]
            values.extend(expressions.row.columns[one.name].value(expressions.row.of) for one in rest)
        else:
            values.append(expressions.value(_unnamed(arg)))
    if len(values) != len(columns):
        expressions.refuse(node.name.value, "columns named next to * are not supported by the local engine", node)
    return values


def _unnamed(node: tree.Expr) -> tree.Expr:
    return node.value if isinstance(node, tree.Named) else node


@aggregate("any take_any anyif take_anyif")
def any_(expressions: Expressions, node: tree.Call) -> tuple[Value, ...]:
    """`take_any(a, b, *)`: the columns of some row, one that has a value where a single column is asked for."""
    where = _where(expressions, node, 1)
    values = columns_of(expressions, node) if where is None else [expressions.value(node.args[0])]
    name = "any_value" if len(values) == 1 else "first"
    return tuple(_kept(value, lambda sql: Func(name, (sql,), where=where)) for value in values)


macro("kql_first_of", "l, n", "CASE WHEN n IS NULL THEN l ELSE list_slice(l, 1, n) END")


def _limit(expressions: Expressions, node: tree.Call, at: int) -> int | None:
    if len(node.args) <= at:
        return None
    value = expressions.constant_of(node.args[at], f"the most values of {node.name.value}")
    return value.constant if isinstance(value.constant, int) else None


def _as_array(items: Sql, limit: int | None) -> Value:
    if limit is not None:
        items = func("list_slice", items, Number(1), Number(limit))
    array = func("to_json", items)
    return Value(func("coalesce", array, Cast(Text("[]"), "JSON")), "dynamic", nullable=False)


@aggregate("make_list makelist make_list_if make_list_with_nulls")
def make_list(expressions: Expressions, node: tree.Call) -> Value:
    """`make_list(x, most)`: nulls are passed over."""
    name = node.name.value
    value = to_dynamic(expressions.value(node.args[0]))
    conditions: list[Sql] = []
    at = 1
    if name == "make_list_if":
        conditions.append(expressions.condition(node.args[1]))
        at = 2
    if name != "make_list_with_nulls" and value.may_be_null:
        conditions.append(not_null(value.sql))
    where = conjunction(conditions) if conditions else None
    items = Func("list", (value.sql,), order=_order(expressions), where=where)
    return _as_array(items, _limit(expressions, node, at))


macro("kql_set_elements", "j", "list_filter(list_transform(CASE WHEN kql_is_array(j) THEN from_json(j, '[\"JSON\"]') "
      "WHEN j IS NULL THEN [] ELSE [j] END, lambda e: json(kql_json(e))), lambda e: e IS NOT NULL)")  # fmt: skip


@aggregate("make_set makeset make_set_if")
def make_set(expressions: Expressions, node: tree.Call) -> Value:
    """`make_set(x, most)`: each value once; Kusto promises no order, here they are sorted."""
    given = expressions.value(node.args[0])
    conditions: list[Sql] = []
    at = 1
    if node.name.value == "make_set_if":
        conditions.append(expressions.condition(node.args[1]))
        at = 2
    value = given
    if given.type == "dynamic":
        # Of an array, its elements are the values.
        lists = Func(
            "list", (func("kql_set_elements", given.sql),), where=conjunction(conditions) if conditions else None
        )
        items = func("list_sort", func("list_distinct", func("flatten", lists)))
        return _as_array(items, _limit(expressions, node, at))
    if given.type in ("real", "decimal", "datetime", "timespan", "guid"):
        value = to_dynamic(given)
    if value.may_be_null:
        conditions.append(not_null(value.sql))
    where = conjunction(conditions) if conditions else None
    if given.type == "dynamic":
        # Of arrays, their elements (make-set-aggregation-function, "Set from array column").
        elements = func("flatten", Func("list", (func("kql_members", value.sql),), where=where))
        return _as_array(func("kql_each_once", elements), _limit(expressions, node, at))
    order = () if value.is_constant else (Order(value.sql, False, True),)
    items = Func("list", (value.sql,), distinct=True, order=order, where=where)
    return _as_array(items, _limit(expressions, node, at))


macro("kql_members", "j", "CASE WHEN kql_is_array(j) THEN "
      "list_transform(kql_elements(j), lambda e: CAST(json(e) AS VARCHAR)) "
      "ELSE [CAST(json(j) AS VARCHAR)] END")  # fmt: skip
macro("kql_each_once", "l", "list_transform(list_sort(list_distinct(l)), lambda e: CAST(e AS JSON))")


@aggregate("percentile percentiles")
def percentile(expressions: Expressions, node: tree.Call) -> tuple[Value, ...]:
    """`percentiles(x, 50, 95)`, which Kusto estimates: the values of the nearest rank."""
    value = _number(expressions, node)
    found = []
    for arg in node.args[1:]:
        rank = converted(expressions.constant_of(arg, "the percentile"), "real")
        if rank is None or not isinstance(rank.constant, int | float):
            expressions.refuse("percentile", "the percentile must be a number", arg)
        share = min(max(float(rank.constant) / 100, 0.0), 1.0)
        sql = func("quantile_disc", value.sql, Real(share))
        kind = "real" if value.type == "decimal" else value.type
        found.append(Value(sql, kind))
    return tuple(found)


for _name, _duckdb in (
    ("stdev", "stddev_samp"), ("stdevif", "stddev_samp"), ("stdevp", "stddev_pop"), ("variance", "var_samp"),
    ("varianceif", "var_samp"), ("variancep", "var_pop"), ("variancepif", "var_pop"),
):  # fmt: skip

    def _spread(expressions: Expressions, node: tree.Call, duckdb: str = _duckdb) -> Value:
        value = converted(_number(expressions, node), "real")
        assert value is not None
        spread = Func(duckdb, (value.sql,), where=_where(expressions, node, 1))
        return Value(func("coalesce", spread, Real(0.0)), "real")  # 0 of no rows (summarize-operator, default values)

    aggregate(_name)(_spread)
