"""`not(a and b)` as `not(a) or not(b)`: DuckDB then looks at `b` only in rows where `a` holds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield the edits that negate each part of every negated conjunction."""
    for node in draft.nodes:
        if not isinstance(node, tree.Call) or node.name.value != "not" or len(node.args) != 1:
            continue
        inner = node.args[0]
        if not isinstance(inner, tree.Binary) or set(inner.ops) != {"and"}:
            continue
        yield Edit(node.start, inner.start, "(not(")
        for left, right in pairwise(inner.operands):
            yield Edit(left.end, right.start, ") or not(")
        yield Edit(inner.end, node.end, "))")
