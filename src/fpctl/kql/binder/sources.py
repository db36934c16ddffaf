"""What a pipeline reads, as columns: tables, names, calls, paths, and the operators that are sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from weakref import WeakKeyDictionary

from fpctl.kql import tree
from fpctl.kql.binder import product_functions
from fpctl.kql.binder.bindings import Routine, Tabular
from fpctl.kql.binder.branches import preceded, united
from fpctl.kql.binder.context import BinderContext, RowScope
from fpctl.kql.binder.expressions import TABLE_FUNCTIONS, call_routine, evaluate, evaluate_all
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.name_patterns import matching
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.scalar import UNKNOWN
from fpctl.kql.binder.scope import Column, Origin, Scope, new

_ZERO = frozenset({0})
_SCOPES: WeakKeyDictionary[object, dict[tuple[str, str], tuple[Mapping[str, str], Scope]]] = WeakKeyDictionary()
"""Scopes of tables, kept for each environment: a table's columns are made once, not once a query."""
_MATCHES: WeakKeyDictionary[object, dict[str, Sequence[Scope]]] = WeakKeyDictionary()
"""By pattern, the tables of an environment whose names it matches."""
_UNIONS: WeakKeyDictionary[object, dict[tuple[str, Column | None], tuple[list[Scope], Scope]]] = WeakKeyDictionary()
"""The tables that `union Device*` or `search *` reads, and their union: hundreds of tables for `*`.

By pattern, and by the column of the table's name that is before the others.
"""


# --------------------------------------------------------------------------- tables


def _kept(context: BinderContext, kind: str, name: str, columns: Mapping[str, str]) -> Scope:
    """Return the scope of a table or function result, from the last time if its columns are the same mapping."""
    try:
        known = _SCOPES.setdefault(context.environment, {})
    except TypeError:
        known = {}
    entry = known.get((kind, name))
    if entry is not None and entry[0] is columns:
        return entry[1]
    scope = declared_scope(name, columns)
    known[kind, name] = (columns, scope)
    return scope


def declared_scope(name: str, columns: Mapping[str, str]) -> Scope:
    """Return the scope of a table of known columns."""
    made = {
        column: new(Column, (column, type_, "table", (new(Origin, (name, column, 0)),)))
        for column, type_ in columns.items()
    }
    return Scope(made, branches={0: frozenset({name})}, kept=_ZERO)


def open_scope(name: str) -> Scope:
    """Return the scope of a table whose columns are not known."""
    return Scope({}, True, {0: frozenset({name})}, kept=_ZERO, unknown=_ZERO)


def table_scope(context: BinderContext, name: str) -> Scope | None:
    """Return the scope of a table of the environment, or None."""
    columns = context.environment.table(name)
    return None if columns is None else _kept(context, "table", name, columns)


def assumed_table(context: BinderContext, name: str, offset: int) -> Scope:
    """Return an open scope for a table that is not known, and note it."""
    context.assumed.add(name)
    if not context.fuzzy:
        hint = nearest(name, context.environment.tables())
        context.problem(offset, "unknown-table", f"the table {name} is not known; its columns are assumed", hint)
    return open_scope(name)


# --------------------------------------------------------------------------- references


def source(context: BinderContext, node: tree.Source) -> Scope:
    """Return what a source gives; an unknown one is open."""
    scope = tabular(context, node)
    if scope is not None:
        return scope
    if isinstance(node, tree.Group):
        return source(context, node.inner)
    if isinstance(node, tree.Name):
        return assumed_table(context, node.value, node.start)
    if isinstance(node, tree.Wildcard):
        return united(matching_tables(context, node) or [assumed_table(context, node.pattern, node.start)])
    evaluate(context, node)
    return Scope({}, open=True)


def tabular(context: BinderContext, node: tree.Source) -> Scope | None:
    """Return the scope of an expression that is a table, or None if it is a value or not known."""
    if isinstance(node, tree.Name):
        return _named(context, node)
    if isinstance(node, tree.Subquery):
        return context.pipeline(node.pipeline, context.numbered("query"))
    if isinstance(node, tree.Call):
        return called(context, node, tabular=True)
    if isinstance(node, tree.Path):
        return _placed(context, node)
    if isinstance(node, tree.Group):
        return tabular(context, node.inner)
    return context.source_operator(node)


def _named(context: BinderContext, node: tree.Name) -> Scope | None:
    bound = context.names.get(node.value)
    if isinstance(bound, Tabular):
        return bound.scope
    if isinstance(bound, Routine):
        result = context.call(bound, (), node.start)
        return result if isinstance(result, Scope) else None
    if bound is not None:
        return None
    scope = table_scope(context, node.value)
    return scope if scope is not None else _stored(context, tree.Call(node.start, node.end, node, ()))


def called(context: BinderContext, node: tree.Call, *, tabular: bool) -> Scope | None:
    """Return the scope of a call that gives a table, or None.

    Args:
        context: where we are.
        node: the call.
        tabular: whether a table is asked for; only then is an unknown function taken for one.
    """
    name = node.name.value
    bound = context.names.get(name)
    if isinstance(bound, Routine):
        result = call_routine(context, bound, node)
        return result if isinstance(result, Scope) else None
    if name == "materialize" and node.args:
        arg = node.args[0]
        if isinstance(arg, tree.Subquery):
            return context.pipeline(arg.pipeline, context.numbered("materialize"))
        return source(context, arg)
    if name in ("table", "external_table", "materialized_view", "stored_query_result"):
        return _by_text(context, node)
    if name in TABLE_FUNCTIONS:
        return Scope({}, open=True)
    if name in builtins().functions or name in builtins().aggregates or name == "toscalar":
        return None
    scope = _stored(context, node)
    if scope is not None:
        return scope
    for arg in node.args:
        evaluate(context, arg)
    if name in product_functions.TABLES:
        return declared_scope(name, product_functions.TABLES[name])
    if name in product_functions.PARTLY_KNOWN:
        known = declared_scope(name, product_functions.PARTLY_KNOWN[name])
        return Scope(known.columns, True, known.branches, kept=_ZERO, unknown=_ZERO)
    context.assumed.add(name)
    if not context.fuzzy:
        hint = nearest(name, builtins().functions)
        context.problem(node.name.start, "unknown-function", f"the function {name} is not known", hint)
    return open_scope(name) if tabular else None


def _stored(context: BinderContext, node: tree.Call) -> Scope | None:
    name = node.name.value
    found = context.stored_function(name)
    if found is None:
        return None
    if isinstance(found, Routine):
        result = call_routine(context, found, node)
        return result if isinstance(result, Scope) else None
    evaluate_all(context, node.args)
    return _kept(context, "function", name, found)


def _by_text(context: BinderContext, node: tree.Call) -> Scope:
    """`table('X')`: a tabular `let` of that name, else the table."""
    name = context.value_text(node.args[0]) if node.args else None
    if name is None:
        for arg in node.args:
            evaluate(context, arg)
        return Scope({}, open=True)
    if node.name.value == "table":
        bound = context.names.get(name)
        if isinstance(bound, Tabular):
            return bound.scope
        if isinstance(bound, Routine):
            result = context.call(bound, (), node.start)
            return result if isinstance(result, Scope) else open_scope(name)
        if "*" in name:
            names = matching(name, context.environment.tables())
            return united([scope for match in names if (scope := table_scope(context, match))] or [open_scope(name)])
        scope = table_scope(context, name)
        if scope is not None:
            return scope
    return assumed_table(context, name, node.args[0].start)


def _placed(context: BinderContext, node: tree.Path) -> Scope | None:
    """`cluster('c').database('d').T`: taken to have the columns of the table of that name here."""
    base: tree.Expr = node
    while isinstance(base, tree.Path):
        base = base.base
    if not (isinstance(base, tree.Call) and base.name.value in TABLE_FUNCTIONS) and not isinstance(base, tree.Name):
        return None
    if isinstance(base, tree.Name) and (base.value in context.row.columns or base.value in context.names):
        return None
    member = node.member
    if isinstance(member, tree.Call):
        return called(context, member, tabular=True)
    if isinstance(member, tree.Wildcard):
        return united(matching_tables(context, member) or [open_scope(member.pattern)])
    scope = table_scope(context, member.value)
    if scope is not None:
        return scope
    scope = _stored(context, tree.Call(member.start, member.end, member, ()))
    return scope if scope is not None else assumed_table(context, member.value, member.start)


def matching_tables(context: BinderContext, node: tree.Wildcard) -> list[Scope]:
    """Return the tables, and the views of the query, that a pattern matches."""
    scopes = list(_matching_environment(context, node.pattern))
    for name, bound in context.names.visible().items():
        if isinstance(bound, Routine) and bound.node.view and matching(node.pattern, (name,)):
            result = context.call(bound, (), node.start)
            if isinstance(result, Scope):
                scopes.append(result)
    return scopes


def _matching_environment(context: BinderContext, pattern: str) -> Sequence[Scope]:
    """Return the tables of the environment that a pattern matches, found once: an environment does not change."""
    try:
        known = _MATCHES.setdefault(context.environment, {})
    except TypeError:
        known = {}
    found = known.get(pattern)
    if found is None:
        names = matching(pattern, context.environment.tables())
        scopes = [scope for name in names if (scope := table_scope(context, name)) is not None]
        found = known[pattern] = scopes
    return found


def legs(context: BinderContext, nodes: Sequence[tree.Source], kind: str) -> list[Scope]:
    """Return the tables listed by `union`, `search in (...)`, `find in (...)`, wildcards spelled out."""
    row, context.row = context.row, RowScope()
    scopes: list[Scope] = []
    for node in nodes:
        path = context.numbered(kind)
        if isinstance(node, tree.Wildcard):
            found = matching_tables(context, node)
            scopes.extend(found or [assumed_table(context, node.pattern, node.start)])
        elif isinstance(node, tree.Subquery):
            scopes.append(context.pipeline(node.pipeline, path))
        else:
            scopes.append(source(context, node))
    context.row = row
    return scopes


def united_once(context: BinderContext, pattern: str, scopes: list[Scope], first: Column | None = None) -> Scope:
    """Return the union of the tables that a pattern matches, after `first`, made once for each environment."""
    try:
        known = _UNIONS.setdefault(context.environment, {})
    except TypeError:
        known = {}
    entry = known.get((pattern, first))
    if entry is None or len(entry[0]) != len(scopes) or any(a is not b for a, b in zip(entry[0], scopes, strict=True)):
        union = united(scopes) if first is None else preceded(united_once(context, pattern, scopes), first)
        entry = known[pattern, first] = (scopes, union)
    return entry[1]


# --------------------------------------------------------------------------- operators that are sources


def schema_columns(columns: Sequence[tree.ColumnDecl], table: str) -> dict[str, Column]:
    """Return declared columns as columns of a table."""
    return {
        column.name: Column(column.name, column.type or UNKNOWN, "table", (Origin(table, column.name, 0),))
        for column in columns
        if column.name != "*"
    }
