"""Sources that are operators (print, range, evaluate), and what ends a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import new
from fpctl.kql.parser.parameters import column_list, parameter_value, parameters, property_list
from fpctl.kql.parser.sources import inline_external_table as external_table
from fpctl.kql.tokens import KEYWORD_NAMES, NAME
from fpctl.kql.tree import (
    AssertSchema,
    Call,
    ColumnDecl,
    Evaluate,
    Expr,
    ExternalData,
    Invoke,
    Name,
    Parameter,
    Path,
    Plain,
    Print,
    Range,
    Render,
)

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

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


def print_operator(p: Expressions) -> Print:
    at = p.at
    p.at = at + 1
    items = p.named_list()
    return new(Print, (p.starts[at], p.end(), p.texts[at], items))


def range_operator(p: Expressions) -> Range:
    at = p.at
    p.at = at + 1
    name = p.name("a column name after `range`")
    p.expect("from", "in `range`")
    low = p.expression()
    p.expect("to", "in `range`")
    high = p.expression()
    p.expect("step", "in `range`")
    step = p.expression()
    return new(Range, (p.starts[at], p.end(), p.texts[at], name, low, high, step))


def evaluate(p: Expressions) -> Evaluate:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    name = p.name("a plugin after `evaluate`")
    if p.kinds[p.at] != "(":
        raise p.unexpected("`(` after the plugin's name")
    call = p.call(name)
    schema: tuple[ColumnDecl, ...] | None = p.row_schema(open_ended=True) if p.take(":") else None
    return new(Evaluate, (p.starts[at], p.end(), p.texts[at], found, call, schema))


def inline_external_table(p: Expressions) -> ExternalData:
    return external_table(p)


def invoke(p: Expressions) -> Invoke:
    at = p.at
    p.at = at + 1
    call: Call | Path = _invoked(p)
    while p.kinds[p.at] == ".":
        end = p.name_end(p.at + 1)
        if not end or p.kinds[end] != "(":
            break
        p.at += 1
        step = _invoked(p)
        call = new(Path, (call[0], step[1], call, step))
    return new(Invoke, (p.starts[at], p.end(), p.texts[at], call))


def _invoked(p: Expressions) -> Call:
    name: Name = p.name("a function after `invoke`")
    if p.kinds[p.at] != "(":
        raise p.unexpected("`(` after the function's name")
    return p.call(name)


def assert_schema(p: Expressions) -> AssertSchema:
    at = p.at
    p.at = at + 1
    columns = p.row_schema()
    return new(AssertSchema, (p.starts[at], p.end(), p.texts[at], columns))


def consume(p: Expressions) -> Plain:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    return new(Plain, (p.starts[at], p.end(), p.texts[at], found))


def getschema(p: Expressions) -> Plain:
    at = p.at
    p.at = at + 1
    found: tuple[Parameter, ...] = ()
    if p.kinds[p.at] == "kind" and p.kinds[p.at + 1] == "=":
        p.at += 2
        value = parameter_value(p)
        found = (new(Parameter, (p.starts[at + 1], p.end(), "kind", value)),)
    return new(Plain, (p.starts[at], p.end(), p.texts[at], found))


def plain(p: Expressions) -> Plain:
    at = p.at
    p.at = at + 1
    return new(Plain, (p.starts[at], p.end(), p.texts[at], ()))


# --------------------------------------------------------------------------- render


def render(p: Expressions) -> Render:
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
    return new(Render, (p.starts[at], p.end(), p.texts[at], p.texts[chart], tuple(found)))


def _legacy_properties(p: Expressions) -> list[Parameter]:
    """Parse `kind=stacked title='x' by a, b`, the spelling from before `with (...)`."""
    found: list[Parameter] = []
    while True:
        at = p.at
        name, after = p.texts[at], p.kinds[at + 1]
        if name in ("kind", "title", "accumulate") and after == "=":
            p.at = at + 2
            value: Expr = p.unsigned_operand() if name == "title" else parameter_value(p)
        elif name == "with" and after != "(":
            p.at = at + 1
            value = parameter_value(p)
        elif name == "by":
            p.at = at + 1
            found += column_list(p, at, name, _LEGACY_RENDER)
            continue
        else:
            return found
        found.append(new(Parameter, (p.starts[at], p.end(), name, value)))
