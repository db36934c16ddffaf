"""Long lists of values, moved out of the text into tables.

duckdb-kql needs 0.4 ms a value to translate a list, and DuckDB as long again to plan it; as a table a
list of any length costs neither, and is looked up by hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from fpctl.engine.lowering.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.literals import string_value

COLUMN = "value"
"""The one column of a value table."""

_SHORTEST = 24
"""Values from which on a list is worth a table."""
_SHORTEST_LATE = 8
_OPERATORS = frozenset({"in", "!in", "in~", "!in~"})
_TEXTS = frozenset({"tostring", "tolower", "toupper", "trim", "strcat", "extract", "substring"})


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield a look-up in a value table for every long list of strings that a string is compared with.

    Not for lists in a branch of `iff` or `case`, which few rows reach: DuckDB looks up a table for all rows.
    """
    late = {id(node) for node in _late(draft)}
    for node, values in _lists(draft, _SHORTEST):
        if id(node) not in late:
            draft.notes.add("long list")
            yield Edit(_open(draft, node), node.end, f"(({draft.table_of(values)} | project {COLUMN}))")


def late_edits(draft: Draft) -> Iterator[Edit]:
    """Yield an array for every list of strings in a branch of `iff` or `case`: it costs nothing to translate."""
    late = {id(node) for node in _late(draft)}
    for node, values in _lists(draft, _SHORTEST_LATE) if late else ():
        if id(node) in late:
            draft.notes.add("long list")
            yield Edit(_open(draft, node), node.end, f"(dynamic({json.dumps(values)}))")


def _late(draft: Draft) -> Iterator[tree.Node]:
    """Yield the nodes in the branches of `iff` and `case`."""
    for node in draft.nodes:
        if isinstance(node, tree.Call) and node.name.value in ("iff", "iif", "case"):
            for at, argument in enumerate(node.args):
                if at and (at % 2 or at == len(node.args) - 1):
                    yield from tree.walk(argument)


def _lists(draft: Draft, shortest: int) -> Iterator[tuple[tree.Membership, tuple[str, ...]]]:
    """Yield the lists of strings that a string is compared with."""
    long = [
        node
        for node in draft.nodes
        if isinstance(node, tree.Membership) and node.op in _OPERATORS and len(node.items) >= shortest
    ]
    if not long:
        return
    text = draft.text
    redefined = {name.value for node in draft.nodes if isinstance(node, tree.Named) for name in node.names}
    for node in long:
        if all(isinstance(item, tree.Literal) and item.type == "string" for item in node.items) and _is_text(
            draft, node.left, redefined
        ):
            yield node, tuple(dict.fromkeys(string_value(text[item.start : item.end]) for item in node.items))


def _open(draft: Draft, node: tree.Membership) -> int:
    return draft.text.rindex("(", node.left.end, node.items[0].start)


def _is_text(draft: Draft, node: tree.Expr, redefined: set[str]) -> bool:
    """Tell whether an expression is a string for certain: a dynamic value is compared otherwise."""
    if isinstance(node, tree.Call):
        return node.name.value in _TEXTS and node.name.value not in draft.lets
    if not isinstance(node, tree.Name) or node.value in redefined or node.value in draft.lets:
        return False
    types = {
        columns[node.value]
        for table in draft.environment.tables()
        if (columns := draft.environment.table(table)) and node.value in columns
    }
    return types == {"string"}
