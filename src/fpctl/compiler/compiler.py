"""The walk over a query: statements and pipelines.

The binder (`fpctl.kql.binder`) says what names mean and what every operator does to the columns; the walk asks it
operator by operator, and compiles beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

from fpctl.compiler.context import NO_ROW, OUTER, Data, Row
from fpctl.compiler.functions.randomness import CHANCE
from fpctl.compiler.functions.windows import WINDOWS
from fpctl.compiler.operator_registry import OPERATORS
from fpctl.compiler.printing import printed
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Relation
from fpctl.compiler.repeats import walk
from fpctl.compiler.sql import (
    Column,
    Named,
    Order,
    Query,
    Select,
    Sizes,
    Sql,
    Table,
    With,
)
from fpctl.compiler.tables import TableCompiler
from fpctl.compiler.values.conversions import implicit
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.analysis.walk import Binder
from fpctl.kql.binder.bindings import Routine, Scalar, Tabular
from fpctl.kql.binder.context import RowScope as BinderRow
from fpctl.kql.binder.environment import Environment
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.scope import Scope
from fpctl.kql.operators.table import bind

_MOST_PARTS = 200_000
"""Parts of a scalar `let`, which are used wherever it is named."""


def _calls_of(node: tree.Node, names: frozenset[str]) -> Iterator[tree.Call]:
    """Yield the calls of some functions in an operator, inner ones first; not those of pipelines inside."""
    for part in tree.children(node):
        if not isinstance(part, tree.Pipeline):
            yield from _calls_of(part, names)
    if isinstance(node, tree.Call) and node.name.value in names:
        yield node


class Compiler(TableCompiler):
    """Compiles one query."""

    def __init__(self, text: str, environment: Environment, data: Data, now: int) -> None:
        self.binder = Binder(text, environment)
        self.data = data
        self.now = now
        self.row = NO_ROW
        self.grouping = False
        self.late = 0
        self.serialized = False
        self.lateral = None
        self.payloads: dict[int, Any] = {}
        self.held: list[object] = []
        self.windows: dict[int, Value] = {}
        self.tables_read: set[str] = set()
        self.long_lists: dict[str, tuple[str, ...]] = {}
        self.common: list[tuple[str, Query, bool | None]] = []
        self.notes: set[str] = set()
        self._numbers: dict[str, int] = {}
        self.calls: list[tree.Function] = []
        self._below: Relation | None = None
        self._has_chance = any(name in text for name in CHANCE)
        self.call_count = 0
        self._sizes = Sizes()

    # ----------------------------------------------------------------- statements

    def query(self, node: tree.Query) -> Relation:
        """Compile a query's one result.

        Raises:
            Refusal: it gives no result, or several.
        """
        result: Relation | None = None
        results = [one for one in node.statements if isinstance(one, tree.QueryStatement)]
        if len(results) > 1:
            self.refuse("batch", "the text gives several results", results[1], "run them one by one")
        found = self.statements(node.statements)
        if isinstance(found, Relation):
            result = found
        if result is None:
            raise Refusal("query", "the text gives no rows", node.start)
        return result

    def statements(self, statements: Iterable[tree.Statement]) -> Relation | Value | None:
        """Compile statements; return what the last result statement gives."""
        result: Relation | Value | None = None
        for statement in statements:
            if isinstance(statement, tree.QueryStatement):
                result = self._result(statement.pipeline)
            elif isinstance(statement, tree.Let):
                self._let(statement)
            elif isinstance(statement, tree.QueryParameters):
                self._query_parameters(statement)
            elif statement.keyword in ("restrict", "pattern", "alias"):
                self.refuse(statement.keyword, f"`{statement.keyword}` is not supported by the local engine", statement)
        return result

    def _result(self, pipeline: tree.Pipeline) -> Relation | Value:
        node = pipeline.source
        if node is not None and not pipeline.operators and self.calls:
            relation = self.tabular(node)  # type: ignore[arg-type]
            return self.value(node) if relation is None else relation  # type: ignore[arg-type]
        if isinstance(node, tree.Call) and not pipeline.operators and node.name.value in builtins().functions:
            # `strlen("x")` alone, as many examples of the reference are written, is a row of it.
            return self.tabular(node) or self.source(tree.Print(node.start, node.end, "print", (node,)))
        return self.pipeline(pipeline)

    def _let(self, let: tree.Let) -> None:
        name, value = let.name.value, let.value
        names = self.binder.names
        if isinstance(value, tree.Function):
            names[name] = Routine(name, value, self.binder.text, names.child())
            return
        relation = self.tabular(value)
        if relation is not None:
            self.bind_table(name, relation)
            return
        self.bind_scalar(name, self.value(value), value)

    def bind_table(self, name: str, relation: Relation) -> None:
        """Let a name stand for rows from here on."""
        bound = Tabular(relation.scope)
        self.binder.names[name] = bound
        self.held.append(bound)
        self.payloads[id(bound)] = self.nameable(relation)

    def bind_scalar(self, name: str, value: Value, node: tree.Expr | None) -> None:
        """Let a name stand for a value from here on."""
        if self._sizes.of(value.sql) > _MOST_PARTS:
            message = f"{name} repeats what it is made of so often that it is too large to run"
            raise Refusal(name, message, node.start if node is not None else None, code="too-complex")
        bound = Scalar(value.type, node, self.binder.text)
        self.binder.names[name] = bound
        self.held.append(bound)
        self.payloads[id(bound)] = value

    def scalar_payload(self, payload: Any) -> Value:
        """Return the value of a scalar `let` or parameter."""
        assert isinstance(payload, Value)
        return payload

    def _query_parameters(self, statement: tree.QueryParameters) -> None:
        for parameter in statement.parameters:
            if parameter.default is None:
                self.refuse(
                    "query_parameters",
                    f"the parameter {parameter.name.value} has no value",
                    parameter,
                    "give it a default",
                )
            value = self.value(parameter.default)
            typed = implicit(value, parameter.type or value.type)
            self.bind_scalar(parameter.name.value, typed or value, parameter.default)

    # ----------------------------------------------------------------- pipelines

    def pipeline(self, node: tree.Pipeline, given: Relation | None = None) -> Relation:
        """Compile a pipeline."""
        if node.source is None:
            if given is None:
                raise Refusal("pipeline", "there are no rows to work on here", node.start)
            relation = given
        else:
            with self.in_row(NO_ROW):
                relation = self.source(node.source)
        for operator in node.operators:
            relation = self.operator(operator, relation)
        return relation

    def operator(self, node: tree.Operator, relation: Relation) -> Relation:
        """Compile one operator over rows."""
        compile_one = OPERATORS.get(type(node))
        if compile_one is None:
            self.refuse(node.keyword, f"the operator {node.keyword} is not supported by the local engine", node)
        ordered = relation.ordered or isinstance(node, tree.Serialize)
        names = WINDOWS if ordered else frozenset()
        if self._has_chance:
            names |= CHANCE
        saved, self._below = self._below, None
        try:
            # The steps of a scan see one row after another, and nothing below them.
            if names and not isinstance(node, tree.Scan):
                relation = self._with_calls(node, relation, names)
            with self.in_row(Row(relation.columns), relation.scope, serialized=ordered):
                found: Relation = compile_one(self, node, relation)
        finally:
            self._below = saved
        return found

    def _with_calls(self, node: tree.Operator, relation: Relation, names: frozenset[str]) -> Relation:
        """Return the rows with a column for each call in an operator of functions that SQL takes there only."""
        calls = list(_calls_of(node, names))
        if not calls:
            return relation
        self._below = relation
        ordered = relation.ordered or isinstance(node, tree.Serialize)
        with self.in_row(Row(relation.columns), relation.scope, serialized=ordered):
            for call in calls:
                value = self.value(call)
                column = self.beneath(value.sql, ())
                assert column is not None
                self.windows[id(call)] = Value(column, value.type, nullable=value.nullable)
        below, self._below = self._below, None
        return below

    def beneath(self, sql: Sql, order: Sequence[Order]) -> Sql | None:
        """Return a column below the operator at hand that holds an expression; None where there is no place for it."""
        if self._below is None:
            return None
        name = self.fresh("fpctl_window")
        select = replace(self._below.base(), columns=(Named(sql, name),), order=tuple(order))
        self._below = self._below._replace(select=select, open_ended=False)
        return Column(name)

    def bound(self, node: tree.Operator, relation: Relation) -> Scope:
        """Return the columns after an operator, as the binder has them; the numbering of unnamed ones moves on."""
        return bind(self.binder, node, relation.scope)

    @contextmanager
    def in_row(self, row: Row, scope: Scope | None = None, *, serialized: bool = False) -> Iterator[None]:
        """Compile in another row."""
        saved = self.row, self.grouping, self.serialized, self.binder.row, self.binder.aggregating
        self.row, self.grouping, self.serialized = row, False, serialized
        self.binder.row = BinderRow() if scope is None else BinderRow(scope.columns, scope)
        self.binder.aggregating = False
        try:
            yield
        finally:
            self.row, self.grouping, self.serialized, self.binder.row, self.binder.aggregating = saved

    # ----------------------------------------------------------------- what is shared

    def nameable(self, relation: Relation, *, materialized: bool | None = None) -> Relation:
        """Return rows that may be read several times: by name, where they are more than a stored table's."""
        if isinstance(relation.select.source, Table) and relation.select == Select(relation.select.source, keep=True):
            return relation
        source = self.shared(relation.select, materialized=materialized)
        return relation._replace(select=Select(source, keep=True), open_ended=True)

    def shared(self, query: Query, *, materialized: bool | None = True) -> Table:
        """Return a common table expression of a query."""
        if self.lateral is not None and any(
            isinstance(one, Column) and one.of == OUTER for one in walk(query, deep=True)
        ):
            message = "rows that are read twice inside mv-apply are not supported by the local engine"
            self.refuse("mv-apply", message, self.lateral)
        for name, one, _ in self.common:
            if one == query:
                return Table(name)
        name = self.fresh("fpctl_part")
        self.common.append((name, query, materialized))
        return Table(name)

    def ask(self, query: Query) -> list[tuple[Any, ...]] | None:
        """Return the rows of a query, for columns that only the data shows; None where nothing can be asked."""
        whole = With(tuple(self.common), query) if self.common else query
        return self.data.rows(printed(whole), self.long_lists)

    def fresh(self, stem: str) -> str:
        """Return a SQL name that nothing else has."""
        number = self._numbers[stem] = self._numbers.get(stem, 0) + 1
        return f"{stem}_{number}"

    def lists(self, values: Sequence[str]) -> Table:
        """Return the table that holds a long list of strings."""
        held = tuple(values)
        content = "\0".join(held)
        if content.count("\0") >= len(held):
            content = repr(held)  # one has a NUL: joined, other lists could look the same
        digest = sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"fpctl_list_{digest[:16]}"
        self.long_lists[name] = held
        return Table(name, "main")
