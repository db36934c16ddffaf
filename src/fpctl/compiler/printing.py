"""The printer of SQL trees, which alone makes text of them.

Every name and every value enters the text here: a name quoted, a value as a literal with its quotes doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fpctl.compiler.sql import (
    Among,
    Case,
    Cast,
    Column,
    Contained,
    From,
    Func,
    Infix,
    Join,
    Lambda,
    Lateral,
    List,
    Number,
    Order,
    Postfix,
    Prefix,
    Query,
    Real,
    Recursive,
    Select,
    Sql,
    Subselect,
    Table,
    TableFunc,
    Text,
    UnionAll,
    Values,
    With,
    Word,
)


def quoted(name: str) -> str:
    """Return a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    value = value.encode("utf-8", "replace").decode("utf-8") if not value.isascii() else value
    return "'" + value.replace("'", "''") + "'"


def printed(query: Query) -> str:
    """Return the text of a query."""
    out: list[str] = []
    _query(query, out)
    return "".join(out)


def _query(query: Query, out: list[str]) -> None:
    if isinstance(query, Select):
        _select(query, out)
    elif isinstance(query, UnionAll):
        for at, leg in enumerate(query.legs):
            out.append(" UNION ALL BY NAME (" if at else "(")
            _query(leg, out)
            out.append(")")
    elif isinstance(query, With):
        out.append("WITH ")
        for at, (name, one, materialized) in enumerate(query.tables):
            how = "" if materialized is None else "MATERIALIZED " if materialized else "NOT MATERIALIZED "
            out.append(f"{', ' if at else ''}{quoted(name)} AS {how}(")
            _query(one, out)
            out.append(")")
        out.append(" ")
        _query(query.query, out)
    elif isinstance(query, Values):
        _values(query, out)
    elif isinstance(query, Recursive):
        out.append(f"WITH RECURSIVE {quoted(query.name)} AS (")
        _query(query.first, out)
        out.append(" UNION ALL ")
        _query(query.next, out)
        out.append(f") SELECT * FROM {quoted(query.name)}")
    else:
        raise TypeError(query)


def _values(values: Values, out: list[str]) -> None:
    out.append("SELECT * FROM ")
    _from(values, out)


def _select(select: Select, out: list[str]) -> None:
    out.append("SELECT DISTINCT " if select.distinct else "SELECT ")
    _selected(select, out)
    if select.source is not None:
        out.append(" FROM ")
        _from(select.source, out)
    if select.where:
        out.append(" WHERE ")
        _joined(select.where, " AND ", out)
    if select.group is not None:
        out.append(" GROUP BY ")
        if select.group:
            _joined(select.group, ", ", out)
        else:
            out.append("()")
    for word, one in ((" HAVING ", select.having), (" QUALIFY ", select.qualify)):
        if one is not None:
            out.append(word)
            _expr(one, out)
    if select.order:
        out.append(" ORDER BY ")
        _orders(select.order, out)
    if select.limit is not None:
        out.append(" LIMIT ")
        _expr(select.limit, out)


def _selected(select: Select, out: list[str]) -> None:
    if select.keep:
        out.append("*")
        if select.drop:
            out.append(f" EXCLUDE ({', '.join(map(quoted, select.drop))})")
        if select.columns:
            out.append(", ")
    for at, column in enumerate(select.columns):
        operand, name = column.operand, column.name
        if at:
            out.append(", ")
        _expr(operand, out)
        if not (isinstance(operand, Column) and operand.name == name):
            out.append(f" AS {quoted(name)}")
    if not select.keep and not select.columns:
        out.append("1 AS fpctl_nothing")


def _orders(orders: Iterable[Order], out: list[str]) -> None:
    for at, order in enumerate(orders):
        if at:
            out.append(", ")
        _expr(order.operand, out)
        out.append(" DESC" if order.descending else " ASC")
        out.append(" NULLS FIRST" if order.nulls_first else " NULLS LAST")


def _from(source: From, out: list[str]) -> None:
    if isinstance(source, Table):
        out.append(f"{quoted(source.schema)}.{quoted(source.name)}" if source.schema else quoted(source.name))
    elif isinstance(source, Values):
        out.append("(VALUES ")
        for at, row in enumerate(source.rows):
            out.append(", (" if at else "(")
            _joined(row, ", ", out)
            out.append(")")
        out.append(f") AS fpctl_values({', '.join(map(quoted, source.names))})")
    elif isinstance(source, TableFunc):
        out.append(f"{source.name}(")
        _joined(source.args, ", ", out)
        out.append(f") AS fpctl_made({quoted(source.column)})")
    elif isinstance(source, Join):
        _side(source.left, source.left_name, out)
        out.append(f" {source.kind} JOIN ")
        _side(source.right, source.right_name, out)
        if source.on is not None:
            out.append(" ON ")
            _expr(source.on, out)
    elif isinstance(source, Lateral):
        _side(source.left, source.left_name, out)
        out.append(" LEFT JOIN LATERAL (" if source.outer else " CROSS JOIN LATERAL (")
        _query(source.right, out)
        out.append(f") AS {quoted(source.right_name)}")
        if source.outer:
            out.append(" ON true")
    elif isinstance(source, Query):
        out.append("(")
        _query(source, out)
        out.append(")")
    else:
        raise TypeError(source)


def _side(source: From, name: str, out: list[str]) -> None:
    if isinstance(source, Values | TableFunc | Join | Lateral):
        source = Select(source, keep=True)
    _from(source, out)
    out.append(f" AS {quoted(name)}")


def _joined(operands: Sequence[Sql], between: str, out: list[str]) -> None:
    for at, operand in enumerate(operands):
        if at:
            out.append(between)
        _expr(operand, out)


def _func(node: Func, out: list[str]) -> None:
    out.append(f"{node.name}({'DISTINCT ' if node.distinct else ''}")
    _joined(node.args, ", ", out)
    if node.order:
        out.append(" ORDER BY ")
        _orders(node.order, out)
    out.append(")")
    if node.where is not None:
        out.append(" FILTER (WHERE ")
        _expr(node.where, out)
        out.append(")")
    if node.over is not None:
        out.append(" OVER (")
        if node.over.partition:
            out.append("PARTITION BY ")
            _joined(node.over.partition, ", ", out)
        if node.over.order:
            out.append(" ORDER BY ")
            _orders(node.over.order, out)
        out.append(f" {node.over.frame})" if node.over.frame else ")")


def _case(node: Case, out: list[str]) -> None:
    out.append("CASE")
    for condition, then in node.branches:
        out.append(" WHEN ")
        _expr(condition, out)
        out.append(" THEN ")
        _expr(then, out)
    out.append(" ELSE ")
    _expr(node.otherwise, out)
    out.append(" END")


def _infix(node: Infix, out: list[str]) -> None:
    out.append("(")
    _joined(node.operands, f" {node.op} ", out)
    out.append(")")


def _cast(node: Cast, out: list[str]) -> None:
    out.append("TRY_CAST(" if node.attempt else "CAST(")
    _expr(node.operand, out)
    out.append(f" AS {node.type})")


def _prefix(node: Prefix, out: list[str]) -> None:
    out.append(f"({node.op} ")
    _expr(node.operand, out)
    out.append(")")


def _postfix(node: Postfix, out: list[str]) -> None:
    out.append("(")
    _expr(node.operand, out)
    out.append(f" {node.op})")


def _among(node: Among, out: list[str]) -> None:
    out.append("(")
    _expr(node.operand, out)
    out.append(" IN (")
    _joined(node.items, ", ", out)
    out.append("))")


def _lambda(node: Lambda, out: list[str]) -> None:
    out.append(f"lambda {', '.join(node.parameters)}: ")
    _expr(node.body, out)


def _list(node: List, out: list[str]) -> None:
    out.append("[")
    _joined(node.items, ", ", out)
    out.append("]")


def _subselect(node: Subselect, out: list[str]) -> None:
    out.append(f"{node.prefix}(")
    _query(node.query, out)
    out.append(")")


def _contained(node: Contained, out: list[str]) -> None:
    out.append("(")
    _expr(node.operand, out)
    out.append(" IN (")
    _query(node.query, out)
    out.append("))")


def _real(node: Real, out: list[str]) -> None:
    shown = repr(node.value)
    if "e" in shown:
        out.append(shown)
        return
    # What is not a decimal number, including -0.0, which would lose its sign as one.
    is_text = shown in ("nan", "inf", "-inf", "-0.0")
    out.append(f"CAST({_text(shown) if is_text else shown} AS DOUBLE)")


def _column(node: Column, out: list[str]) -> None:
    out.append(f"{quoted(node.of)}.{quoted(node.name)}" if node.of else quoted(node.name))


def _string(node: Text, out: list[str]) -> None:
    out.append(_text(node.value))


def _number(node: Number, out: list[str]) -> None:
    out.append(str(node.value))


def _word(node: Word, out: list[str]) -> None:
    out.append(node.word)


_PRINT: dict[type, Callable[[Any, list[str]], None]] = {
    Column: _column,
    Text: _string,
    Number: _number,
    Word: _word,
    Func: _func,
    Case: _case,
    Infix: _infix,
    Cast: _cast,
    Prefix: _prefix,
    Postfix: _postfix,
    Among: _among,
    Lambda: _lambda,
    List: _list,
    Subselect: _subselect,
    Contained: _contained,
    Real: _real,
}


def _expr(node: Sql, out: list[str]) -> None:
    _PRINT[type(node)](node, out)
