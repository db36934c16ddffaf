"""`rand()` and `new_guid()`: another value in every run and at every call."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import special
from fpctl.compiler.sql import Infix, func
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

CHANCE = frozenset({"rand", "new_guid"})
"""These functions, whose calls get a column: an expression may name its argument twice, and mean one value."""
VOLATILE = frozenset({"random", "uuid"})
"""DuckDB's functions of chance."""


@special("rand")
def rand(expressions: Expressions, node: tree.Call) -> Value:
    """`rand()`: from 0 to below 1; `rand(n)`: one of 0, 1, ... n - 1, as a real."""
    expressions.notes.add("rand() gives another result in every run")
    if not node.args:
        return Value(func("random"), "real", nullable=False)
    number = converted(expressions.value(node.args[0]), "real")
    if number is None:
        expressions.refuse("rand", "rand() takes a number", node)
    return Value(func("floor", Infix("*", (func("random"), number.sql))), "real")


@special("new_guid")
def new_guid(expressions: Expressions, node: tree.Call) -> Value:
    """`new_guid()`."""
    expressions.notes.add("new_guid() gives another result in every run")
    return Value(func("uuid"), "guid", nullable=False)
