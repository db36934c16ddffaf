"""Functions of rows in order: prev, next, row_number, row_cumsum, row_rank_dense, row_rank_min."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import special
from fpctl.compiler.sql import Cast, Func, Infix, Number, Sql, Window, func
from fpctl.compiler.values.conversions import converted, implicit
from fpctl.compiler.values.literals import null_of
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


def _check(expressions: Expressions, node: tree.Call) -> None:
    if not expressions.serialized:
        expressions.refuse(
            node.name.value,
            f"{node.name.value}() needs rows in an order",
            node,
            "put `sort by ...` or `serialize` before it",
        )


@special("prev next")
def beside(expressions: Expressions, node: tree.Call) -> Value:
    """`prev(x, offset, default)`, `next`."""
    _check(expressions, node)
    value = expressions.value(node.args[0])
    offset: Sql = Number(1)
    if len(node.args) > 1:
        offset = Number(_known(expressions, node.args[1]))
    default: Sql = null_of(value.type)
    if len(node.args) > 2:
        default_value = expressions.value(node.args[2])
        given = implicit(default_value, value.type)
        if given is None and default_value.is_constant:
            given = converted(default_value, value.type)
        if given is None:
            expressions.refuse(node.name.value, "the default is not of the column's type", node.args[2])
        default = given.sql
    name = "lag" if node.name.value == "prev" else "lead"
    return Value(Func(name, (value.sql, offset, default), over=Window()), value.type)


def _known(expressions: Expressions, node: tree.Expr) -> int:
    value = expressions.constant_of(node, "the offset")
    if not isinstance(value.constant, int):
        expressions.refuse("offset", "the offset must be a whole number", node)
    return value.constant


@special("row_number")
def row_number(expressions: Expressions, node: tree.Call) -> Value:
    """`row_number(start, restart)`."""
    _check(expressions, node)
    start = _known(expressions, node.args[0]) if node.args else 1
    window = Window()
    if len(node.args) > 1:
        expressions.refuse("row_number", "row_number() with a restart is not supported by the local engine", node)
    number: Sql = Func("row_number", (), over=window)
    if start != 1:
        number = Infix("+", (number, Number(start - 1)))
    return Value(Cast(number, "BIGINT"), "long", nullable=False)


@special("row_cumsum")
def row_cumsum(expressions: Expressions, node: tree.Call) -> Value:
    """`row_cumsum(x)`."""
    _check(expressions, node)
    if len(node.args) > 1:
        expressions.refuse("row_cumsum", "row_cumsum() with a restart is not supported by the local engine", node)
    value = expressions.value(node.args[0])
    kind = "long" if value.type == "int" else value.type
    number = converted(value, kind)
    if number is None or kind not in ("long", "real", "timespan"):
        expressions.refuse("row_cumsum", f"row_cumsum() does not take a {value.type}", node)
    frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    total = Func("sum", (number.sql,), over=Window(frame=frame))
    held = "DOUBLE" if kind == "real" else "BIGINT"
    return Value(Cast(func("coalesce", total, Number(0)), held, attempt=True), kind)
