"""`search` and `find`: sources that look into many tables at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fpctl.kql import tree
from fpctl.kql.binder.branches import Shift, after, common_columns, preceded, unified, united
from fpctl.kql.binder.context import Context, Row
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.scalar import UNKNOWN
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import legs, matching_tables, united_once


def search(context: Context, node: tree.Search, row: Scope | None = None) -> Scope:
    """Return the columns after `search`: `$table`, then those of all that is searched."""
    first = Column("$table", "string", "derived")
    if row is not None and not node.tables:
        evaluate_all(context, (node.predicate,))
        return preceded(context.visible(), first)
    found = _searched(context, node, "search")[1]
    outer, context.row = context.row, Row(found.columns, found)
    evaluate_all(context, (node.predicate,))
    found = context.visible()
    context.row = outer
    return preceded(found, first)


def _searched(context: Context, node: tree.Search | tree.Find, kind: str) -> tuple[list[Scope], Scope]:
    """Return the tables that `search` or `find` looks into, and their union."""
    if node.tables:
        scopes = legs(context, node.tables, kind)
        return scopes, united(scopes)
    scopes = matching_tables(context, tree.Wildcard(node.start, node.start, "*"))
    return scopes, united_once(context, "*", scopes)


def find(context: Context, node: tree.Find) -> Scope:
    """Return the columns after `find`: where a row is from, then the listed columns, or those that matter."""
    first = Column(context.parameter_text(node.parameters, "withsource") or "source_", "string", "derived")
    scopes, combined = _searched(context, node, "find")
    scopes = _numbered(scopes)
    by_name = _by_name(scopes)
    outer, context.row = context.row, Row(by_name, Scope(by_name, combined.open, combined.branches))
    mentioned: dict[str, Column] = {}
    if node.predicate is not None:
        evaluate_all(context, (node.predicate,))
        for part in tree.walk(node.predicate):
            if isinstance(part, tree.Name) and part.value in by_name:
                mentioned[part.value] = by_name[part.value]
    context.row = outer
    used = _used(scopes, mentioned, node)
    columns: list[Column] = [first]
    packed, is_open = False, combined.open
    if node.project is None:
        columns.extend(common_columns([scope.columns for scope in used]))
        listed = {column.name for column in columns}
        columns.extend(column for name, column in mentioned.items() if name not in listed)
        packed = _leaves_some(used, columns)
    else:
        is_open = False
        for item in node.project:
            if item.name == "*":
                packed = True
            elif item.name in by_name:
                column = by_name[item.name]
                columns.append(Column(column.name, item.type or column.type, column.kind, column.origins))
            elif combined.open:
                columns.append(Column(item.name, item.type or UNKNOWN, "derived"))
    if packed:
        columns.append(Column("pack_", "dynamic", "derived"))
    if node.project_away:
        away = {item.name for item in node.project_away}
        explicit = node.project is not None and packed
        columns = [
            column
            for column in columns
            if (column is first or (column.name == "pack_" and explicit) if "*" in away else column.name not in away)
        ]
    return Scope(unified(columns), is_open, combined.branches, combined.union, combined.rowwise, combined.kept,
                 combined.unknown if is_open else frozenset())  # fmt: skip


def _numbered(scopes: Sequence[Scope]) -> list[Scope]:
    """Return scopes with the branches that their union gives them."""
    numbered, by = [], 0
    for scope in scopes:
        numbered.append(replace(scope, columns={column.name: column for column in Shift(scope, by).columns()}))
        by += after(scope)
    return numbered


def _by_name(scopes: Sequence[Scope]) -> dict[str, Column]:
    """Return the columns of several tables, one a name: of several types, what they have in common, else dynamic."""
    names = dict.fromkeys(name for scope in scopes for name in scope.columns)
    return {
        name: common_columns([{name: scope.columns[name]} for scope in scopes if name in scope.columns])[0]
        for name in names
    }


def _used(scopes: list[Scope], mentioned: Mapping[str, Column], node: tree.Find) -> list[Scope]:
    """Return the tables that find can find something in: those with a column that the predicate names."""
    if len(scopes) == 1 or node.predicate is None or _searches_all(node.predicate):
        return scopes
    return [scope for scope in scopes if scope.open or any(name in scope.columns for name in mentioned)]


def _searches_all(expr: tree.Expr) -> bool:
    """Tell whether a predicate looks into every column: a `*`, or a string that stands alone."""
    if isinstance(expr, tree.Literal):
        return expr.type == "string"
    if isinstance(expr, tree.Group):
        return _searches_all(expr.inner)
    if isinstance(expr, tree.Binary) and expr.ops[0] in ("and", "or"):
        return any(_searches_all(operand) for operand in expr.operands)
    return any(isinstance(part, tree.Star) for part in tree.walk(expr))


def _leaves_some(scopes: Sequence[Scope], columns: Sequence[Column]) -> bool:
    listed = {column.name for column in columns}
    return any(not scope.open and any(name not in listed for name in scope.columns) for scope in scopes)
