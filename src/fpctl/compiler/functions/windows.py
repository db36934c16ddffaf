"""Functions of rows in order: prev, next, row_number, row_cumsum, row_rank_dense, row_rank_min.

The walk compiles their calls before the operator that they are used in (`Expressions.beneath`), each as a column of a
SELECT below: so they may be used in `where`, in aggregates and in each other, where SQL takes no window.
"""

from __future__ import annotations

from dataclasses import replace

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import special
from fpctl.compiler.sql import FALSE, Cast, Func, Infix, Number, Order, Sql, Window, disjunction, func, when
from fpctl.compiler.values.conversions import converted, implicit
from fpctl.compiler.values.literals import null_of
from fpctl.compiler.values.value import HELD_AS, Value
from fpctl.kql import tree

WINDOWS = frozenset({"prev", "next", "row_number", "row_cumsum", "row_rank_min", "row_rank_dense"})
_SO_FAR = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


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
    window = _part(expressions, node, 1)
    number: Sql = Func("row_number", (), over=window)
    if start != 1:
        number = Infix("+", (number, Number(start - 1)))
    return Value(_in_order(expressions, Cast(number, "BIGINT"), window), "long", nullable=False)


@special("row_cumsum")
def row_cumsum(expressions: Expressions, node: tree.Call) -> Value:
    """`row_cumsum(x, restart)`."""
    _check(expressions, node)
    value = expressions.value(node.args[0])
    kind = "long" if value.type == "int" else value.type
    number = converted(value, kind)
    if number is None or kind not in ("long", "real", "timespan"):
        expressions.refuse("row_cumsum", f"row_cumsum() does not take a {value.type}", node)
    window = _part(expressions, node, 1)
    total = func("coalesce", Func("sum", (number.sql,), over=replace(window, frame=_SO_FAR)), Number(0))
    # A sum of longs that overflows goes round, as `+` does.
    held = func("kql_wrap", total) if kind == "long" else Cast(total, HELD_AS[kind], attempt=True)
    return Value(_in_order(expressions, held, window), kind)


@special("row_rank_min row_rank_dense")
def row_rank(expressions: Expressions, node: tree.Call) -> Value:
    """`row_rank_min(x, restart)`, `row_rank_dense`: equal values in a row have one rank."""
    _check(expressions, node)
    name = node.name.value
    value = expressions.value(node.args[0])
    if value.type == "dynamic":
        expressions.refuse(name, f"{name}() takes no dynamic value", node)
    window = _part(expressions, node, 1)
    number = _beneath(expressions, node, Func("row_number", (), over=window), window)
    before = _beneath(expressions, node, Func("lag", (value.sql,), over=window), window)
    first = disjunction([Infix("=", (number, Number(1))), Infix("IS DISTINCT FROM", (value.sql, before))])
    over = replace(window, frame=_SO_FAR)
    rank = Func("count" if name == "row_rank_dense" else "max", (when(first, number),), over=over)
    return Value(_in_order(expressions, Cast(rank, "BIGINT"), window), "long", nullable=False)


def _part(expressions: Expressions, node: tree.Call, at: int) -> Window:
    """Return the rows since the last restart, which the argument at a place marks; all rows where it is not given."""
    if len(node.args) <= at:
        return Window()
    restarts = expressions.condition(node.args[at])
    number = _beneath(expressions, node, Func("row_number", (), over=Window()), Window())
    order = (Order(number, False, False),)
    begins = when(func("coalesce", restarts, FALSE), Number(1), Number(0))
    part = _beneath(expressions, node, Func("sum", (begins,), over=Window((), order, _SO_FAR)), Window())
    return Window((part,), order)


def _in_order(expressions: Expressions, sql: Sql, window: Window) -> Sql:
    """Return a value as a column below, where the rows are put back in the order that parts of them lose."""
    return expressions.beneath(sql, window.order) or sql if window.partition else sql


def _beneath(expressions: Expressions, node: tree.Call, sql: Sql, window: Window) -> Sql:
    column = expressions.beneath(sql, window.order)
    if column is None:
        name = node.name.value
        expressions.refuse(name, f"{name}() in a function of the query is not supported by the local engine", node)
    return column
