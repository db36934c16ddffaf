"""Operators that keep some rows or order them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder.context import BinderContext
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.scope import Scope
from fpctl.kql.grammar.clauses import ordered, ordered_list
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.operators.model import PLACES_ARE_FILLED, HandsOn, Input, OperatorSpec, Polarity, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


def _parse_where(p: Expressions) -> tree.Where:
    at = p.at
    p.at = at + 1
    if p.kinds[at + 2] == "=" or p.texts[at + 1] == "hint":
        parameters(p)
    predicate = p.named()
    return new(tree.Where, (p.starts[at], p.ends[p.at - 1], p.texts[at], predicate))


def _parse_take(p: Expressions) -> tree.Take:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    number = p.named()
    return new(tree.Take, (p.starts[at], p.end(), p.texts[at], found, number))


def _parse_sample(p: Expressions) -> tree.Sample:
    at = p.at
    p.at = at + 1
    parameters(p)
    number = p.named()
    return new(tree.Sample, (p.starts[at], p.end(), p.texts[at], number))


def _parse_sort(p: Expressions) -> tree.Sort:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    p.expect("by", f"after `{p.texts[at]}`")
    items = ordered_list(p)
    return new(tree.Sort, (p.starts[at], p.end(), p.texts[at], found, items))


def _parse_top(p: Expressions) -> tree.Top:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    number = p.named()
    p.expect("by", "in `top`")
    by = ordered(p)
    return new(tree.Top, (p.starts[at], p.end(), p.texts[at], found, number, by))


def _bind_where(context: BinderContext, node: tree.Where, scope: Scope) -> Scope:
    """`where`, `filter`: fewer rows, same columns."""
    evaluate_all(context, (node.predicate,))
    return context.visible()


def _bind_sort(context: BinderContext, node: tree.Sort, scope: Scope) -> Scope:
    """`sort`, `order`: same rows, same columns."""
    evaluate_all(context, [item.value for item in node.items])
    return context.visible()


def _bind_top(context: BinderContext, node: tree.Top, scope: Scope) -> Scope:
    """`top`: same columns, some rows."""
    evaluate_all(context, (node.count, node.by.value))
    return context.visible()


def _bind_take(context: BinderContext, node: tree.Take | tree.Sample, scope: Scope) -> Scope:
    """`take`, `limit`, `sample`: same columns, some rows."""
    evaluate_all(context, (node.count,))
    return context.visible()


def _filter_inputs(node: tree.Where) -> tuple[Input, ...]:
    return (Input(node.predicate, Polarity.POSITIVE, f"the condition of `{node.keyword}`", condition=True),)


OPERATORS = (
    OperatorSpec(
        ("where", "filter"),
        tree.Where,
        _parse_where,
        _bind_where,
        RowEffect.ROW_WISE,
        fewer_rows=None,
        hands_on=HandsOn.EACH,
        inputs=_filter_inputs,
    ),
    OperatorSpec(
        ("sort", "order"),
        tree.Sort,
        _parse_sort,
        _bind_sort,
        RowEffect.ROW_WISE,
        fewer_rows=None,
        hands_on=HandsOn.EACH,
    ),
    OperatorSpec(
        ("top",),
        tree.Top,
        _parse_top,
        _bind_top,
        RowEffect.BARRIER,
        fewer_rows=PLACES_ARE_FILLED,
        hands_on=HandsOn.SOME,
    ),
    OperatorSpec(
        ("take", "limit"),
        tree.Take,
        _parse_take,
        _bind_take,
        RowEffect.BARRIER,
        fewer_rows=PLACES_ARE_FILLED,
        hands_on=HandsOn.SOME,
    ),
    OperatorSpec(
        ("sample",),
        tree.Sample,
        _parse_sample,
        _bind_take,
        RowEffect.BARRIER,
        fewer_rows=PLACES_ARE_FILLED,
        hands_on=HandsOn.SOME,
    ),
)
