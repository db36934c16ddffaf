"""Operators that say what is done with the rows, or name them: render, as, getschema, consume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Tabular
from fpctl.kql.binder.context import BinderContext, with_columns
from fpctl.kql.binder.projection import (
    derived_columns,
)
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.parameters import column_list, parameter_value, parameters, property_list
from fpctl.kql.grammar.sources import (
    as_operator,
)
from fpctl.kql.operators.model import HandsOn, OperatorSpec, RowEffect
from fpctl.kql.tokens import KEYWORD_NAMES, NAME

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

_CHARTS = frozenset(
    """
    3Dchart anomalychart areachart barchart card columnchart graph ladderchart linechart piechart pivotchart plotly
    scatterchart stackedareachart timechart timeline timepivot treemap
    """.split()  # noqa: SIM905
)
"""Chart names that are keywords; any other plain name is taken too."""


CHART_KINDS = _CHARTS | KEYWORD_NAMES | {NAME}


_LEGACY_RENDER = frozenset(("kind", "title", "accumulate", "by"))


_RENDER = frozenset(
    """
    accumulate anomalycolumns kind legend series title xaxis xcolumn xmax xmin xtitle yaxis ycolumns ymax ymin ysplit
    ytitle
    """.split()  # noqa: SIM905
)


def _parse_assert_schema(p: Expressions) -> tree.AssertSchema:
    at = p.at
    p.at = at + 1
    columns = p.row_schema()
    return new(tree.AssertSchema, (p.starts[at], p.end(), p.texts[at], columns))


def _parse_consume(p: Expressions) -> tree.Plain:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    return new(tree.Plain, (p.starts[at], p.end(), p.texts[at], found))


def _parse_getschema(p: Expressions) -> tree.Plain:
    at = p.at
    p.at = at + 1
    found: tuple[tree.Parameter, ...] = ()
    if p.kinds[p.at] == "kind" and p.kinds[p.at + 1] == "=":
        p.at += 2
        value = parameter_value(p)
        found = (new(tree.Parameter, (p.starts[at + 1], p.end(), "kind", value)),)
    return new(tree.Plain, (p.starts[at], p.end(), p.texts[at], found))


def _parse_plain(p: Expressions) -> tree.Plain:
    at = p.at
    p.at = at + 1
    return new(tree.Plain, (p.starts[at], p.end(), p.texts[at], ()))


def _parse_render(p: Expressions) -> tree.Render:
    at = p.at
    p.at = at + 1
    chart = p.at
    if p.kinds[chart] != NAME and p.texts[chart] not in _CHARTS:
        raise p.unexpected("a chart such as timechart or table")
    p.at += 1
    found = _legacy_properties(p)
    if p.take("with"):
        p.expect("(", "after `with`")
        p.take(",")
        found += property_list(p, _RENDER, ")")
        p.expect(")", "to close `with (`")
    return new(tree.Render, (p.starts[at], p.end(), p.texts[at], p.texts[chart], tuple(found)))


def _legacy_properties(p: Expressions) -> list[tree.Parameter]:
    """Parse `kind=stacked title='x' by a, b`, the spelling from before `with (...)`."""
    found: list[tree.Parameter] = []
    while True:
        at = p.at
        name, after = p.texts[at], p.kinds[at + 1]
        if name in ("kind", "title", "accumulate") and after == "=":
            p.at = at + 2
            value: tree.Expr = p.unsigned_operand() if name == "title" else parameter_value(p)
        elif name == "with" and after != "(":
            p.at = at + 1
            value = parameter_value(p)
        elif name == "by":
            p.at = at + 1
            found += column_list(p, at, name, _LEGACY_RENDER)
            continue
        else:
            return found
        found.append(new(tree.Parameter, (p.starts[at], p.end(), name, value)))


def _bind_as(context: BinderContext, node: tree.As, scope: Scope) -> Scope:
    """`as X`: the name stands for the rows from here on."""
    context.names[node.name.value] = Tabular(scope)
    return scope


def _bind_unchanged(context: BinderContext, node: tree.Render | tree.AssertSchema | tree.Plain, scope: Scope) -> Scope:
    """`render`, `assert-schema`: nothing changes."""
    return scope


def _bind_getschema(context: BinderContext, node: tree.Plain, scope: Scope) -> Scope:
    """`getschema`: a row for each column."""
    if context.parameter_text(node.parameters, "kind") == "csl":
        return with_columns(scope, {"Schema": Column("Schema", "string", "derived")}, is_open=False)
    types = {"ColumnName": "string", "ColumnOrdinal": "long", "DataType": "string", "ColumnType": "string"}
    return with_columns(scope, derived_columns(types), is_open=False)


def _bind_consume(context: BinderContext, node: tree.Plain, scope: Scope) -> Scope:
    """`consume`: the rows are read and thrown away."""
    return with_columns(scope, {}, is_open=False)


def _operator(keyword: str, node: type, parse: Any, bind: Any, rows: RowEffect, **facts: Any) -> OperatorSpec:
    """Return the entry of an operator for which missing rows are only that: missing."""
    return OperatorSpec((keyword,), node, parse, bind, rows, fewer_rows=None, **facts)


OPERATORS = (
    _operator("as", tree.As, as_operator, _bind_as, RowEffect.ROW_WISE, hands_on=HandsOn.EACH),
    _operator(
        "render",
        tree.Render,
        _parse_render,
        _bind_unchanged,
        RowEffect.ROW_WISE,
        hands_on=HandsOn.EACH,
        where_may_follow=False,
        begins=lambda p, at: p.kinds[at] in CHART_KINDS,
    ),
    _operator("assert-schema", tree.AssertSchema, _parse_assert_schema, _bind_unchanged, RowEffect.ROW_WISE),
    _operator("getschema", tree.Plain, _parse_getschema, _bind_getschema, RowEffect.BARRIER),
    _operator("consume", tree.Plain, _parse_consume, _bind_consume, RowEffect.BARRIER, where_may_follow=False),
    _operator("__executeAndCache", tree.Plain, _parse_plain, _bind_unchanged, RowEffect.ROW_WISE, suggested=False),
)
