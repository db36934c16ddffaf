"""What compiles expressions and pipelines, as operators and functions see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, NoReturn, Protocol

from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Relation
from fpctl.compiler.sql import Order, Query, Sql, Table
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.analysis.walk import Binder
from fpctl.kql.binder.bindings import Routine
from fpctl.kql.binder.scope import Scope


class Row:
    """The row that names are looked up in.

    Attributes:
        columns: by Kusto name.
        of: the alias of the relation in SQL, None where there is only one.
        right: the other side of a join, and its alias.
        extra: further values by name, before the columns: `step.column` of a scan, the element of an mv-apply.
    """

    __slots__ = ("columns", "extra", "of", "right", "right_of")

    def __init__(
        self,
        columns: Mapping[str, Held],
        of: str | None = None,
        right: Mapping[str, Held] | None = None,
        right_of: str | None = None,
        extra: Mapping[str, Value] | None = None,
    ) -> None:
        self.columns = columns
        self.of = of
        self.right = right
        self.right_of = right_of
        self.extra = extra or {}


NO_ROW = Row({})
OUTER = "fpctl_row"
"""The alias of the row around the body of an mv-apply."""


class StoredTable(Protocol):
    """A table of the data, as the compiler reads it."""

    @property
    def source(self) -> Table:
        """Where it is in DuckDB."""

    @property
    def columns(self) -> Mapping[str, Held]:
        """Its columns by Kusto name, in order."""


class Reading(NamedTuple):
    """How `externaldata` reads a file: the names of its columns, the format, whether the first record is left out."""

    columns: tuple[str, ...]
    format: str
    skip_first: bool


class Data(Protocol):
    """The tables that a query can read."""

    def stored(self, name: str) -> StoredTable | None:
        """Return a table, None where there is none of that name."""

    def watchlist(self, alias: str) -> StoredTable | None:
        """Return a watchlist, None where the data has none of that name."""

    def external(self, address: str, reading: Reading) -> StoredTable | None:
        """Return what `externaldata` reads from an address, None where it is not there.

        Its columns are strings, or dynamic where the format is JSON.
        """

    def locates_addresses(self) -> bool:
        """Return whether there is a function `kql_geo_info`, made of a database of addresses."""

    def rows(self, sql: str, lists: Mapping[str, tuple[str, ...]]) -> list[tuple[Any, ...]] | None:
        """Return the rows of a query in SQL; None where nothing can be asked before the query runs."""


class Expressions(ABC):
    """Compiles expressions in the row at hand, and the pipelines inside them."""

    data: Data
    notes: set[str]

    binder: Binder
    row: Row
    now: int
    """Ticks of `now()`."""
    grouping: bool
    """Whether aggregates are allowed here."""
    late: int
    """How many choices (`iff`, `case`) the expression at hand is inside of: few rows may reach it."""
    lateral: tree.Node | None
    """The mv-apply that the walk is inside of: its body sees the row around it."""
    serialized: bool
    """Whether the rows at hand have an order that `prev`, `next` and `row_number` may use."""

    @abstractmethod
    def value(self, node: tree.Expr) -> Value:
        """Compile an expression.

        Raises:
            Refusal: it cannot be compiled exactly.
        """

    @abstractmethod
    def condition(self, node: tree.Expr) -> Sql:
        """Compile a predicate of which only counts whether it is true: null is as good as false."""

    @abstractmethod
    def pipeline(self, node: tree.Pipeline, given: Relation | None = None) -> Relation:
        """Compile a pipeline; `given` is what flows into one without a source."""

    @abstractmethod
    def source(self, node: tree.Source) -> Relation:
        """Compile what a pipeline reads."""

    @abstractmethod
    def tabular(self, node: tree.Expr) -> Relation | None:
        """Compile an expression that is a table, None where it is a value."""

    @abstractmethod
    def stored_table(self, name: str) -> Relation | None:
        """Return a table of the data, None where there is none of that name."""

    @abstractmethod
    def beneath(self, sql: Sql, order: Sequence[Order]) -> Sql | None:
        """Return a column below the operator at hand that holds an expression over the rows, which come in an order.

        None where nothing can be put below: in the query's own functions.
        """

    @abstractmethod
    def lists(self, values: Sequence[str]) -> Table:
        """Return the table that holds a long list of strings, in the column `fpctl_listed`."""

    @abstractmethod
    def shared(self, query: Query, *, materialized: bool | None = True) -> Table:
        """Return a common table expression of a query."""

    @abstractmethod
    def ask(self, query: Query) -> list[tuple[Any, ...]] | None:
        """Return the rows of a query, for columns that only the data shows; None where nothing can be asked."""

    @abstractmethod
    def fresh(self, stem: str) -> str:
        """Return a SQL name that nothing else has."""

    @abstractmethod
    def nameable(self, relation: Relation, *, materialized: bool | None = None) -> Relation:
        """Return rows that may be read several times: by name, where they are more than a stored table's."""

    @abstractmethod
    def matching_tables(self, pattern: str) -> list[tuple[str, Relation]]:
        """Return the tables, and the query's views, that a pattern matches, by name."""

    @abstractmethod
    def operator(self, node: tree.Operator, relation: Relation) -> Relation:
        """Compile one operator over rows."""

    @abstractmethod
    def bound(self, node: tree.Operator, relation: Relation) -> Scope:
        """Return the columns after an operator, as the binder has them."""

    @abstractmethod
    def in_row(self, row: Row, scope: Scope | None = None, *, serialized: bool = False) -> AbstractContextManager[None]:
        """Compile in another row."""

    @abstractmethod
    def aggregate(self, node: tree.Call) -> Value | tuple[Value, ...]:
        """Compile an aggregate of the rows at hand; its arguments are of single rows."""

    @abstractmethod
    def called(self, routine: Routine, node: tree.Call, first: Relation | None = None) -> Relation | Value:
        """Compile a call of a function of the query; `first` is what `invoke` puts before the arguments."""

    @abstractmethod
    def bind_table(self, name: str, relation: Relation) -> None:
        """Let a name stand for rows from here on."""

    @abstractmethod
    def bind_scalar(self, name: str, value: Value, node: tree.Expr | None) -> None:
        """Let a name stand for a value from here on."""

    def values(self, nodes: Sequence[tree.Expr]) -> list[Value]:
        """Compile several expressions."""
        return [self.value(node) for node in nodes]

    @abstractmethod
    def whole_row(self) -> Value:
        """Return all columns as one text, for what looks into every column; what is between is not a letter."""

    @abstractmethod
    def as_text(self, node: tree.Expr) -> Value:
        """Compile an expression as a string, as the string operators take it."""

    @abstractmethod
    def boolean(self, node: tree.Expr) -> Value:
        """Compile an expression that is to be a bool."""

    def constant_of(self, node: tree.Expr, what: str) -> Value:
        """Compile an expression whose value must be known before the query runs."""
        value = self.value(node)
        if not value.is_constant:
            self.refuse(what, f"{what} must be known before the query runs", node)
        return value

    def type_of(self, node: tree.Expr) -> str:
        """Return the type that the binder gives an expression in the row at hand."""
        return self.binder.type_of(node)

    def text(self, node: tree.Node) -> str:
        """Return the source of a node."""
        return self.binder.text[node.start : node.end]

    def refuse(
        self, what: str, message: str, node: tree.Node, hint: str | None = None, code: str = "unsupported"
    ) -> NoReturn:
        """Raise the refusal of something at its place.

        Raises:
            Refusal: always.
        """
        raise Refusal(what, message, node.start, hint, code)
