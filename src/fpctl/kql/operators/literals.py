"""Operators that make rows: print, range, and tables written in the query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder.context import BinderContext
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.functions import range_type
from fpctl.kql.binder.outputs import Style, add_item
from fpctl.kql.binder.projection import (
    Projection,
)
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import schema_columns
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.sources import (
    inline_external_table,
    table_literal,
)
from fpctl.kql.operators.model import OperatorSpec, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


def _parse_print(p: Expressions) -> tree.Print:
    at = p.at
    p.at = at + 1
    items = p.named_list()
    return new(tree.Print, (p.starts[at], p.end(), p.texts[at], items))


def _parse_range(p: Expressions) -> tree.Range:
    at = p.at
    p.at = at + 1
    name = p.name("a column name after `range`")
    p.expect("from", "in `range`")
    low = p.expression()
    p.expect("to", "in `range`")
    high = p.expression()
    p.expect("step", "in `range`")
    step = p.expression()
    return new(tree.Range, (p.starts[at], p.end(), p.texts[at], name, low, high, step))


def _bind_print(context: BinderContext, node: tree.Print, scope: None) -> Scope:
    types = evaluate_all(context, node.items)
    output = Projection()
    for at, (item, type_) in enumerate(zip(node.items, types, strict=True)):
        add_item(context, output, item, type_, Style.PRINT, default=f"print_{at}")
    return Scope(output.columns)


def _bind_range(context: BinderContext, node: tree.Range, scope: None) -> Scope:
    low, high, step = evaluate_all(context, (node.low, node.high, node.step))
    name = node.name.value
    return Scope({name: Column(name, range_type(low, high, step), "derived")})


def _bind_declared(context: BinderContext, node: tree.DataTable | tree.ExternalData, scope: None) -> Scope:
    if isinstance(node, tree.ExternalData):
        evaluate_all(context, node.uris)
    columns = schema_columns(node.columns, node.keyword)
    zero = frozenset({0})
    return Scope(columns, not columns, {0: frozenset({node.keyword})}, kept=zero)


def _range_follows(p: Expressions, at: int) -> bool:
    end = p.name_end(at)
    return bool(end) and p.kinds[end] == "from"


OPERATORS = (
    OperatorSpec(
        ("print",),
        tree.Print,
        _parse_print,
        _bind_print,
        RowEffect.BOUND,
        fewer_rows=None,
        source=True,
        after_pipe=False,
    ),
    OperatorSpec(
        ("range",),
        tree.Range,
        _parse_range,
        _bind_range,
        RowEffect.BOUND,
        fewer_rows=None,
        source=True,
        after_pipe=False,
        begins=_range_follows,
    ),
    OperatorSpec(
        ("inline_external_table",),
        tree.ExternalData,
        inline_external_table,
        _bind_declared,
        RowEffect.BOUND,
        fewer_rows=None,
        source=True,
        after_pipe=False,
        begins=lambda p, at: p.kinds[at] in ("(", "kind"),
        suggested=False,
    ),
)

TABLE_LITERALS = (
    OperatorSpec(
        ("datatable", "__contextual_datatable"),
        tree.DataTable,
        table_literal,
        _bind_declared,
        RowEffect.BOUND,
        fewer_rows=None,
        source=True,
        after_pipe=False,
    ),
    OperatorSpec(
        ("externaldata", "external_data"),
        tree.ExternalData,
        table_literal,
        _bind_declared,
        RowEffect.BOUND,
        fewer_rows=None,
        source=True,
        after_pipe=False,
    ),
)
"""Tables written in the query: sources as above, but the grammar takes them for operands, so a `(` may precede them."""
