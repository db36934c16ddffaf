"""Events of a joined row that no clause tests: a row of `A | join B` also holds an event of B."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpctl.kql import tree
from fpctl.kql.analysis import Analysis
from fpctl.kql.binder.scope import Scope
from fpctl.rewrite.placement.column_resolver import LITERAL_SOURCES
from fpctl.rewrite.placement.resolution import Fields, RequiredColumns
from fpctl.rewrite.placement.result import Placement


def untested_tables(
    query: tree.Query, analysis: Analysis, fields: Fields, required: RequiredColumns, placements: Sequence[Placement]
) -> tuple[str, ...]:
    """Return the tables whose events are in the rows of a result and could be named, and that no clause tests.

    Not those whose events hold the same values, because the rows were joined on them.
    """
    if not required.fields:
        return ()
    tested = {table for placement in placements for table in _tested(placement)}
    beside = {table for placement in placements for table in _beside(placement)}
    for statement in query.results():
        # Where all clauses stand in the result's own pipeline, it is known which of its readings of a table they test.
        own = all(placement.pipeline is statement.pipeline for placement in placements)
        covered = {
            (branch, table)
            for placement in placements
            for branch in placement.resolution.branches
            for table in placement.point.scope.branches.get(branch, ())
        }
        beside |= {
            table
            for point in analysis.columns_of(statement.pipeline).points
            for branch, tables in point.scope.branches.items()
            for table in tables
            if ((branch, table) not in covered if own else table not in tested)
        }
    return tuple(
        sorted(
            table
            for table in beside - LITERAL_SOURCES
            if all(_holds(fields, table, field, roles) for field, roles in required.fields)
            and not all(_compared(query, fields, table, field) for field, _ in required.fields)
        )
    )


def _tested(placement: Placement) -> Iterator[str]:
    """Yield the tables of the event that a clause tests."""
    for branch in placement.resolution.branches:
        yield from placement.point.scope.branches.get(branch, ())


def _beside(placement: Placement) -> Iterator[str]:
    """Yield the tables of the other events in a row at an insertion point."""
    scope: Scope = placement.point.scope
    branches = placement.resolution.branches
    for branch, tables in scope.branches.items():
        if branch not in branches:
            yield from tables


def _holds(fields: Fields, table: str, field: str, roles: frozenset[str] | None) -> bool:
    return any(roles is None or column.role in roles for column in fields.columns(table, field))


def _compared(query: tree.Query, fields: Fields, table: str, field: str) -> bool:
    """Return whether every join of a query compares a column that holds a field."""
    held = {column.column for column in fields.columns(table, field)}
    for node in tree.walk(query):
        if isinstance(node, tree.Named) and isinstance(node.value, tree.Name) and node.value.value in held:
            held |= {name.value for name in node.names}
    joins = (node for node in tree.walk(query) if isinstance(node, (tree.Join, tree.Lookup)))
    return all(any(held.issuperset(_columns(condition)) for condition in node.on) for node in joins)


def _columns(condition: tree.Expr) -> Iterator[str]:
    """Yield the columns that a condition of a join compares: `Host`, or `$left.Host == $right.DeviceName`."""
    for item in tree.walk(condition):
        if isinstance(item, tree.Name) and not item.value.startswith("$"):
            yield item.value
