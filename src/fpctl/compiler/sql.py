"""DuckDB SQL as a tree; `printing` makes text of it.

Function names, operators and types are words of the compiler's own, never of a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace


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
    return operand if holds_query(operand) else Func("TRY", (operand,))


def guarded(name: str, *args: Sql) -> Func:
    """Return a call of a macro that has a TRY; of its twin `NAME_wide`, which has none, if an argument has a query."""
    return Func(f"{name}_wide" if holds_query(args) else name, args)


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


def holds_query(node: object) -> bool:
    """Tell whether an expression holds a sub-query."""
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
