"""Operators that look into many tables at once: search, find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder.branches import after, common_columns, moved, preceded, unified, united
from fpctl.kql.binder.context import BinderContext, RowScope
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.scalar import UNKNOWN
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import legs, matching_tables, united_once
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.grammar.sources import (
    find_table,
)
from fpctl.kql.operators.model import Input, OperatorSpec, Polarity, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


def _parse_search(p: Expressions) -> tree.Search:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    p.datascope()
    tables = _tables(p)
    predicate = _search_predicate(p)
    return new(tree.Search, (p.starts[at], p.end(), p.texts[at], found, tables, predicate))


def _search_predicate(p: Expressions) -> tree.Expr:
    if p.kinds[p.at] == "*" and p.kinds[p.at + 1] in ("and", "|", ";", ")", "END"):
        star: tree.Star = p.star()
        if not p.take("and"):
            return star
        rest = p.expression()
        return p._chain("and", [star, rest])
    return p.expression()


def _parse_find(p: Expressions) -> tree.Find:
    at = p.at
    p.at = at + 1
    p.datascope()
    found = parameters(p, before_equals=False)
    tables = _tables(p)
    if found or tables:
        p.expect("where", "in `find`")
    else:
        p.take("where")
    predicate = p.expression()
    project: tuple[tree.FindColumn, ...] | None = None
    project_away: tuple[tree.FindColumn, ...] | None = None
    if p.take("project"):
        project = _find_columns(p)
    else:
        p.take("project-smart")
    if p.take("__projectAway"):
        project_away = _find_columns(p)
    return new(tree.Find, (p.starts[at], p.end(), p.texts[at], found, tables, predicate, project, project_away))


def _tables(p: Expressions) -> tuple[tree.Source, ...]:
    if not p.take("in"):
        return ()
    p.expect("(", "after `in`")
    tables = [find_table(p)]
    while p.take(","):
        tables.append(find_table(p))
    p.expect(")", "to close the list of tables")
    return tuple(tables)


def _find_columns(p: Expressions) -> tuple[tree.FindColumn, ...]:
    columns = [_find_column(p)]
    while p.take(","):
        columns.append(_find_column(p))
    return tuple(columns)


def _find_column(p: Expressions) -> tree.FindColumn:
    at = p.at
    if p.take("pack"):
        p.expect("(", "after `pack`")
        p.expect("*", "in `pack(*)`")
        p.expect(")", "after `pack(*`")
        return new(tree.FindColumn, (p.starts[at], p.end(), "*", None))
    if p.take("*"):
        return new(tree.FindColumn, (p.starts[at], p.end(), "*", None))
    name = p.name("a column name")
    scalar = p.scalar_type(extra=True) if p.take(":") else None
    return new(tree.FindColumn, (p.starts[at], p.end(), name.value, scalar))


def _bind_search(context: BinderContext, node: tree.Search, row: Scope | None) -> Scope:
    """Return the columns after `search`: `$table`, then those of all that is searched."""
    first = Column("$table", "string", "derived")
    if row is not None and not node.tables:
        evaluate_all(context, (node.predicate,))
        return preceded(context.visible(), first)
    scopes, combined = _searched(context, node, "search")
    outer, context.row = context.row, RowScope(combined.columns, combined)
    evaluate_all(context, (node.predicate,))
    found = context.visible()
    context.row = outer
    if found is combined and not node.tables:
        return united_once(context, "*", scopes, first)
    return preceded(found, first)


def _searched(context: BinderContext, node: tree.Search | tree.Find, kind: str) -> tuple[list[Scope], Scope]:
    """Return the tables that `search` or `find` looks into, and their union."""
    if node.tables:
        scopes = legs(context, node.tables, kind)
        return scopes, united(scopes)
    scopes = matching_tables(context, tree.Wildcard(node.start, node.start, "*"))
    return scopes, united_once(context, "*", scopes)


def _bind_find(context: BinderContext, node: tree.Find, scope: None) -> Scope:
    """Return the columns after `find`: where a row is from, then the listed columns, or those that matter."""
    first = Column(context.parameter_text(node.parameters, "withsource") or "source_", "string", "derived")
    scopes, combined = _searched(context, node, "find")
    scopes = _numbered(scopes)
    by_name = _by_name(scopes)
    outer, context.row = context.row, RowScope(by_name, Scope(by_name, combined.open, combined.branches))
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
        numbered.append(replace(scope, columns={name: moved(column, by) for name, column in scope.columns.items()}))
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
    """Return whether a predicate looks into every column: a `*`, or a string on its own."""
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


def _inputs(node: tree.Search | tree.Find) -> list[Input]:
    where = f"a table of {node.keyword}"
    found = [Input(table, Polarity.POSITIVE, where, True) for table in node.tables]
    if node.predicate is not None:
        found.append(Input(node.predicate, Polarity.POSITIVE, f"the condition of {node.keyword}", condition=True))
    return found


OPERATORS = (
    OperatorSpec(
        ("search",),
        tree.Search,
        _parse_search,
        _bind_search,
        RowEffect.BOUND,
        fewer_rows=None,
        inputs=_inputs,
        source=True,
    ),
    OperatorSpec(
        ("find",),
        tree.Find,
        _parse_find,
        _bind_find,
        RowEffect.BOUND,
        fewer_rows=None,
        inputs=_inputs,
        source=True,
        after_pipe=False,
    ),
)
