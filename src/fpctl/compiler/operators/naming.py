"""What the items of project, extend, summarize and their like are called: the binder's answer, item by item."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.context import Expressions
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.binder.outputs import Style, add_item
from fpctl.kql.binder.projection import Projection


def add(expressions: Expressions, output: Projection, item: tree.Expr, type_: str, style: Style, *,
        as_type: str | None = None, default: str | None = None) -> list[str]:  # fmt: skip
    """Add an item's columns to the output; return their names, in order."""
    before = dict(output.columns)
    add_item(expressions.binder, output, item, type_, style, as_type=as_type, default=default)
    return [name for name, column in output.columns.items() if before.get(name) is not column]


def inner(item: tree.Expr) -> tree.Expr:
    """Return an item without the name it is given."""
    return item.value if isinstance(item, tree.Named) else item


def several(expressions: Expressions, item: tree.Expr) -> tuple[Value, ...]:
    """Compile an item that may give several values."""
    from fpctl.compiler.registry import AGGREGATES, TUPLES

    node = inner(item)
    while isinstance(node, tree.Group):
        node = node.inner
    if isinstance(node, tree.Call):
        if expressions.grouping and node.name.value in AGGREGATES:
            found = expressions.aggregate(node)
            return (found,) if isinstance(found, Value) else found
        made = TUPLES.get(node.name.value)
        if made is not None:
            return made(expressions, node)
    return (expressions.value(node),)


def types(expressions: Expressions, items: Sequence[tree.Expr]) -> list[str]:
    """Return the types that the binder gives items; problems are noted by it."""
    from fpctl.kql.binder.expressions import evaluate_all

    return evaluate_all(expressions.binder, items)
