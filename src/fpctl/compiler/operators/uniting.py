"""`union`: every column of every leg; one of several types is split, as the binder names it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fpctl.compiler.context import NO_ROW, Expressions
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Names, Relation
from fpctl.compiler.sql import NULL, Cast, Named, Select, Sql, UnionAll
from fpctl.compiler.sql import Column as SqlColumn
from fpctl.compiler.values.conversions import nothing
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import HELD_AS, Held
from fpctl.kql import tree
from fpctl.kql.binder.branches import preceded, united
from fpctl.kql.binder.scope import Column, Scope


def union(compiler: Expressions, node: tree.Union, rows: Relation | None = None) -> Relation:
    """`union`, piped or as a source."""
    kind = compiler.binder.parameter_text(node.parameters, "kind") or "outer"
    fuzzy = compiler.binder.parameter_text(node.parameters, "isfuzzy") == "true"
    source = compiler.binder.parameter_text(node.parameters, "withsource")
    legs: list[tuple[str, Relation]] = [] if rows is None else [("union_arg0", rows)]
    offset = len(legs)
    for at, leg in enumerate(node.legs):
        try:
            legs.extend(_leg(compiler, leg, at + offset))
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
    return joined(legs, scope, source)


def joined(legs: Sequence[tuple[str, Relation]], scope: Scope, source: str | None) -> Relation:
    """Return all rows of the legs under the columns of their union's scope; `source` names the leg's column."""
    if source is not None:
        scope = preceded(scope, Column(source, "string", "derived"))
    if len(legs) == 1 and source is None:
        return legs[0][1].with_scope(scope)
    wanted = list(scope.columns.values())
    split = _split(legs)
    queries, columns = [], {}
    moments = {
        column.name for column in wanted if column.type == "datetime"
        and all((held := _of(relation, column, split)) is None or held.is_moment for _, relation in legs)
    }  # fmt: skip
    names = Names()
    for column in wanted:
        kind = str(column.type)
        columns[column.name] = Held(column.name, kind, names.free(column.name), column.name in moments)
    for name, relation in legs:
        made = []
        for at, column in enumerate(wanted):
            if at == 0 and source is not None:
                made.append(Named(constant(name, "string").sql, columns[column.name].sql))
                continue
            held = _of(relation, column, split)
            made.append(Named(_cell(held, columns[column.name]), columns[column.name].sql))
        queries.append(replace(relation.base(), keep=False, drop=(), columns=tuple(made)))
    return Relation(Select(UnionAll(tuple(queries)), keep=True), columns, scope)


def _cell(held: Held | None, target: Held) -> Sql:
    if held is None:
        return Cast(NULL, "TIMESTAMP") if target.is_moment else nothing(target.type).sql
    if target.is_moment:
        return SqlColumn(held.sql)
    value = held.value()
    return value.sql if held.type == target.type else Cast(value.sql, HELD_AS[target.type])


def _split(legs: Sequence[tuple[str, Relation]]) -> frozenset[str]:
    """Return the names that have several types among the legs."""
    kinds: dict[str, set[str]] = {}
    for _, relation in legs:
        for name, held in relation.columns.items():
            kinds.setdefault(name, set()).add(held.type)
    return frozenset(name for name, found in kinds.items() if len(found) > 1)


def _of(relation: Relation, column: Column, split: frozenset[str]) -> Held | None:
    """Return the column of a leg that a column of the union holds."""
    held = relation.columns.get(column.name)
    if held is not None and column.name not in split:
        return held if held.type == str(column.type) else None
    for name in split:
        found = relation.columns.get(name)
        if found is not None and found.type == str(column.type) and column.name.startswith(f"{name}_{found.type}"):
            return found
    return held if held is not None and held.type == str(column.type) and column.name not in split else None


def _leg(compiler: Expressions, leg: tree.Source, at: int) -> list[tuple[str, Relation]]:
    with compiler.in_row(NO_ROW):
        if isinstance(leg, tree.Wildcard):
            found = compiler.matching_tables(leg.pattern)
            if not found:
                compiler.refuse("table", f"no table matches {leg.pattern}", leg, code="unknown-table")
            return found
        relation = compiler.source(leg)
    while isinstance(leg, tree.Group):
        leg = leg.inner
    return [(leg.value if isinstance(leg, tree.Name) else f"union_arg{at}", relation)]
