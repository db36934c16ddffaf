"""Long lists of values, moved out of the text into tables.

duckdb-kql needs 0.4 ms a value to translate a list, and DuckDB as long again to plan it; as a table a
list of any length costs neither, and is looked up by hash.
"""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.engine.lowering.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.literals import string_value

COLUMN = "value"
"""The one column of a value table."""

_SHORTEST = 100
"""Values from which on a list is worth a table."""
_OPERATORS = frozenset({"in", "!in", "in~", "!in~"})
_TEXTS = frozenset({"tostring", "tolower", "toupper", "trim", "strcat", "extract", "substring"})


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield a look-up in a value table for every long list of strings that a string is compared with."""
    long = [
        node
        for node in draft.nodes
        if isinstance(node, tree.Membership) and node.op in _OPERATORS and len(node.items) >= _SHORTEST
    ]
    if not long:
        return
    redefined = {name.value for node in draft.nodes if isinstance(node, tree.Named) for name in node.names}
    for node in long:
        if not all(isinstance(item, tree.Literal) and item.type == "string" for item in node.items):
            continue
        if not _is_text(draft, node.left, redefined):
            continue
        values = tuple(sorted({string_value(draft.source(item)) for item in node.items}))
        draft.notes.add("long list")
        start = draft.text.rindex("(", node.left.end, node.items[0].start)
        yield Edit(start, node.end, f"(({draft.table_of(values)} | project {COLUMN}))")


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
