"""`union`: every column of every leg; one of several types is split, as the binder names it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from fpctl.compiler.context import NO_ROW, Expressions
from fpctl.compiler.operator_registry import operator, source
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Names, Relation
from fpctl.compiler.sql import NULL, Cast, Named, Select, Text, UnionAll, func
from fpctl.compiler.sql import Column as SqlColumn
from fpctl.compiler.values.literals import null_of
from fpctl.compiler.values.value import Held
from fpctl.kql import tree
from fpctl.kql.binder.branches import preceded, united
from fpctl.kql.binder.scope import Column, Scope

NULL_MOMENT = Cast(NULL, "TIMESTAMP")


@operator(tree.Union)
@source(tree.Union)
def union(compiler: Expressions, node: tree.Union, rows: Relation | None = None) -> Relation:
    """`union`, piped or as a source."""
    kind = compiler.binder.parameter_text(node.parameters, "kind") or "outer"
    fuzzy = compiler.binder.parameter_text(node.parameters, "isfuzzy") == "true"
    source = compiler.binder.parameter_text(node.parameters, "withsource")
    legs: list[tuple[str, Relation]] = [] if rows is None else [(rows.name or "union_arg0", rows)]
    offset = len(legs)
    for at, leg in enumerate(node.legs):
        try:
            legs.extend(leg_tables(compiler, leg, at + offset))
        except Refusal as refusal:
            if not (fuzzy and refusal.code == "unknown-table"):
                raise
            compiler.notes.add("isfuzzy: a table that the data lacks is left out")
    if not legs:
        compiler.refuse("union", "none of the tables of this union is in the data", node, code="unknown-table")
    scope = united([relation.scope for _, relation in legs])
    if kind == "inner":
        common = set.intersection(*({(n, str(c.type)) for n, c in r.scope.columns.items()} for _, r in legs))
        scope = Scope(
            {name: column for name, column in scope.columns.items() if (name, str(column.type)) in common},
            branches=scope.branches, union=scope.union, rowwise=scope.rowwise, kept=scope.kept,
        )  # fmt: skip
    return joined(legs, scope, source, every=kind != "inner")


def joined(legs: Sequence[tuple[str, Relation]], scope: Scope, source: str | None, *, every: bool = True) -> Relation:
    """Return all rows of the legs under the columns of their union's scope.

    Args:
        legs: by the name that `source` gives.
        scope: the columns.
        source: the column of the leg's name, None for none.
        every: whether all columns of all legs are there (not behind kind=inner).
    """
    if source is not None:
        scope = preceded(scope, Column(source, "string", "derived"))
    if len(legs) == 1 and source is None:
        return legs[0][1].with_scope(scope)
    origins, scope = _origins(legs, scope, 0 if source is None else 1)
    if every:
        scope = _with_overlooked(legs, origins, scope)
    has = Counter(name for _, relation in legs for held in relation.columns.values() if (name := origins.get(held[:2])))
    ticks = {
        origins[held[:2]]
        for _, relation in legs
        for held in relation.columns.values()
        if held.type == "datetime" and not held.is_moment and held[:2] in origins
    }
    names = Names()
    columns = {
        column.name: Held(
            column.name,
            str(column.type),
            names.free(column.name),
            column.type == "datetime" and column.name not in ticks,
        )
        for column in scope.columns.values()
    }
    queries = []
    for leg, relation in legs:
        made = [] if source is None else [Named(Text(leg), columns[source].sql)]
        for held in relation.columns.values():
            name = origins.get(held[:2])
            if name is not None:
                sql = SqlColumn(held.sql) if columns[name].is_moment else held.value().sql
                made.append(Named(sql, columns[name].sql))
        queries.append(replace(relation.base(), keep=False, drop=(), columns=tuple(made)))
    # A column that a leg lacks is null there; a string is empty.
    lacking = [held for held in columns.values() if has[held.name] < len(legs) and held.name != source]
    filled = tuple(
        Named(
            func("coalesce", SqlColumn(held.sql), Text(""))
            if has[held.name]
            else NULL_MOMENT if held.is_moment else null_of(held.type),
            held.sql,
        )
        for held in lacking
        if held.type == "string" or not has[held.name]
    )  # fmt: skip
    drop = tuple(held.sql for held in lacking if held.type == "string" and has[held.name])
    return Relation(Select(UnionAll(tuple(queries)), filled, keep=True, drop=drop), columns, scope, not filled)


def _with_overlooked(legs: Sequence[tuple[str, Relation]], origins: dict[tuple[str, str], str], scope: Scope) -> Scope:
    """Return the scope with the columns that the binder overlooks: a third type of one name, say."""
    columns = dict(scope.columns)
    for _, relation in legs:
        for held in relation.columns.values():
            if held[:2] in origins:
                continue
            name, number = f"{held.name}_{held.type}", 0
            while name in columns:
                number += 1
                name = f"{held.name}_{held.type}{number}"
            columns[name] = Column(name, held.type, "derived")
            origins[held[:2]] = name
    return scope if len(columns) == len(scope.columns) else replace(scope, columns=columns)


def _origins(legs: Sequence[tuple[str, Relation]], scope: Scope, skip: int) -> tuple[dict[tuple[str, str], str], Scope]:
    """Return for each name and type among the legs' columns the column of the union that holds it, and the scope.

    A column of several types gets out of the way of one that is called `name_type` itself (union-operator, the example
    of `x_long1`); Microsoft's binder, whose scope this is, gives the number to the other.
    """
    kinds: dict[str, dict[str, None]] = {}
    for _, relation in legs:
        for held in relation.columns.values():
            kinds.setdefault(held.name, {})[held.type] = None
    # The binder names them in this order; a third type of one name it overlooks.
    wanted = list(scope.columns.values())
    first = {column.name: column for column in wanted[:skip]}
    taken = {name for name, found in kinds.items() if len(found) == 1} | set(first)
    columns = dict(first)
    origins: dict[tuple[str, str], str] = {}
    at = skip
    for name, found in kinds.items():
        for kind in found:
            if at == len(wanted) or wanted[at].type != kind or not wanted[at].name.startswith(name):
                continue
            column = wanted[at]
            if len(found) > 1:
                column = _out_of_the_way(column, f"{name}_{kind}", taken)
            elif name not in first:
                column = column._replace(name=name)
            origins[name, kind] = column.name
            columns[column.name] = column
            at += 1
    complete = at == len(wanted) and len(columns) == len(wanted)
    return origins, replace(scope, columns=columns) if complete else scope


def _out_of_the_way(column: Column, name: str, taken: set[str]) -> Column:
    new, number = name, 0
    while new in taken:
        number += 1
        new = f"{name}{number}"
    taken.add(new)
    return column._replace(name=new)


def leg_tables(compiler: Expressions, leg: tree.Source, at: int) -> list[tuple[str, Relation]]:
    """Return the tables that one leg of a union, or of `search in`, names."""
    with compiler.in_row(NO_ROW):
        if isinstance(leg, tree.Wildcard):
            found = compiler.matching_tables(leg.pattern)
            if not found:
                compiler.refuse("table", f"no table matches {leg.pattern}", leg, code="unknown-table")
            return found
        relation = compiler.source(leg)
    while isinstance(leg, tree.Group):
        leg = leg.inner
    return [(leg.value if isinstance(leg, tree.Name) else relation.name or f"union_arg{at}", relation)]
