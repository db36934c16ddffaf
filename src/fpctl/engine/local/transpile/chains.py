"""Long chains of `and` or `or`: put into balanced parentheses, since duckdb-kql recurses once per term."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree

_LONGEST = 40
"""Terms of a chain that are left as they are."""


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield parentheses that make a tree of every long chain of one logical operator."""
    for node in draft.nodes:
        if isinstance(node, tree.Binary) and len(node.operands) > _LONGEST and set(node.ops) in ({"or"}, {"and"}):
            draft.notes.add(f"{node.ops[0]} chain")
            yield from _balanced(node.operands)


def _balanced(operands: tuple[tree.Expr, ...]) -> Iterator[Edit]:
    opens, closes = [0] * len(operands), [0] * len(operands)
    size = _LONGEST // 2
    while size < len(operands):
        for first in range(0, len(operands), size):
            opens[first] += 1
            closes[min(first + size, len(operands)) - 1] += 1
        size *= _LONGEST // 2
    for operand, opened, closed in zip(operands, opens, closes, strict=True):
        if opened:
            yield Edit(operand.start, operand.start, "(" * opened)
        if closed:
            yield Edit(operand.end, operand.end, ")" * closed)
