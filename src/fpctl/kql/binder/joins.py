"""Operators that bring tables together: join, lookup, union."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpctl.kql import tree
from fpctl.kql.binder.branches import Shift, after, preceded, united
from fpctl.kql.binder.context import Context, Row, with_columns
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.projection import unique_names
from fpctl.kql.binder.references import referenced
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import legs, source, united_once

LEFT_ONLY = frozenset({"anti", "leftanti", "leftsemi", "leftantisemi"})
"""Join kinds that give left columns only."""
RIGHT_ONLY = frozenset({"rightanti", "rightsemi", "rightantisemi"})
"""Join kinds that give right columns only."""


def join(context: Context, node: tree.Join, scope: Scope) -> Scope:
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


def lookup(context: Context, node: tree.Lookup, scope: Scope) -> Scope:
    """`lookup`: all left columns, then the right ones that are not keys."""
    right = _side(context, node.right, "lookup")
    _match(context, node.on, scope, right)
    left, right = context.visible(), _right_visible(context, right)
    keys = {id(column) for column in _right_keys(context, node.on, right)}
    others = [column for column in right.columns.values() if id(column) not in keys]
    return _beside(left, right, left.columns.values(), others, unique=False)


def _side(context: Context, node: tree.Source, kind: str) -> Scope:
    path = context.numbered(kind)
    outer, context.row = context.row, Row()
    while isinstance(node, tree.Group):
        node = node.inner
    scope = context.pipeline(node.pipeline, path) if isinstance(node, tree.Subquery) else source(context, node)
    context.row = outer
    return scope


def _match(context: Context, on: Sequence[tree.Expr], left: Scope, right: Scope) -> None:
    """Look at the conditions of a join; a plain name must be a column of both sides."""
    row = context.row = Row(left.columns, left, right)
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


def _right_visible(context: Context, right: Scope) -> Scope:
    assumed = context.row.right_assumed
    return with_columns(right, {**right.columns, **assumed}) if assumed else right


def _beside(left: Scope, right: Scope, left_columns: object, right_columns: object, *, unique: bool) -> Scope:
    shift = Shift(right, after(left))
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


def _right_keys(context: Context, on: Sequence[tree.Expr], right: Scope) -> Iterator[Column]:
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


def union(context: Context, node: tree.Union, scope: Scope | None = None) -> Scope:
    """`union`, piped or as a source: every column of every leg."""
    fuzzy = context.fuzzy
    context.fuzzy = fuzzy or context.parameter_text(node.parameters, "isfuzzy") == "true"
    scopes = legs(context, node.legs, "union")
    context.fuzzy = fuzzy
    name = context.parameter_text(node.parameters, "withsource")
    if scope is not None:
        scopes.insert(0, scope)
    if scope is None and len(node.legs) == 1 and isinstance(node.legs[0], tree.Wildcard):
        result = united_once(context, node.legs[0].pattern, scopes)
    else:
        result = united(scopes)
    return preceded(result, Column(name, "string", "derived")) if name else result


def union_source(context: Context, node: tree.Union) -> Scope:
    """`union` as a source."""
    return union(context, node)
