"""DuckDB SQL as a tree, and the printer that alone makes text of it.

Every name and every value enters the text here: a name quoted, a value as a literal with its quotes doubled.
Function names, operators and types are words of the compiler's own, never of a query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any


class Sql:
    """An expression."""

    __slots__ = ()


class From:
    """What a SELECT reads from."""

    __slots__ = ()


class Query(From):
    """What gives rows by itself."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Column(Sql):
    """A column by its SQL name, of the relation `of` where that is given."""

    name: str
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Text(Sql):
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Number(Sql):
    """An integer literal."""

    value: int


@dataclass(frozen=True, slots=True)
class Real(Sql):
    """A literal of type DOUBLE, NaN and infinities included."""

    value: float


@dataclass(frozen=True, slots=True)
class Word(Sql):
    """A word of SQL: `NULL`, `true`, `false`, `*`."""

    word: str


@dataclass(frozen=True, slots=True)
class Func(Sql):
    """A call. `distinct`, `order` and `where` are those of an aggregate, `over` makes it a window function."""

    name: str
    args: tuple[Sql, ...]
    distinct: bool = False
    order: tuple[Order, ...] = ()
    where: Sql | None = None
    over: Window | None = None


@dataclass(frozen=True, slots=True)
class Infix(Sql):
    """`a op b op c`, always in parentheses."""

    op: str
    operands: tuple[Sql, ...]


@dataclass(frozen=True, slots=True)
class Prefix(Sql):
    """`op a`: `NOT`, `-`."""

    op: str
    operand: Sql


@dataclass(frozen=True, slots=True)
class Postfix(Sql):
    """`a op`: `IS NULL`, `IS NOT NULL`."""

    operand: Sql
    op: str


@dataclass(frozen=True, slots=True)
class Cast(Sql):
    """`CAST(a AS type)`, or `TRY_CAST`."""

    operand: Sql
    type: str
    attempt: bool = False


@dataclass(frozen=True, slots=True)
class Case(Sql):
    """`CASE WHEN .. THEN .. ELSE .. END`."""

    branches: tuple[tuple[Sql, Sql], ...]
    otherwise: Sql


@dataclass(frozen=True, slots=True)
class Among(Sql):
    """`a IN (b, c)`."""

    operand: Sql
    items: tuple[Sql, ...]


@dataclass(frozen=True, slots=True)
class Lambda(Sql):
    """`lambda x: body`."""

    parameters: tuple[str, ...]
    body: Sql


@dataclass(frozen=True, slots=True)
class List(Sql):
    """`[a, b]`."""

    items: tuple[Sql, ...]


@dataclass(frozen=True, slots=True)
class Subselect(Sql):
    """A query in parentheses: a scalar, or the right side of `IN`, with `prefix` before it (`EXISTS`)."""

    query: Query
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Contained(Sql):
    """`a IN (query)`."""

    operand: Sql
    query: Query


@dataclass(frozen=True, slots=True)
class Order:
    """`a ASC NULLS FIRST`."""

    operand: Sql
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, slots=True)
class Window:
    """`OVER (PARTITION BY .. ORDER BY .. frame)`."""

    partition: tuple[Sql, ...] = ()
    order: tuple[Order, ...] = ()
    frame: str = ""


NULL = Word("NULL")
TRUE = Word("true")
FALSE = Word("false")
STAR = Word("*")


@dataclass(frozen=True, slots=True)
class Named:
    """`a AS name`."""

    operand: Sql
    name: str


@dataclass(frozen=True, slots=True)
class Table(From):
    """A table, view or common table expression, by schema (may be empty) and name."""

    name: str
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Values(Query):
    """Rows of literals; `names` are the columns."""

    names: tuple[str, ...]
    rows: tuple[tuple[Sql, ...], ...]


@dataclass(frozen=True, slots=True)
class TableFunc(From):
    """A table function: `range(..)`, `unnest(..)`, its one column named."""

    name: str
    args: tuple[Sql, ...]
    column: str


@dataclass(frozen=True, slots=True)
class Join(From):
    """`left KIND JOIN right ON condition`; the sides carry aliases."""

    kind: str
    left: From
    left_name: str
    right: From
    right_name: str
    on: Sql | None


@dataclass(frozen=True, slots=True)
class Lateral(From):
    """`left KIND JOIN LATERAL (right)`: `right` may name columns of `left`."""

    left: From
    left_name: str
    right: Query
    right_name: str
    outer: bool = False


@dataclass(frozen=True, slots=True)
class Select(Query):
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

    def with_where(self, condition: Sql) -> Select:
        """Return the SELECT with a further condition."""
        return replace(self, where=(*self.where, condition))


@dataclass(frozen=True, slots=True)
class UnionAll(Query):
    """`a UNION ALL BY NAME b`: what a leg lacks is NULL."""

    legs: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Recursive(Query):
    """`WITH RECURSIVE name AS (first UNION ALL next) SELECT * FROM name`: `next` reads the rows of the turn before."""

    name: str
    first: Query
    next: Query


@dataclass(frozen=True, slots=True)
class With(Query):
    """`WITH name AS (query) ... query`; each with whether it is computed once, None where DuckDB is to decide."""

    tables: tuple[tuple[str, Query, bool | None], ...]
    query: Query


def func(name: str, *args: Sql) -> Func:
    """Return a call."""
    return Func(name, args)


def attempted(operand: Sql) -> Sql:
    """Return `TRY(operand)`: null where it would fail. DuckDB has no TRY around a sub-query; there it fails."""
    return operand if _holds_query(operand) else Func("TRY", (operand,))


class Sizes:
    """Counts the parts of expressions as often as they are printed; what occurs in several places is looked at once."""

    def __init__(self) -> None:
        # A node is kept with its size: as long as it lives, its id is its own.
        self._known: dict[int, tuple[object, int]] = {}

    def of(self, node: object) -> int:
        """Return the number of parts of an expression."""
        known = self._known.get(id(node))
        if known is not None:
            return known[1]
        parts: Iterable[object] = ()
        if isinstance(node, tuple):
            parts = node
        elif is_dataclass(node):
            parts = (getattr(node, one.name) for one in fields(node))
        size = 1 + sum(self.of(part) for part in parts if isinstance(part, (tuple, Sql, From, Named)))
        self._known[id(node)] = (node, size)
        return size


def is_constant(node: Sql) -> bool:
    """Whether an expression reads nothing, so that it has its value before the query runs."""
    return not _holds(node, (Subselect, Contained, Column))


def _holds_query(node: object) -> bool:
    return _holds(node, (Subselect, Contained))


def _holds(node: object, kinds: tuple[type, ...]) -> bool:
    if isinstance(node, kinds):
        return True
    if isinstance(node, tuple):
        return any(_holds(one, kinds) for one in node)
    return isinstance(node, Sql) and any(_holds(getattr(node, one.name), kinds) for one in fields(node))  # type: ignore[arg-type]


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
    plain = shown not in ("nan", "inf", "-inf")
    out.append(f"CAST({shown if plain else _text(shown)} AS DOUBLE)" if not plain or "e" not in shown else shown)
    if plain and "e" not in shown:
        out[-1] = f"CAST({shown} AS DOUBLE)"


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
