"""Numbers."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Infix, Sql, attempted, func
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

macro("kql_domain", "ok, r", "CASE WHEN ok THEN r ELSE 'nan'::DOUBLE END")


@special("abs")
def abs_(expressions: Expressions, node: tree.Call) -> Value:
    """`abs(x)`, of timespans too."""
    value = expressions.value(node.args[0])
    if value.type == "dynamic":
        found = converted(value, "real")
        assert found is not None
        value = found
    if value.type == "int":
        found = converted(value, "long")
        assert found is not None
        value = found
    if value.type not in ("long", "real", "decimal", "timespan"):
        expressions.refuse("abs", f"abs() does not take a {value.type}", node)
    return Value(attempted(func("abs", value.sql)), value.type)


for _name in ("sin", "cos", "tan", "atan", "exp", "degrees", "radians", "cot"):

    def _plain(value: Sql, name: str = _name) -> Sql:
        return func(name, value)

    scalar(_name, "real", returns="real")(_plain)


@scalar("sqrt", "real", returns="real")
def sqrt(value: Sql) -> Sql:
    """`sqrt(x)`: NaN of what is negative."""
    return attempted(func("sqrt", value))


@scalar("pow", "real", "real", returns="real")
def pow_(base: Sql, exponent: Sql) -> Sql:
    """`pow(x, y)`."""
    return func("pow", base, exponent)


@scalar("round", "real", "long?", returns="real")
def round_(value: Sql, digits: Sql | None) -> Sql:
    """`round(x, digits)`."""
    return func("round", value) if digits is None else func("round", value, digits)


@scalar("binary_and", "long", "long", returns="long")
def binary_and(left: Sql, right: Sql) -> Sql:
    """`binary_and(a, b)`."""
    return Infix("&", (left, right))


@scalar("binary_or", "long", "long", returns="long")
def binary_or(left: Sql, right: Sql) -> Sql:
    """`binary_or(a, b)`."""
    return Infix("|", (left, right))


@scalar("binary_xor", "long", "long", returns="long")
def binary_xor(left: Sql, right: Sql) -> Sql:
    """`binary_xor(a, b)`."""
    return func("xor", left, right)
