"""Where a rule's events can be looked at: the insertion point of a clause, and which column there holds which field."""

from __future__ import annotations

from fpctl.fields.registry import FIELDS
from fpctl.rewrite.placement.column_resolver import ColumnResolver
from fpctl.rewrite.placement.reading import Reading
from fpctl.rewrite.placement.resolution import RequiredColumns, Unresolved
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.predicate import BoundColumn


def resolver_of(planner: Planner) -> ColumnResolver:
    """Return what finds the columns of fields in a rule's events, by a planner's schema and mapping."""
    return ColumnResolver(planner.fields, lambda table: planner.tables.table(table) is not None, frozenset, None)


def telling_columns(planner: Planner, placement: Placement) -> dict[str, list[BoundColumn]]:
    """Return, for each field that is visible at an insertion point, the columns that tell it, the best first."""
    resolver = resolver_of(planner)
    found: dict[str, list[BoundColumn]] = {}
    for name, field in FIELDS.items():
        bound = resolver.resolve(placement.point.scope, RequiredColumns(((name, None),)), Reading.PARTIAL_FIELDS)
        if isinstance(bound, Unresolved):
            continue
        fitting = [column for column in bound.bindings.get(name, ()) if column.role in field.telling]
        if fitting:
            found[name] = sorted(fitting, key=lambda column: field.telling.index(column.role))
    return found


def field_columns(planner: Planner, placement: Placement) -> dict[str, BoundColumn]:
    """Return, for each field that is visible at an insertion point, the column that shows it best."""
    return {name: columns[0] for name, columns in telling_columns(planner, placement).items()}
