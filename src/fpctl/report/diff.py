"""The difference between a base and a tuned query, as a unified diff."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from fpctl.repository.apply import RuleOutcome

CONTEXT = 3


def clause_diff(outcome: RuleOutcome) -> Iterator[str]:
    """Yield the lines of a unified diff of one rule's query, without line ends; none when nothing changes."""
    tuned = outcome.tuned
    if tuned is None or tuned.base == tuned.tuned:
        return
    path = outcome.rule.path
    yield from unified_diff(
        tuned.base.splitlines(), tuned.tuned.splitlines(), f"a/{path}", f"b/{path}", n=CONTEXT, lineterm=""
    )
