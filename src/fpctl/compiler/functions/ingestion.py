"""`ingestion_time()`: files do not know when a row came in; the event's own time stands for it."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import special
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


@special("ingestion_time")
def ingestion_time(expressions: Expressions, node: tree.Call) -> Value:
    """`ingestion_time()`: the time column of the row, said in the notes."""
    for name in ("TimeGenerated", "Timestamp"):
        held = expressions.row.columns.get(name)
        if held is not None and held.type == "datetime":
            expressions.notes.add(f"ingestion_time() is {name} here")
            return held.value(expressions.row.of)
    expressions.refuse("ingestion_time", "the data does not know when a row came in", node)
