"""An expression that several look-ups need: computed once, in a column of its own.

DuckDB computes the left side of every look-up in a table for itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypeGuard

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree

_COSTLY = frozenset({"extract", "replace_regex", "strcat"})
SHARED = "fpctl_shared_"
"""Begins the names of the columns that are made."""


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield a column before the operators that need an expression more than once, and its removal behind them."""
    if not any(isinstance(node, tree.Call) and node.name.value in _COSTLY for node in draft.nodes):
        return
    for node in draft.nodes:
        if isinstance(node, tree.Pipeline) and node.source is not None:
            for before, run in runs(node, node.source):
                yield from _shared(draft, before, run)


def is_look_up(node: tree.Node) -> TypeGuard[tree.Membership]:
    """Return whether a node looks something up in a table."""
    return isinstance(node, tree.Membership) and bool(node.items) and isinstance(node.items[0], tree.Subquery)


def costly_calls(node: tree.Node) -> Iterator[tree.Call]:
    """Yield the calls below a node that are worth a column when they are needed twice, outer before inner."""
    for call in tree.walk(node):
        if isinstance(call, tree.Call) and call.name.value in _COSTLY:
            yield call


def runs(pipeline: tree.Pipeline, source: tree.Node) -> Iterator[tuple[tree.Node, list[tree.Operator]]]:
    """Yield the groups of operators that see the same columns (`where`s in a row, one `extend`), and what is before."""
    before: tree.Node = source
    run: list[tree.Operator] = []
    for operator in pipeline.operators:
        if isinstance(operator, tree.Where):
            run.append(operator)
            continue
        if run:
            yield before, run
            before, run = run[-1], []
        if isinstance(operator, tree.Extend):
            yield before, [operator]
        before = operator
    if run:
        yield before, run


def _shared(draft: Draft, before: tree.Node, run: Sequence[tree.Operator]) -> Iterator[Edit]:
    nodes = [node for operator in run for node in tree.walk(operator)]
    looked_up: Counter[str] = Counter(
        draft.source(call) for node in nodes if is_look_up(node) for call in costly_calls(node.left)
    )
    counts = looked_up
    if isinstance(run[0], tree.Extend):
        # All of its values are computed for every row, or for those that a look-up found.
        counts = Counter(draft.source(call) for operator in run for call in costly_calls(operator))
    counts = Counter({text: count for text, count in counts.items() if count > 1 and looked_up[text]})
    # Of expressions inside each other, the outermost that is still repeated as often as any of its parts.
    chosen = [
        text
        for text, count in counts.items()
        if not any(text != other and text in other and counts[other] >= count for other in counts)
        and not any(text != other and other in text and counts[other] > count for other in counts)
    ]
    for text in sorted(chosen):
        every = [
            (at, node)
            for at, operator in enumerate(run)
            for node in tree.walk(operator)
            if isinstance(node, tree.Call) and draft.source(node) == text
        ]
        name = f"{SHARED}{hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]}"
        first, last = every[0][0], run[every[-1][0]]
        start = run[first - 1].end if first else before.end
        yield Edit(start, start, f"\n| extend {name} = {text}")
        for _, node in every:
            yield Edit(node.start, node.end, name)
        yield Edit(last.end, last.end, f"\n| project-away {name}")
        draft.notes.add("repeated expression")
