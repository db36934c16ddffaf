"""duckdb-kql's parser, generated from Microsoft's published grammar, as a second reader of tuned queries.

It shares no code with ours. `tests/oracle/compare_readers.py` shows what it finds beside the other two.
"""

from __future__ import annotations

from duckdb_kql.parser import validate

from fpctl.rewrite.plan.tuned_rule import TunedRule


def complaint(tuned: TunedRule) -> str | None:
    """Return what is wrong with a tuned query, None where nothing is, or the base is beyond the reader already."""
    found = validate(tuned.tuned)
    if not found or validate(tuned.base):
        return None
    return f"{found[0].span}: {found[0].message}"
