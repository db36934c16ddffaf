"""Clauses with their markers, for tests."""

from __future__ import annotations

import re

from fpctl.rewrite.output.markers import ClauseLine, edits_for
from fpctl.text.edits import apply_edits


def without_checks(text: str) -> str:
    """Return a text without the check values of its markers."""
    return re.sub(r"( // fpctl [^\n]*?| \"fpctl [^\n]*?) check:[0-9a-f]{8}", r"\1", text)


def with_clause(text: str, clause: str, *ids: str) -> str:
    """Return a query with a clause of fpctl at its end."""
    return apply_edits(text, edits_for(text, [ClauseLine(len(text), clause, ids, 0)]))
