"""Look-ups that a later one makes needless: `A in~ (..) and strcat(tolower(A), "\\n", tolower(B)) in~ (..)`.

Elsewhere the first is cheap and spares the second; DuckDB would do both for every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.literals import string_value


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield the removal of every look-up that holds wherever the look-up of a combined text does."""
    for node in draft.nodes:
        if isinstance(node, tree.Binary) and set(node.ops) == {"and"}:
            implied: dict[str, set[str]] = {}
            for operand in node.operands:
                implied.update(_parts(draft, operand))
            if implied:
                yield from _needless(draft, node, implied)


def _needless(draft: Draft, node: tree.Binary, implied: Mapping[str, set[str]]) -> Iterator[Edit]:
    for operand, following in pairwise(node.operands):
        if isinstance(operand, tree.Membership) and operand.op == "in~":
            text = draft.source(operand.left)
            values = implied.get(text) or implied.get(f"tolower({text})")
            if values is not None and values <= {value.lower() for value in draft.values(operand) or ()}:
                yield Edit(operand.start, following.start, "")


def _parts(draft: Draft, node: tree.Expr) -> dict[str, set[str]]:
    """Return the texts that a look-up of `strcat(a, separator, b ...)` finds for each of a, b ..."""
    if not isinstance(node, tree.Membership) or node.op != "in~" or not isinstance(node.left, tree.Call):
        return {}
    args = node.left.args
    separators = {draft.source(argument) for argument in args[1::2]}
    if node.left.name.value != "strcat" or len(args) < 3 or len(args) % 2 == 0 or len(separators) != 1:
        return {}
    if not all(isinstance(argument, tree.Literal) and argument.type == "string" for argument in args[1::2]):
        return {}
    separator = string_value(separators.pop())
    split = [value.lower().split(separator) for value in draft.values(node) or ()] if separator else []
    count = len(args) // 2 + 1
    if not split or any(len(parts) != count for parts in split):
        return {}
    return {draft.source(argument): {parts[at] for parts in split} for at, argument in enumerate(args[::2])}
