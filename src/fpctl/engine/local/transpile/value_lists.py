"""Long lists of values, moved out of the text into tables.

duckdb-kql needs 0.4 ms a value to translate a list, and DuckDB as long again to plan it; as a table a
list of any length costs neither, and is looked up by hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree

COLUMN = "fpctl_listed"
"""The one column of a value table; no table of a user has one of that name."""

SHORTEST = 24
"""Values from which on a list is worth a table."""
_SHORTEST_LATE = 8
_OPERATORS = frozenset({"in", "!in", "in~", "!in~"})
_TEXTS = frozenset(
    {"tostring", "tolower", "toupper", "trim", "trim_end", "strcat", "extract", "substring", "replace_regex"}
)


def look_up(table: str) -> str:
    """Return what stands in place of a list that is in a table."""
    return f"(({table} | project {COLUMN}))"


def misplaced(draft: Draft, places: Mapping[int, tuple[str, ...]]) -> Iterator[Edit]:
    """Yield the way back for what was moved out of the text and is no list that a string is compared with.

    Args:
        draft: the query with look-ups in their places.
        places: where each look-up begins, and the values that stood there.
    """
    right = {_open(draft, node) for node in _comparing(draft) if isinstance(node.items[0], tree.Subquery)}
    for start, values in places.items():
        if start not in right:
            literals = '", "'.join(values)
            yield Edit(start, start + len(look_up(draft.table_of(values))), f'("{literals}")')


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield a look-up in a value table for every long list of strings that a string is compared with.

    Not for lists in a branch of `iff` or `case`, which few rows reach: DuckDB looks up a table for all rows.
    """
    long = [node for node in _comparing(draft) if len(node.items) >= SHORTEST]
    late = {id(node) for node in _late(draft)} if long else set()
    for node in long:
        values = draft.values(node) if id(node) not in late else None
        if values is not None:
            draft.notes.add("long list")
            yield Edit(_open(draft, node), node.end, look_up(draft.table_of(values)))


def late_edits(draft: Draft) -> Iterator[Edit]:
    """Yield an array for every list of strings in a branch of `iff` or `case`: it costs nothing to translate."""
    late = {id(node) for node in _late(draft)}
    for node in _comparing(draft) if late else ():
        values = draft.values(node) if id(node) in late else None
        if values is not None and len(values) >= _SHORTEST_LATE:
            draft.notes.add("long list")
            yield Edit(_open(draft, node), node.end, f"(dynamic({json.dumps(values)}))")


def _late(draft: Draft) -> Iterator[tree.Node]:
    """Yield the nodes in the branches of `iff` and `case`."""
    for node in draft.nodes:
        if isinstance(node, tree.Call) and node.name.value in ("iff", "iif", "case"):
            for at, argument in enumerate(node.args):
                if at and (at % 2 or at == len(node.args) - 1):
                    yield from tree.walk(argument)


def _comparing(draft: Draft) -> Iterator[tree.Membership]:
    """Yield where a string is looked for among values."""
    for node in draft.nodes:
        if isinstance(node, tree.Membership) and node.op in _OPERATORS and node.items and _is_text(draft, node.left):
            yield node


def _open(draft: Draft, node: tree.Membership) -> int:
    return draft.text.index("(", node.left.end)


def _is_text(draft: Draft, node: tree.Expr) -> bool:
    """Tell whether an expression is a string for certain: a dynamic value is compared otherwise."""
    if isinstance(node, tree.Call):
        return node.name.value in _TEXTS and node.name.value not in draft.lets
    return isinstance(node, tree.Name) and is_text_column(draft, node)


def is_text_column(draft: Draft, node: tree.Name) -> bool:
    """Tell whether a name is a string column of every table that has it, and nothing that the query makes."""
    if node.value in draft.redefined or node.value in draft.lets:
        return False
    types = {
        columns[node.value]
        for table in draft.environment.tables()
        if (columns := draft.environment.table(table)) and node.value in columns
    }
    return types == {"string"}
