"""Where a rule's events can be looked at: the insertion point of a clause, and which column there holds which field."""

from __future__ import annotations

from fpctl.fields.registry import FIELDS
from fpctl.rewrite.placement.column_resolver import ColumnResolver, RequiredColumns, Unresolved
from fpctl.rewrite.placement.reading import Reading
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.predicate import BoundColumn


def field_columns(planner: Planner, placement: Placement) -> dict[str, BoundColumn]:
    """Return, for each field that is visible at an insertion point, the column that tells it best."""
    resolver = ColumnResolver(planner.fields, lambda table: planner.tables.table(table) is not None, frozenset, None)
    found: dict[str, BoundColumn] = {}
    for name, field in FIELDS.items():
        bound = resolver.resolve(placement.point.scope, RequiredColumns(((name, None),)), Reading.PARTIAL_FIELDS)
        if isinstance(bound, Unresolved):
            continue
        fitting = [column for column in bound.bindings.get(name, ()) if column.role in field.telling]
        if fitting:
            found[name] = min(fitting, key=lambda column: field.telling.index(column.role))
    return found
