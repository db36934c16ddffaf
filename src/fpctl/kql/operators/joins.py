"""Operators that bring tables together: join, lookup, union."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder.branches import Shift, after, bounded, preceded, united
from fpctl.kql.binder.context import BinderContext, RowScope, with_columns
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.projection import (
    unique_names,
)
from fpctl.kql.binder.references import referenced
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import legs, source, united_once
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.expressions import as_source
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.grammar.sources import (
    union_leg,
)
from fpctl.kql.operators.model import HandsOn, Input, OperatorSpec, OwnRows, Polarity, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

_UNION = frozenset(("best_effort",))


def _parse_join(p: Expressions) -> tree.Join:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    right = as_source(p.expression())
    on: tuple[tree.Expr, ...] = ()
    if p.take("on"):
        on = p.expression_list()
    elif p.take("where"):
        on = (p.expression(),)
    return new(tree.Join, (p.starts[at], p.end(), p.texts[at], found, right, on))


def _parse_lookup(p: Expressions) -> tree.Lookup:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    right = as_source(p.expression())
    p.expect("on", "in `lookup`")
    on = p.expression_list()
    return new(tree.Lookup, (p.starts[at], p.end(), p.texts[at], found, right, on))


def _parse_union(p: Expressions) -> tree.Union:
    at = p.at
    p.at = at + 1
    found = parameters(p, _UNION)
    legs = [union_leg(p)]
    while p.take(","):
        legs.append(union_leg(p))
    return new(tree.Union, (p.starts[at], p.end(), p.texts[at], found, tuple(legs)))


LEFT_ONLY = frozenset({"anti", "leftanti", "leftsemi", "leftantisemi"})
"""Join kinds that give left columns only."""


RIGHT_ONLY = frozenset({"rightanti", "rightsemi", "rightantisemi"})
"""Join kinds that give right columns only."""


def _bind_join(context: BinderContext, node: tree.Join, scope: Scope) -> Scope:
    """`join`: all left columns, then all right ones (the key too), names that clash with a suffix."""
    right = _side(context, node.right, "join")
    _match(context, node.on, scope, right)
    kind = context.parameter_text(node.parameters, "kind") or "innerunique"
    left, right = context.visible(), _right_visible(context, right)
    if kind in LEFT_ONLY:
        return left
    if kind in RIGHT_ONLY:
        return right
    return _beside(left, right, left.columns.values(), right.columns.values(), unique=kind == "innerunique")


def _bind_lookup(context: BinderContext, node: tree.Lookup, scope: Scope) -> Scope:
    """`lookup`: all left columns, then the right ones that are not keys."""
    right = _side(context, node.right, "lookup")
    _match(context, node.on, scope, right)
    left, right = context.visible(), _right_visible(context, right)
    keys = {id(column) for column in _right_keys(context, node.on, right)}
    others = [column for column in right.columns.values() if id(column) not in keys]
    return _beside(left, right, left.columns.values(), others, unique=False)


def _side(context: BinderContext, node: tree.Source, kind: str) -> Scope:
    path = context.numbered(kind)
    outer, context.row = context.row, RowScope()
    while isinstance(node, tree.Group):
        node = node.inner
    scope = context.pipeline(node.pipeline, path) if isinstance(node, tree.Subquery) else source(context, node)
    context.row = outer
    return scope


def _match(context: BinderContext, on: Sequence[tree.Expr], left: Scope, right: Scope) -> None:
    """Look at the conditions of a join; a plain name must be a column of both sides."""
    row = context.row = RowScope(left.columns, left, right)
    for condition in on:
        for part in _conjuncts(condition):
            if isinstance(part, tree.Name):
                found = part.value in left.columns or row.infer(part.value) is not None
                if not (found and (part.value in right.columns or row.infer(part.value, right=True) is not None)):
                    side = "right" if found else "left"
                    hint = nearest(part.value, right.columns if found else left.columns)
                    message = f"there is no column {part.value} on the {side} side of the join"
                    context.problem(part.start, "unknown-column", message, hint)
            else:
                evaluate_all(context, (part,))


def _right_visible(context: BinderContext, right: Scope) -> Scope:
    assumed = context.row.right_assumed
    return with_columns(right, {**right.columns, **assumed}) if assumed else right


def _beside(left: Scope, right: Scope, left_columns: object, right_columns: object, *, unique: bool) -> Scope:
    shift = Shift(right, after(left))
    bounded(after(left) + after(right), len(left.columns) + len(right.columns))
    columns = unique_names([*left_columns, *map(shift.column, right_columns)])  # type: ignore[misc, call-overload]
    kept = frozenset() if unique else left.kept
    return Scope(
        columns,
        left.open or right.open,
        {**left.branches, **shift.branches()},
        left.union | shift.moved(right.union),
        left.rowwise and right.rowwise and not unique,
        kept | shift.moved(right.kept),
        left.unknown | shift.moved(right.unknown),
    )


def _right_keys(context: BinderContext, on: Sequence[tree.Expr], right: Scope) -> Iterator[Column]:
    for condition in on:
        for part in _conjuncts(condition):
            if isinstance(part, tree.Name):
                column = right.columns.get(part.value)
                if column is not None:
                    yield column
            elif isinstance(part, tree.Binary) and part.ops == ("==",):
                for operand in part.operands:
                    column = referenced(context, operand)
                    if column is not None and right.columns.get(column.name) is column:
                        yield column


def _conjuncts(condition: tree.Expr) -> Iterator[tree.Expr]:
    while isinstance(condition, tree.Group):
        condition = condition.inner
    if isinstance(condition, tree.Binary) and set(condition.ops) == {"and"}:
        for operand in condition.operands:
            yield from _conjuncts(operand)
    else:
        yield condition


def _bind_union(context: BinderContext, node: tree.Union, scope: Scope | None) -> Scope:
    """`union`, piped or as a source: every column of every leg.

    Of kind inner, an engine gives the columns that all legs have; Microsoft's binder sees the others, too. They are
    there here, but hold nothing of a table.
    """
    fuzzy = context.fuzzy
    context.fuzzy = fuzzy or context.parameter_text(node.parameters, "isfuzzy") == "true"
    scopes = legs(context, node.legs, "union")
    context.fuzzy = fuzzy
    name = context.parameter_text(node.parameters, "withsource")
    if scope is not None:
        scopes.insert(0, scope)
    first = Column(name, "string", "derived") if name else None
    inner = context.parameter_text(node.parameters, "kind") == "inner"
    if not inner and scope is None and len(node.legs) == 1 and isinstance(node.legs[0], tree.Wildcard):
        return united_once(context, node.legs[0].pattern, scopes, first)
    result = united(scopes)
    if inner:
        columns = {
            name: column if all(name in one.columns for one in scopes) else Column(name, column.type, "derived")
            for name, column in result.columns.items()
        }
        result = replace(result, columns=columns)
    return result if first is None else preceded(result, first)


JOIN_LEFT: Mapping[str, Polarity] = {
    "inner": Polarity.POSITIVE,
    "innerunique": Polarity.POSITIVE,
    "leftouter": Polarity.POSITIVE,
    "leftsemi": Polarity.POSITIVE,
    "leftanti": Polarity.POSITIVE,
    "anti": Polarity.POSITIVE,
    "leftantisemi": Polarity.POSITIVE,
    "rightsemi": Polarity.POSITIVE,
    # The right row stays and its left cells become empty: a different row, not a missing one.
    "rightouter": Polarity.OPAQUE,
    "fullouter": Polarity.OPAQUE,
    "rightanti": Polarity.NEGATIVE,
    "rightantisemi": Polarity.NEGATIVE,
}
"""What removing left rows does to the result of a join of each kind."""
JOIN_RIGHT: Mapping[str, Polarity] = {
    "inner": Polarity.POSITIVE,
    "innerunique": Polarity.POSITIVE,
    "rightouter": Polarity.POSITIVE,
    "rightsemi": Polarity.POSITIVE,
    "rightanti": Polarity.POSITIVE,
    "rightantisemi": Polarity.POSITIVE,
    "leftsemi": Polarity.POSITIVE,
    "leftouter": Polarity.OPAQUE,
    "fullouter": Polarity.OPAQUE,
    "leftanti": Polarity.NEGATIVE,
    "anti": Polarity.NEGATIVE,
    "leftantisemi": Polarity.NEGATIVE,
}
"""What removing right rows does to the result of a join of each kind."""
RIGHT_ROWS_FLOW = frozenset({"inner", "innerunique", "rightouter", "rightsemi", "rightanti", "rightantisemi"})
"""Join kinds whose result rows carry the right row."""


def join_kind(node: tree.Join | tree.Lookup) -> str:
    """Return the kind of a join as written, or its default (innerunique; leftouter for lookup)."""
    for parameter in node.parameters:
        if parameter.name == "kind" and isinstance(parameter.value, (tree.Name, tree.Wildcard)):
            return parameter.value.value if isinstance(parameter.value, tree.Name) else parameter.value.pattern
    return "innerunique" if isinstance(node, tree.Join) else "leftouter"


def _join_inputs(node: tree.Join) -> tuple[Input, ...]:
    kind = join_kind(node)
    polarity = JOIN_RIGHT.get(kind, Polarity.OPAQUE)
    return (Input(node.right, polarity, f"the right side of join kind={kind}", kind in RIGHT_ROWS_FLOW),)


def _join_left(node: tree.Join) -> OwnRows | None:
    kind = join_kind(node)
    polarity = JOIN_LEFT.get(kind, Polarity.OPAQUE)
    return None if polarity is Polarity.POSITIVE else OwnRows(polarity, f"the left side of join kind={kind}")


def _join_fewer_rows(node: tree.Join) -> str | None:
    if join_kind(node) != "innerunique":
        return None
    return "kind=innerunique keeps one left row per key: without it another left row takes its place"


def _lookup_inputs(node: tree.Lookup) -> tuple[Input, ...]:
    kind = join_kind(node)
    polarity = Polarity.POSITIVE if kind == "inner" else Polarity.OPAQUE
    return (Input(node.right, polarity, f"the right side of lookup kind={kind}", kind == "inner"),)


def _legs(node: tree.Union) -> list[Input]:
    return [Input(leg, Polarity.POSITIVE, "a leg of union", True) for leg in node.legs]


OPERATORS = (
    OperatorSpec(
        ("join",),
        tree.Join,
        _parse_join,
        _bind_join,
        RowEffect.BOUND,
        fewer_rows=_join_fewer_rows,
        hands_on=HandsOn.SOME,
        inputs=_join_inputs,
        own_rows=_join_left,
    ),
    OperatorSpec(
        ("lookup",),
        tree.Lookup,
        _parse_lookup,
        _bind_lookup,
        RowEffect.BOUND,
        fewer_rows=None,
        hands_on=HandsOn.SOME,
        inputs=_lookup_inputs,
    ),
    OperatorSpec(
        ("union",),
        tree.Union,
        _parse_union,
        _bind_union,
        RowEffect.BOUND,
        fewer_rows=None,
        hands_on=HandsOn.SOME,
        inputs=_legs,
        source=True,
    ),
)
