"""Which tables a rule reads."""

from __future__ import annotations

from fpctl.rewrite.plan.tuned_rule import TunedRule


def tables_read(tuned: TunedRule) -> list[str]:
    """Return the names of the tables that a rule reads, sorted; rows written in the query are not a table."""
    return sorted(tuned.base_rule.tables_read())
