"""`make-series`: an array of aggregates along an axis, for each combination of keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.columns import computed
from fpctl.compiler.operators.naming import add, inner, several
from fpctl.compiler.relation import Made, Names, Relation, held_for
from fpctl.compiler.sql import (
    STAR,
    Cast,
    Column,
    Func,
    Infix,
    Lambda,
    Named,
    Number,
    Select,
    Sql,
    Text,
    func,
    not_null,
)
from fpctl.compiler.values.conversions import converted, to_dynamic
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import HELD_AS, Value
from fpctl.kql import tree
from fpctl.kql.binder.context import barrier
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.outputs import Style
from fpctl.kql.binder.projection import Projection, all_grouped
from fpctl.kql.binder.scope import Column as BoundColumn

macro("kql_bins_before", "x, n", "CASE WHEN n > 0 THEN TRY(CAST((x - ((x % n + n) % n)) // n AS BIGINT)) END")
macro("kql_bins_until", "x, n", "CASE WHEN n > 0 THEN TRY(-CAST((-x - ((-x % n + n) % n)) // n AS BIGINT)) END")
macro("kql_real_bins_before", "x, n", "CASE WHEN n > 0 THEN TRY_CAST(floor(x / n) AS BIGINT) END")
macro("kql_real_bins_until", "x, n", "CASE WHEN n > 0 THEN TRY_CAST(ceil(x / n) AS BIGINT) END")

BIN = "fpctl_bin"
_MOST = 1_048_576
"""Values of an array that make-series makes (make-series-operator)."""


class Axis(NamedTuple):
    """What the series run along: its ends and step as SQL of `type`, null where an end is not given."""

    type: str
    low: Sql | None
    high: Sql | None
    step: Sql
    value: Sql

    def bins(self, name: str, distance: Sql) -> Sql:
        """Return how many steps lie in a distance."""
        prefix = "kql_real_bins_" if self.type == "real" else "kql_bins_"
        return func(f"{prefix}{name}", distance, self.step)

    def from_low(self, value: Sql) -> Sql:
        """Return how far a value is from where bins are counted."""
        return value if self.low is None else Infix("-", (value, self.low))


@operator(tree.MakeSeries)
def make_series(compiler: Expressions, node: tree.MakeSeries, rows: Relation) -> Relation:
    """`make-series`."""
    kind = compiler.binder.parameter_text(node.parameters, "kind")
    axis = _axis(compiler, node)
    output, keys, aggregates, axis_name = _named(compiler, node, rows)
    if kind == "nonempty" and (keys or axis.low is None or axis.high is None):
        compiler.refuse("make-series", "kind=nonempty is had without keys and with both ends only", node)
    within: list[Sql] = [not_null(axis.value)]
    if axis.low is not None:
        within.append(Infix(">=", (axis.value, axis.low)))
    if axis.high is not None:
        within.append(Infix("<", (axis.value, axis.high)))
    binned = _binned(rows, within, keys, axis, aggregates)
    series = _series(binned, keys, aggregates, axis, nonempty=kind == "nonempty")
    scope = barrier(rows.scope, output)
    made = [
        Made(one.name, one.value._replace(sql=Column(f"fpctl_key_{at}"), moment=None)) for at, one in enumerate(keys)
    ]
    made += [Made(one.name, Value(Column(f"fpctl_series_{at}"), "dynamic")) for at, one in enumerate(aggregates)]
    made.append(Made(axis_name, Value(Column("fpctl_axis"), "dynamic")))
    by_name = {one.name: one for one in made}
    names = Names()
    columns = {name: held_for(by_name[name], names) for name in scope.columns}
    select = Select(series, tuple(Named(by_name[name].value.sql, columns[name].sql) for name in scope.columns))
    return Relation(select, columns, scope, False)


class Series(NamedTuple):
    """One aggregate: its name, its value for a bin, and what an empty bin gets."""

    name: str
    value: Value
    default: Value


def _axis(compiler: Expressions, node: tree.MakeSeries) -> Axis:
    if node.step is None or isinstance(inner(node.on), tree.Membership):
        compiler.refuse("make-series", "make-series is had as `on x from a to b step c`", node)
    value = compiler.value(inner(node.on))
    kind = {"int": "long"}.get(value.type, value.type)
    if kind not in ("datetime", "timespan", "long", "real"):
        compiler.refuse("make-series", f"make-series does not run along a {value.type}", node.on)
    step = _as(compiler, node.step, "timespan" if kind in ("datetime", "timespan") else kind)
    low = None if node.low is None else _as(compiler, node.low, kind)
    high = None if node.high is None else _as(compiler, node.high, kind)
    typed = converted(value, kind)
    assert typed is not None
    return Axis(kind, low, high, step, typed.sql)


def _as(compiler: Expressions, node: tree.Expr, kind: str) -> Sql:
    value = compiler.value(node)
    found = converted(value, kind)
    if found is None:
        compiler.refuse("make-series", f"a {value.type} is not a {kind}", node)
    return found.sql


def _named(
    compiler: Expressions, node: tree.MakeSeries, rows: Relation
) -> tuple[dict[str, BoundColumn], list[Made], list[Series], str]:
    """Return the columns as the binder has them, the keys, the aggregates and what the axis is called."""
    binder = compiler.binder
    output = Projection()
    keys = computed(compiler, node.by, output, Style.PROJECT)
    grouped = all_grouped(output.columns)
    series = []
    binder.aggregating = True
    types = evaluate_all(binder, [item.value for item in node.aggregates])
    binder.aggregating = False
    for item, type_ in zip(node.aggregates, types, strict=True):
        compiler.grouping = True
        value = several(compiler, item.value)[0]
        compiler.grouping = False
        default = constant(0, "long") if item.default is None else compiler.value(item.default)
        if item.default is None and value.type in ("datetime", "timespan", "string", "dynamic", "bool", "guid"):
            compiler.refuse("make-series", f"a series of {value.type} needs a default", item)
        typed = converted(default, value.type)
        if typed is None or value.type in ("string", "dynamic"):
            compiler.refuse("make-series", "series are of numbers", item)
        binder.aggregating = True
        names = add(compiler, output, item.value, type_, Style.SUMMARIZE, as_type="dynamic")
        binder.aggregating = False
        series.append(Series(names[0], value, typed))
    (on_type,) = evaluate_all(binder, (node.on,))
    names = add(compiler, output, node.on, on_type, Style.PROJECT, as_type="dynamic")
    return {**output.columns, **grouped}, keys, series, names[0]


def _binned(
    rows: Relation, within: Sequence[Sql], keys: Sequence[Made], axis: Axis, series: Sequence[Series]
) -> Select:
    """Return the aggregates of each bin that has rows."""
    base = rows.base()
    columns = [Named(key.value.sql, f"fpctl_key_{at}") for at, key in enumerate(keys)]
    columns.append(Named(axis.bins("before", axis.from_low(axis.value)), BIN))
    columns += [Named(one.value.sql, f"fpctl_value_{at}") for at, one in enumerate(series)]
    group = tuple(Number(at + 1) for at in range(len(keys) + 1))
    return replace(base, keep=False, columns=tuple(columns), where=(*base.where, *within), group=group)


def _series(binned: Select, keys: Sequence[Made], series: Sequence[Series], axis: Axis, *, nonempty: bool) -> Select:
    first: Sql = Number(0) if axis.low is not None else func("min", Column(BIN))
    last: Sql = Infix("+", (func("max", Column(BIN)), Number(1)))
    if axis.high is not None:
        last = axis.bins("until", axis.from_low(axis.high))
    columns = [Named(Column(f"fpctl_key_{at}"), f"fpctl_key_{at}") for at in range(len(keys))]
    columns += [Named(first, "fpctl_first"), Named(last, "fpctl_last")]
    columns.append(Named(func("list", Column(BIN)), "fpctl_bins"))
    columns += [Named(func("list", Column(f"fpctl_value_{at}")), f"fpctl_values_{at}") for at in range(len(series))]
    group = tuple(Column(f"fpctl_key_{at}") for at in range(len(keys))) if keys else None
    having = None if keys or nonempty else Infix(">", (Func("count", (STAR,)), Number(0)))
    whole = Select(binned, tuple(columns), group=group, having=having)
    most = Infix("+", (Column("fpctl_first"), Number(_MOST)))
    indexes = func("range", Column("fpctl_first"), func("least", Column("fpctl_last"), most))
    made = [Named(Column(f"fpctl_key_{at}"), f"fpctl_key_{at}") for at in range(len(keys))]
    for at, one in enumerate(series):
        place = func("list_position", Column("fpctl_bins"), Column("i"))
        found = func("list_extract", Column(f"fpctl_values_{at}"), place)
        element = func("coalesce", found, one.default.sql) if one.default.constant is not None else found
        items = func("list_transform", indexes, Lambda(("i",), to_dynamic(Value(element, one.value.type)).sql))
        made.append(Named(_array(items), f"fpctl_series_{at}"))
    point: Sql = Infix("*", (Cast(Column("i"), HELD_AS["real"] if axis.type == "real" else "BIGINT"), axis.step))
    if axis.low is not None:
        point = Infix("+", (axis.low, point))
    points = func("list_transform", indexes, Lambda(("i",), to_dynamic(Value(point, axis.type)).sql))
    made.append(Named(_array(points), "fpctl_axis"))
    return Select(whole, tuple(made))


def _array(items: Sql) -> Sql:
    return func("coalesce", func("to_json", items), Cast(Text("[]"), "JSON"))
