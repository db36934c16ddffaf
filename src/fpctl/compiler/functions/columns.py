"""`column_ifexists()`, `column_names_of()`: what columns there are."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import special
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


@special("column_ifexists columnifexists")
def column_ifexists(expressions: Expressions, node: tree.Call) -> Value:
    """`column_ifexists("name", default)`."""
    if len(node.args) != 2:
        expressions.refuse(node.name.value, f"{node.name.value}() takes a name and a default", node)
    name = expressions.constant_of(node.args[0], "the column's name").constant
    held = expressions.row.columns.get(name) if isinstance(name, str) else None
    if held is not None:
        return held.value(expressions.row.of)
    return expressions.value(node.args[1])


@special("column_names_of")
def column_names_of(expressions: Expressions, node: tree.Call) -> Value:
    """`column_names_of(table)`: the names of its columns, in order."""
    relation = expressions.tabular(node.args[0]) if len(node.args) == 1 else None
    if relation is None:
        expressions.refuse("column_names_of", "column_names_of() takes a table", node)
    return constant(list(relation.columns), "dynamic")
