"""Choices and tests: iff, case, coalesce, not, isnull, isempty, max_of ..."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import FALSE, TRUE, Case, Infix, Sql, Text, func, is_null, negation, not_null
from fpctl.compiler.values.conversions import converted, implicit
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import NUMBERS, Value
from fpctl.kql import tree
from fpctl.kql.binder.scalar import common


def _together(expressions: Expressions, node: tree.Call, values: Sequence[Value]) -> tuple[list[Value], str]:
    """Return values of a choice in the one type that they have in common."""
    name = node.name.value
    given = [
        value for value in values if not (value.is_constant and value.constant is None and value.type == "dynamic")
    ]
    kinds = {value.type for value in given} or {"dynamic"}
    if len(kinds) == 1:
        kind = kinds.pop()
    elif kinds <= NUMBERS:
        kind = str(common(sorted(kinds)))
    elif "dynamic" in kinds and len(kinds) == 2:
        # The binder takes the type beside dynamic for the choice's.
        kind = str(common([one for one in kinds if one != "dynamic"]))
    else:
        expressions.refuse(name, f"{name}() cannot choose between {' and '.join(sorted(kinds))}", node)
    typed = [implicit(value, kind) or converted(value, kind) for value in values]
    if any(one is None for one in typed):
        expressions.refuse(name, f"{name}() cannot choose between {' and '.join(sorted(kinds))}", node)
    return [one for one in typed if one is not None], kind


@special("iff iif")
def iff(expressions: Expressions, node: tree.Call) -> Value:
    """`iff(predicate, then, else)`: null is as good as false."""
    if len(node.args) != 3:
        expressions.refuse("iff", "iff() takes three arguments", node)
    condition = expressions.condition(node.args[0])
    settled = _settled(expressions, node, [condition])
    if settled is not None:
        return settled
    values, kind = _together(expressions, node, _later(expressions, node.args[1:]))
    return _chosen([condition], values, kind)


def _settled(expressions: Expressions, node: tree.Call, conditions: Sequence[Sql]) -> Value | None:
    """Return the one value that a choice has for every row, None where that depends on the row."""
    at = next((at for at, condition in enumerate(conditions) if condition != FALSE), None)
    if at is None or conditions[at] != TRUE:
        return None
    value = expressions.value(node.args[2 * at + 1])
    return value if value.type == expressions.type_of(node) else None


def _later(expressions: Expressions, nodes: Sequence[tree.Expr]) -> list[Value]:
    """Compile what only some rows evaluate."""
    expressions.late += 1
    try:
        return [expressions.value(node) for node in nodes]
    finally:
        expressions.late -= 1


@special("case")
def case(expressions: Expressions, node: tree.Call) -> Value:
    """`case(predicate, then, ..., else)`."""
    if len(node.args) % 2 == 0 or len(node.args) < 3:
        expressions.refuse("case", "case() takes pairs of predicate and value, then a value", node)
    conditions = [expressions.condition(arg) for arg in node.args[:-1:2]]
    settled = _settled(expressions, node, conditions)
    if settled is not None:
        return settled
    values = _later(expressions, (*node.args[1:-1:2], node.args[-1]))
    typed, kind = _together(expressions, node, values)
    return _chosen(conditions, typed, kind)


def _chosen(conditions: Sequence[Sql], values: Sequence[Value], kind: str) -> Value:
    kept = []
    otherwise = values[-1]
    for condition, value in zip(conditions, values, strict=False):
        if condition == TRUE:
            otherwise = value
            break
        if condition != FALSE:
            kept.append((condition, value))
    if not kept:
        return otherwise
    nullable = otherwise.may_be_null or any(value.may_be_null for _, value in kept)
    branches = tuple((condition, value.sql) for condition, value in kept)
    return Value(Case(branches, otherwise.sql), kind, nullable=nullable)


@special("coalesce")
def coalesce(expressions: Expressions, node: tree.Call) -> Value:
    """`coalesce(a, b, ...)`: the first that is not null, and not empty where they are strings."""
    values, kind = _together(expressions, node, [expressions.value(arg) for arg in node.args])
    if kind == "string":
        return Value(func("coalesce", *(func("nullif", one.sql, Text("")) for one in values), Text("")), kind)
    return Value(func("coalesce", *(one.sql for one in values)), kind, nullable=all(one.may_be_null for one in values))


@scalar("not", "bool", returns="bool")
def not_(value: Sql) -> Sql:
    """`not(x)`: null of null."""
    return negation(value)


@special("isnull isnotnull notnull")
def isnull(expressions: Expressions, node: tree.Call) -> Value:
    """`isnull(x)`, false of every string."""
    value = expressions.value(node.args[0])
    name = node.name.value
    if value.type == "string" or (value.newest is not None and value.newest() is not None):
        return constant(name != "isnull", "bool")
    test = is_null(value.sql) if name == "isnull" else not_null(value.sql)
    return Value(test, "bool", nullable=False)


@special("isempty isnotempty notempty")
def isempty(expressions: Expressions, node: tree.Call) -> Value:
    """`isempty(x)`: null, or the empty string."""
    value = expressions.value(node.args[0])
    empty = node.name.value == "isempty"
    if value.type == "string":
        test: Sql = Infix("=" if empty else "!=", (value.sql, Text("")))
    elif value.type == "dynamic":
        text = func("kql_json_text", value.sql)
        test = Infix("=" if empty else "!=", (text, Text("")))
    else:
        test = is_null(value.sql) if empty else not_null(value.sql)
    return Value(test, "bool", nullable=False)


@special("isnan isinf isfinite")
def not_a_number(expressions: Expressions, node: tree.Call) -> Value:
    """`isnan(x)`, `isinf(x)`, `isfinite(x)`: false of null."""
    value = converted(expressions.value(node.args[0]), "real")
    if value is None:
        expressions.refuse(node.name.value, f"{node.name.value}() takes a number", node)
    return Value(func("coalesce", func(node.name.value, value.sql), FALSE), "bool", nullable=False)


@special("max_of min_of")
def extreme(expressions: Expressions, node: tree.Call) -> Value:
    """`max_of(a, b, ...)`, `min_of`: nulls are passed over."""
    values, kind = _together(expressions, node, expressions.values(node.args))
    name = "greatest" if node.name.value == "max_of" else "least"
    return Value(func(name, *(one.sql for one in values)), kind)


@special("column_ifexists columnifexists")
def column_ifexists(expressions: Expressions, node: tree.Call) -> Value:
    """`column_ifexists("name", otherwise)`: the column where the row has it."""
    name = expressions.constant_of(node.args[0], "the name of the column").constant
    held = expressions.row.columns.get(name) if isinstance(name, str) else None
    return expressions.value(node.args[1]) if held is None else held.value(expressions.row.of)


@special("gettype")
def gettype(expressions: Expressions, node: tree.Call) -> Value:
    """`gettype(x)`: of a dynamic, what it holds."""
    value = expressions.value(node.args[0])
    if value.type != "dynamic":
        return constant(value.type, "string")
    return Value(func("kql_gettype", value.sql), "string")


@special("assert")
def assert_(expressions: Expressions, node: tree.Call) -> Value:
    """`assert(condition, message)`: true; a condition that does not hold ends the query before it runs."""
    if len(node.args) != 2:
        expressions.refuse("assert", "assert() takes a condition and a message", node)
    condition = expressions.constant_of(node.args[0], "the condition of assert()")
    message = expressions.constant_of(node.args[1], "the message of assert()")
    if condition.constant is not True:
        expressions.refuse("assert", f"assert() does not hold: {message.constant}", node)
    return condition
