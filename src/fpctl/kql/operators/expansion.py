"""Operators that take values apart: mv-expand, mv-apply, parse, parse-where, parse-kv."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder.context import BinderContext, with_columns
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.outputs import Style, add_item
from fpctl.kql.binder.projection import (
    Projection,
    captured,
)
from fpctl.kql.binder.references import find_column
from fpctl.kql.binder.scalar import BAG, Dynamic, array_of, element_of
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.grammar.clauses import body
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.parameters import parameters, property_list
from fpctl.kql.operators.model import HandsOn, Input, OperatorSpec, Polarity, RowEffect
from fpctl.kql.tokens import DECLARED_NAME_KINDS, STRING

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

_EXPAND = frozenset(("bagexpansion",))


_PARSE = frozenset(("flags",))


_PARSE_KINDS = frozenset(("simple", "relaxed"))


_PARSE_KV = frozenset(("pair_delimiter", "kv_delimiter", "regex", "quote", "escape", "greedy"))


def _parse_mv_expand(p: Expressions) -> tree.MvExpand:
    at = p.at
    p.at = at + 1
    found = parameters(p, _EXPAND)
    items = [_item(p)]
    while p.take(","):
        items.append(_item(p))
    limit = p.expression() if p.take("limit") else None
    return new(tree.MvExpand, (p.starts[at], p.end(), p.texts[at], found, tuple(items), limit))


def _parse_mv_apply(p: Expressions) -> tree.MvApply:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    items = [_item(p, optional=True)]
    while p.take(","):
        items.append(_item(p))
    limit = p.expression() if p.take("limit") else None
    if p.take("id"):
        p.expression()
    p.expect("on", "in `mv-apply`")
    pipeline = body(p)
    return new(tree.MvApply, (p.starts[at], p.end(), p.texts[at], found, tuple(items), limit, pipeline))


def _item(p: Expressions, optional: bool = False) -> tree.ExpandItem:
    # `mv-apply to typeof(...)` is about the whole row: an empty star.
    implied = optional and p.kinds[p.at] == "to"
    value: tree.Expr = new(tree.Star, (p.starts[p.at], p.starts[p.at])) if implied else p.named()
    to_type: str | None = None
    if p.take("to"):
        if p.kinds[p.at] != "typeof":
            raise p.unexpected("`typeof(...)` after `to`")
        to_type = p.type_literal().type
    return new(tree.ExpandItem, (value[0], p.end(), value, to_type))


def _parse_parse(p: Expressions) -> tree.Parse:
    """Parse `parse` or `parse-where`."""
    at = p.at
    p.at = at + 1
    found = parameters(p, _PARSE, words=_PARSE_KINDS)
    value = p.expression()
    p.expect("with", f"in `{p.texts[at]}`")
    pattern: list[tree.Literal | tree.Star | tree.Capture] = []
    while True:
        kind = p.kinds[p.at]
        if kind == "*":
            pattern.append(p.star())
        elif kind == STRING:
            literal = p.literal()
            assert isinstance(literal, tree.Literal)
            pattern.append(literal)
        elif kind in DECLARED_NAME_KINDS or p.bracketed_end(p.at):
            name = p.declared_name()
            scalar = p.scalar_type() if p.take(":") else None
            pattern.append(new(tree.Capture, (name[0], p.end(), name.value, scalar)))
        else:
            return new(tree.Parse, (p.starts[at], p.end(), p.texts[at], found, value, tuple(pattern)))


def _parse_parse_kv(p: Expressions) -> tree.ParseKv:
    at = p.at
    p.at = at + 1
    value = p.expression()
    p.expect("as", "in `parse-kv`")
    columns = p.row_schema()
    options: tuple[tree.Parameter, ...] = ()
    if p.take("with"):
        p.expect("(", "after `with`")
        options = property_list(p, _PARSE_KV, ")")
        p.expect(")", "to close `with (`")
    return new(tree.ParseKv, (p.starts[at], p.end(), p.texts[at], value, columns, options))


def _bind_mv_expand(context: BinderContext, node: tree.MvExpand, scope: Scope) -> Scope:
    """`mv-expand`: the expanded columns hold one element each."""
    output = _expanded(context, node)
    return with_columns(context.visible(), output.columns)


def _expanded(context: BinderContext, node: tree.MvExpand | tree.MvApply) -> Projection:
    types = evaluate_all(context, [item.value for item in node.items])
    visible = context.visible()
    output = Projection(visible.columns)
    kind = context.parameter_text(node.parameters, "bagexpansion") or context.parameter_text(node.parameters, "kind")
    for item, type_ in zip(node.items, types, strict=True):
        add_item(context, output, item.value, type_, Style.REPLACE, as_type=item.to_type or _element(type_, kind))
    index = context.parameter_text(node.parameters, "with_itemindex")
    if index is not None:
        output.add(Column(index, "long", "derived"))
    return output


def _element(type_: str, bag_expansion: str | None) -> str:
    if isinstance(type_, Dynamic) and type_.shape == "bag":
        return array_of("dynamic") if bag_expansion == "array" else BAG
    return element_of(type_) if type_ == "dynamic" else type_


def _bind_mv_apply(context: BinderContext, node: tree.MvApply, scope: Scope) -> Scope:
    """`mv-apply ... on (body)`: the row's columns but for the applied ones, then those of the body.

    Whatever the body does, it does to the elements of one row: the row's events stay one by one.
    """
    output = _expanded(context, node)
    applied = {id(column) for item in node.items if (column := _applied(context, item.value)) is not None}
    inner = with_columns(context.visible(), output.columns)
    body = context.pipeline(node.body, context.numbered("mv-apply"), inner)
    result = Projection()
    for column in scope.columns.values():
        if id(column) not in applied:
            result.add(column, once=True)
    for column in body.columns.values():
        before = scope.columns.get(column.name)
        if before is not None and column.origins == before.origins and column.kind == "grouped":
            column = before
        result.add(column, replace=True)
    return with_columns(scope, result.columns, is_open=scope.open or body.open)


def _applied(context: BinderContext, value: tree.Expr) -> Column | None:
    return find_column(context, value) if isinstance(value, tree.Name) else None


def _bind_parse(context: BinderContext, node: tree.Parse, scope: Scope) -> Scope:
    """`parse`, `parse-where`: captured columns added."""
    evaluate_all(context, (node.value,))
    visible = context.visible()
    columns = dict(visible.columns)
    for part in node.pattern:
        if isinstance(part, tree.Capture):
            captured(columns, part.name, part.type or "string")
    return with_columns(visible, columns)


def _bind_parse_kv(context: BinderContext, node: tree.ParseKv, scope: Scope) -> Scope:
    """`parse-kv`: the keys added as columns."""
    evaluate_all(context, (node.value,))
    visible = context.visible()
    columns = dict(visible.columns)
    for column in node.columns:
        captured(columns, column.name, column.type or "string")
    return with_columns(visible, columns)


def _body(node: tree.MvApply) -> tuple[Input, ...]:
    return (Input(node.body, Polarity.POSITIVE, f"the body of {node.keyword}"),)


OPERATORS = (
    OperatorSpec(
        ("mv-expand", "mvexpand"),
        tree.MvExpand,
        _parse_mv_expand,
        _bind_mv_expand,
        RowEffect.ROW_WISE,
        fewer_rows=None,
        hands_on=HandsOn.SOME,
    ),
    OperatorSpec(
        ("mv-apply", "mvapply"),
        tree.MvApply,
        _parse_mv_apply,
        _bind_mv_apply,
        RowEffect.ROW_WISE,
        fewer_rows=None,
        hands_on=HandsOn.SOME,
        inputs=_body,
    ),
    OperatorSpec(
        ("parse", "parse-where"),
        tree.Parse,
        _parse_parse,
        _bind_parse,
        RowEffect.ROW_WISE,
        fewer_rows=None,
        hands_on=HandsOn.EACH,
    ),
    OperatorSpec(
        ("parse-kv",),
        tree.ParseKv,
        _parse_parse_kv,
        _bind_parse_kv,
        RowEffect.ROW_WISE,
        fewer_rows=None,
        hands_on=HandsOn.EACH,
    ),
)
