"""Which tables a rule reads."""

from __future__ import annotations

from fpctl.rewrite.placement.column_resolver import LITERAL_SOURCES
from fpctl.rewrite.plan.tuned_rule import TunedRule


def tables_read(tuned: TunedRule) -> list[str]:
    """Return the names of the tables that a rule reads, sorted; rows that stand in the query are no table."""
    names: set[str] = set()
    for pipeline in tuned.analysis.pipelines:
        for point in pipeline.points[:1]:
            for tables in point.scope.branches.values():
                names.update(tables)
    return sorted(names - LITERAL_SOURCES)
