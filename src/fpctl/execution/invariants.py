"""What must hold between a rule's result without and with its clauses, whatever the rule.

1. Clauses that suppressed nothing change nothing.
2. Without a warning `effect` or `partial-groups`, clauses add no row: every key of the tuned result is one of the base
   result.

A run in which one does not hold is an error: its counts, or its placement, cannot be trusted.
"""

from __future__ import annotations

from fpctl.engine.interface import Table
from fpctl.execution.result_changes import RowChanges, compare, keys_of
from fpctl.kql import tree
from fpctl.kql.operators.table import is_operator, spec_of
from fpctl.rewrite.plan.tuned_rule import TunedRule

COMPARED = 50_000
"""Up to this number, result rows are compared one by one; beyond it, only their number."""

HINT = "please report this with the rule and the exclusions; until then do not rely on the tuned rule"

_ARBITRARY_CALLS = frozenset(
    {
        "rand", "new_guid", "any", "anyif", "take_any", "take_anyif", "arg_max", "arg_min", "argmax", "argmin",
        "row_number", "row_cumsum", "row_rank_dense", "row_rank_min", "row_window_session", "prev", "next",
    }
)  # fmt: skip


def is_repeatable(tuned: TunedRule) -> bool:
    """Return whether the base query gives the same rows whenever it is run on the same data.

    `take`, `top` on a tie, `arg_max` on a tie and the like choose any row, so that two runs may differ.
    """
    return len(tuned.query.results()) == 1 and not any(
        isinstance(node, tree.Reduce)
        or (is_operator(node) and spec_of(node).picks)
        or (isinstance(node, tree.Call) and node.name.value.lower() in _ARBITRARY_CALLS)
        for node in tree.walk(tuned.query)
    )


def broken_invariant(tuned: TunedRule, base: Table, result: Table, suppressed: int | None) -> str | None:
    """Return which invariant a run breaks, None where both hold or cannot be tested.

    Args:
        base: the answer to the base query, on the same data.
        result: the answer to the tuned query.
        suppressed: rows that the clauses suppressed; None where not known.
    """
    if not tuned.edits or base.partial is not None or result.partial is not None or not is_repeatable(tuned):
        return None
    whole = all(len(table.rows) == table.count <= COMPARED for table in (base, result))
    changes = compare(base, result, keys_of(tuned)) if whole else RowChanges(base.count, result.count, compared=False)
    return broken_by(changes, tuned, suppressed)


def broken_by(changes: RowChanges, tuned: TunedRule, suppressed: int | None) -> str | None:
    """Return which invariant a difference between two results breaks; `tuned` is what the second one ran."""
    differ = bool(changes.vanished or changes.appeared or changes.changed or changes.before != changes.after)
    if suppressed == 0 and differ:
        return (
            f"the clauses suppressed no event, but the result differs from that of the base query "
            f"({changes.before:,} rows before, {changes.after:,} after)"
        )
    if any(warning.code in ("effect", "partial-groups") for warning in tuned.plan.warnings):
        return None
    added = len(changes.appeared) if changes.compared else max(changes.after - changes.before, 0)
    if added:
        return f"the tuned query returns {added:,} row{'' if added == 1 else 's'} that the base query does not return"
    return None
