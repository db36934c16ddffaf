"""DuckDB SQL as a tree, and the printer that alone makes text of it.

Every name and every value enters the text here: a name quoted, a value as a literal with its quotes doubled.
Function names, operators and types are words of the compiler's own, never of a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias


class Column(NamedTuple):
    """A column by its SQL name, of the relation `of` where that is given."""

    name: str
    of: str | None = None


class Text(NamedTuple):
    """A string literal."""

    value: str


class Number(NamedTuple):
    """An integer literal."""

    value: int


class Real(NamedTuple):
    """A literal of type DOUBLE, NaN and infinities included."""

    value: float


class Word(NamedTuple):
    """A word of SQL: `NULL`, `true`, `false`, `*`."""

    word: str


class Func(NamedTuple):
    """A call. `distinct`, `order` and `where` are those of an aggregate, `over` makes it a window function."""

    name: str
    args: tuple[Sql, ...]
    distinct: bool = False
    order: tuple[Order, ...] = ()
    where: Sql | None = None
    over: Window | None = None


class Infix(NamedTuple):
    """`a op b op c`, always in parentheses."""

    op: str
    operands: tuple[Sql, ...]


class Prefix(NamedTuple):
    """`op a`: `NOT`, `-`."""

    op: str
    operand: Sql


class Postfix(NamedTuple):
    """`a op`: `IS NULL`, `IS NOT NULL`."""

    operand: Sql
    op: str


class Cast(NamedTuple):
    """`CAST(a AS type)`, or `TRY_CAST`."""

    operand: Sql
    type: str
    attempt: bool = False


class Case(NamedTuple):
    """`CASE WHEN .. THEN .. ELSE .. END`."""

    branches: tuple[tuple[Sql, Sql], ...]
    otherwise: Sql


class Among(NamedTuple):
    """`a IN (b, c)`."""

    operand: Sql
    items: tuple[Sql, ...]


class Lambda(NamedTuple):
    """`lambda x: body`."""

    parameters: tuple[str, ...]
    body: Sql


class List(NamedTuple):
    """`[a, b]`."""

    items: tuple[Sql, ...]


class Subselect(NamedTuple):
    """A query in parentheses: a scalar, or the right side of `IN`, with `prefix` before it (`EXISTS`)."""

    query: Query
    prefix: str = ""


class Contained(NamedTuple):
    """`a IN (query)`."""

    operand: Sql
    query: Query


class Order(NamedTuple):
    """`a ASC NULLS FIRST`."""

    operand: Sql
    descending: bool
    nulls_first: bool


class Window(NamedTuple):
    """`OVER (PARTITION BY .. ORDER BY .. frame)`."""

    partition: tuple[Sql, ...] = ()
    order: tuple[Order, ...] = ()
    frame: str = ""


Sql: TypeAlias = (
    Column | Text | Number | Real | Word | Func | Infix | Prefix | Postfix | Cast | Case | Among | Lambda | List
    | Subselect | Contained
)  # fmt: skip

NULL = Word("NULL")
TRUE = Word("true")
FALSE = Word("false")
STAR = Word("*")


class Named(NamedTuple):
    """`a AS name`."""

    operand: Sql
    name: str


class Table(NamedTuple):
    """A table, view or common table expression, by schema (may be empty) and name."""

    name: str
    schema: str = ""


class Values(NamedTuple):
    """Rows of literals; `names` are the columns."""

    names: tuple[str, ...]
    rows: tuple[tuple[Sql, ...], ...]


class TableFunc(NamedTuple):
    """A table function: `range(..)`, `unnest(..)`, its one column named."""

    name: str
    args: tuple[Sql, ...]
    column: str


class Join(NamedTuple):
    """`left KIND JOIN right ON condition`; the sides carry aliases."""

    kind: str
    left: From
    left_name: str
    right: From
    right_name: str
    on: Sql | None


class Lateral(NamedTuple):
    """`left KIND JOIN LATERAL (right)`: `right` may name columns of `left`."""

    left: From
    left_name: str
    right: Query
    right_name: str
    outer: bool = False


class Select(NamedTuple):
    """A SELECT. `keep` puts `*` before the columns, without those named in `drop`."""

    source: From | None
    columns: tuple[Named, ...] = ()
    keep: bool = False
    drop: tuple[str, ...] = ()
    where: tuple[Sql, ...] = ()
    group: tuple[Sql, ...] | None = None
    having: Sql | None = None
    qualify: Sql | None = None
    order: tuple[Order, ...] = ()
    limit: Sql | None = None
    distinct: bool = False


class UnionAll(NamedTuple):
    """`a UNION ALL b`, columns by position."""

    legs: tuple[Query, ...]


class With(NamedTuple):
    """`WITH name AS (query) ... query`; each with whether it is computed once, None where DuckDB is to decide."""

    tables: tuple[tuple[str, Query, bool | None], ...]
    query: Query


Query: TypeAlias = Select | UnionAll | With | Values
From: TypeAlias = Table | Values | TableFunc | Join | Lateral | Select | UnionAll | With


def func(name: str, *args: Sql) -> Func:
    """Return a call."""
    return Func(name, args)


_DEEPEST_CHAIN = 64


def infix(op: str, *operands: Sql) -> Sql:
    """Return a chain of an operator; a long one of `AND` or `OR` as a balanced tree, which DuckDB need not climb."""
    if len(operands) == 1:
        return operands[0]
    if len(operands) > _DEEPEST_CHAIN:
        size = max(_DEEPEST_CHAIN // 2, -(-len(operands) // _DEEPEST_CHAIN))
        return infix(op, *(infix(op, *operands[at : at + size]) for at in range(0, len(operands), size)))
    return Infix(op, operands)


def conjunction(terms: Sequence[Sql]) -> Sql:
    """Return that all hold."""
    return infix("AND", *terms) if terms else TRUE


def disjunction(terms: Sequence[Sql]) -> Sql:
    """Return that any holds."""
    return infix("OR", *terms) if terms else FALSE


def is_null(operand: Sql) -> Sql:
    """Return `operand IS NULL`."""
    return Postfix(operand, "IS NULL")


def not_null(operand: Sql) -> Sql:
    """Return `operand IS NOT NULL`."""
    return Postfix(operand, "IS NOT NULL")


def negation(operand: Sql) -> Sql:
    """Return `NOT operand`."""
    return Prefix("NOT", operand)


def when(condition: Sql, then: Sql, otherwise: Sql = NULL) -> Sql:
    """Return `CASE WHEN condition THEN then ELSE otherwise END`."""
    return Case(((condition, then),), otherwise)


# --------------------------------------------------------------------------- printing


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
            out.append(" UNION ALL (" if at else "(")
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
    else:
        _values(query, out)


def _values(values: Values, out: list[str]) -> None:
    out.append("SELECT * FROM ")
    _from(values, out)


def _select(select: Select, out: list[str]) -> None:
    out.append("SELECT DISTINCT " if select.distinct else "SELECT ")
    if select.keep:
        out.append("*")
        if select.drop:
            out.append(f" EXCLUDE ({', '.join(map(quoted, select.drop))})")
        if select.columns:
            out.append(", ")
    for at, (operand, name) in enumerate(select.columns):
        if at:
            out.append(", ")
        _expr(operand, out)
        if not (isinstance(operand, Column) and operand.name == name):
            out.append(f" AS {quoted(name)}")
    if not select.keep and not select.columns:
        out.append("1 AS fpctl_nothing")
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
    else:
        out.append("(")
        _query(source, out)
        out.append(")")


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
    plain = shown not in ("nan", "inf", "-inf")
    out.append(f"CAST({shown if plain else _text(shown)} AS DOUBLE)" if not plain or "e" not in shown else shown)
    if plain and "e" not in shown:
        out[-1] = f"CAST({shown} AS DOUBLE)"


_PRINT = {
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
    kind = type(node)
    if kind is Column:
        out.append(f"{quoted(node.of)}.{quoted(node.name)}" if node.of else quoted(node.name))  # type: ignore[union-attr]
    elif kind is Text:
        out.append(_text(node.value))  # type: ignore[union-attr, arg-type]
    elif kind is Number:
        out.append(str(node.value))  # type: ignore[union-attr]
    elif kind is Word:
        out.append(node.word)  # type: ignore[union-attr]
    else:
        _PRINT[kind](node, out)  # type: ignore[operator]
