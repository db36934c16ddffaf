"""Where a rule's events can be looked at: the gap of a clause, and which column there holds which field."""

from __future__ import annotations

from fpctl.fields.registry import FIELDS
from fpctl.rewrite.placement.column_resolver import Needs, Resolver, Unresolved
from fpctl.rewrite.placement.result import Place
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.predicate import BoundColumn


def field_columns(planner: Planner, place: Place) -> dict[str, BoundColumn]:
    """Return, for each field that is visible at a gap, the column that tells it best."""
    resolver = Resolver(planner.fields, lambda table: planner.tables.table(table) is not None, frozenset, None)
    found: dict[str, BoundColumn] = {}
    for name, field in FIELDS.items():
        bound = resolver.resolve(place.gap.scope, Needs(((name, None),)), mixed=True, partial=True)
        if isinstance(bound, Unresolved):
            continue
        fitting = [column for column in bound.bindings.get(name, ()) if column.role in field.telling]
        if fitting:
            found[name] = min(fitting, key=lambda column: field.telling.index(column.role))
    return found
