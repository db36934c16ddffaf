"""The walk over a query: statements, pipelines, sources, calls of the query's own functions.

The binder (`fpctl.kql.binder`) says what names mean and what every operator does to the columns; the walk asks it
operator by operator, and compiles beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any, NoReturn

from fpctl.compiler.context import NO_ROW, Data, Row
from fpctl.compiler.expressions import ExpressionCompiler
from fpctl.compiler.functions.randomness import VOLATILE
from fpctl.compiler.functions.windows import WINDOWS
from fpctl.compiler.operator_registry import OPERATORS, SOURCES
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Relation, of_table
from fpctl.compiler.repeats import walk
from fpctl.compiler.sql import (
    Column,
    Func,
    Named,
    Number,
    Order,
    Query,
    Select,
    Sizes,
    Sql,
    Subselect,
    Table,
    Text,
    With,
    func,
    printed,
)
from fpctl.compiler.values.conversions import converted, implicit
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.analysis.walk import Binder
from fpctl.kql.binder.bindings import Names, Routine, Scalar, Tabular
from fpctl.kql.binder.context import RowScope as BinderRow
from fpctl.kql.binder.environment import Environment
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.name_patterns import matching
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.scope import Scope
from fpctl.kql.binder.sources import table_scope
from fpctl.kql.operators.table import bind

_DEEPEST_CALL = 30
_MOST_CALLS = 5_000
"""Calls of a query's own functions: each is compiled anew, and a few that call each other twice are thousands."""
_MOST_PARTS = 200_000
"""Parts of a scalar `let`, which are used wherever it is named."""
_ONE = Number(1)


def _window_calls(node: tree.Node) -> Iterator[tree.Call]:
    """Yield the calls of window functions in an operator, inner ones first; not those of pipelines inside."""
    for part in tree.children(node):
        if not isinstance(part, tree.Pipeline):
            yield from _window_calls(part)
    if isinstance(node, tree.Call) and node.name.value in WINDOWS:
        yield node


class Compiler(ExpressionCompiler):
    """Compiles one query."""

    def __init__(self, text: str, environment: Environment, data: Data, now: int) -> None:
        self.binder = Binder(text, environment)
        self.data = data
        self.now = now
        self.row = NO_ROW
        self.grouping = False
        self.late = 0
        self.serialized = False
        self.payloads: dict[int, Any] = {}
        self.held: list[object] = []
        self.windows: dict[int, Value] = {}
        self.tables_read: set[str] = set()
        self.long_lists: dict[str, tuple[str, ...]] = {}
        self.common: list[tuple[str, Query, bool | None]] = []
        self.notes: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._calls: list[tree.Function] = []
        self._below: Relation | None = None
        self._called = 0
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
        if node is not None and not pipeline.operators and self._calls:
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
        if ordered:
            relation = self._with_windows(node, relation)
        with self.in_row(Row(relation.columns), relation.scope, serialized=ordered):
            return compile_one(self, node, relation)

    def _with_windows(self, node: tree.Operator, relation: Relation) -> Relation:
        """Return the rows with a column for each call of a window function in an operator, the inner ones first."""
        calls = list(_window_calls(node))
        if not calls:
            return relation
        saved, self._below = self._below, relation
        with self.in_row(Row(relation.columns), relation.scope, serialized=True):
            for call in calls:
                value = self.value(call)
                column = self.beneath(value.sql, ())
                assert column is not None
                self.windows[id(call)] = Value(column, value.type, nullable=value.nullable)
        below, self._below = self._below, saved
        return below

    def beneath(self, sql: Sql, order: Sequence[Order]) -> Sql | None:
        """Return a column below the operator at hand that holds an expression; None where there is no place for it."""
        if self._below is None or self._calls:
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

    # ----------------------------------------------------------------- sources

    def source(self, node: tree.Source) -> Relation:
        """Compile what a pipeline reads."""
        compile_one = SOURCES.get(type(node))
        if compile_one is not None:
            return compile_one(self, node)
        relation = self.tabular(node)  # type: ignore[arg-type]
        if relation is not None:
            return relation
        if isinstance(node, tree.Group):
            return self.source(node.inner)
        if isinstance(node, tree.Name):
            self.no_table(node.value, node)
        if isinstance(node, tree.Wildcard):
            self.refuse("table", f"no table matches {node.pattern}", node, code="unknown-table")
        if isinstance(node, tree.Call) and node.name.value not in builtins().functions:
            self.refuse(
                node.name.value, f"there is no function {node.name.value}()", node.name, code="unknown-function"
            )
        self.refuse("source", f"`{self.text(node)}` gives no table", node)

    def tabular(self, node: tree.Expr) -> Relation | None:
        """Compile an expression that is a table, None where it is a value or not known."""
        if isinstance(node, tree.Name):
            return self._named_table(node)
        if isinstance(node, tree.Subquery):
            return self.pipeline(node.pipeline)
        if isinstance(node, tree.Call):
            return self._called_table(node)
        if isinstance(node, tree.Path):
            return self._placed_table(node)
        if isinstance(node, tree.Group):
            return self.tabular(node.inner)
        compile_one = SOURCES.get(type(node))
        return compile_one(self, node) if compile_one is not None else None

    def _named_table(self, node: tree.Name) -> Relation | None:
        if node.value in self.row.columns or node.value in self.row.extra:
            return None
        bound = self.binder.names.get(node.value)
        if isinstance(bound, Tabular):
            return self.table_payload(bound, node)
        if isinstance(bound, Routine):
            found = self.called(bound, tree.Call(node.start, node.end, node, ()))
            return found if isinstance(found, Relation) else None
        if bound is not None:
            return None
        return self.stored_table(node.value) or self._stored_function(tree.Call(node.start, node.end, node, ()))

    def table_payload(self, bound: Tabular, node: tree.Node) -> Relation:
        """Return the rows that a name stands for."""
        found = self.payloads.get(id(bound))
        if not isinstance(found, Relation):
            self.refuse("table", "the rows of this name are not known here", node)
        return found

    def stored_table(self, name: str) -> Relation | None:
        """Return a table of the data, None where there is none of that name."""
        scope = table_scope(self.binder, name)
        stored = self.data.stored(name) if scope is not None else None
        if stored is None or scope is None:
            return None
        self.tables_read.add(name)
        return of_table(stored.source, stored.columns, scope)

    def matching_tables(self, pattern: str) -> list[tuple[str, Relation]]:
        """Return the tables, and the query's views, that a pattern matches, by name."""
        found = []
        for name in matching(pattern, self.binder.environment.tables()):
            relation = self.stored_table(name)
            if relation is not None:
                found.append((name, relation))
        for name, bound in self.binder.names.visible().items():
            if isinstance(bound, Routine) and bound.node.view and matching(pattern, (name,)):
                call = tree.Call(
                    bound.node.start, bound.node.end, tree.Name(bound.node.start, bound.node.end, name), ()
                )
                result = self.called(bound, call)
                if isinstance(result, Relation):
                    found.append((name, result))
        return found

    def _called_table(self, node: tree.Call) -> Relation | None:
        name = node.name.value
        bound = self.binder.names.get(name)
        if isinstance(bound, Routine):
            found = self.called(bound, node)
            return found if isinstance(found, Relation) else None
        if name == "materialize" and len(node.args) == 1:
            relation = self.source(node.args[0])
            return self.nameable(relation, materialized=True)
        if name == "table" and node.args:
            return self._table_by_text(node)
        if name in ("_GetWatchlist", "_GetWatchlistRaw") and node.args:
            return self._watchlist(node)
        if name == "view" and len(node.args) == 1:
            return self.tabular(node.args[0])
        if name in builtins().functions or name in builtins().aggregates or name == "toscalar":
            return None
        return self._stored_function(node)

    def _table_by_text(self, node: tree.Call) -> Relation | None:
        name = self.binder.value_text(node.args[0])
        if name is None:
            self.refuse("table", "the name given to table() must be known before the query runs", node)
        bound = self.binder.names.get(name)
        if isinstance(bound, Tabular):
            return self.table_payload(bound, node)
        relation = self.stored_table(name)
        if relation is None:
            self.no_table(name, node.args[0])
        return relation

    def no_table(self, name: str, node: tree.Node) -> NoReturn:
        """Refuse a table that the data lacks.

        Raises:
            Refusal: always.
        """
        hint = nearest(name, self.binder.environment.tables())
        hint = hint and f"did you mean {hint}?"
        raise Refusal("table", f"there is no table {name}", node.start, hint, "unknown-table", name)

    def _watchlist(self, node: tree.Call) -> Relation:
        alias = self.binder.value_text(node.args[0])
        if alias is None:
            self.refuse("_GetWatchlist", "the watchlist's name must be known before the query runs", node)
        stored = self.data.watchlist(alias)
        if stored is None:
            self.refuse(
                "_GetWatchlist", f"the data has no watchlist {alias}", node,
                f"put its rows next to the tables: {alias}.csv", "unknown-table",
            )  # fmt: skip
        from fpctl.kql.binder.sources import declared_scope

        return of_table(
            stored.source,
            stored.columns,
            declared_scope(alias, {name: held.type for name, held in stored.columns.items()}),
        )

    def _stored_function(self, node: tree.Call) -> Relation | None:
        found = self.binder.stored_function(node.name.value)
        if isinstance(found, Routine):
            result = self.called(found, node)
            return result if isinstance(result, Relation) else None
        return None

    def _placed_table(self, node: tree.Path) -> Relation | None:
        base: tree.Expr = node
        while isinstance(base, tree.Path):
            base = base.base
        if not (isinstance(base, tree.Call) and base.name.value in ("cluster", "database", "workspace", "app", "adx")):
            return None
        member = node.member
        if isinstance(member, tree.Name):
            relation = self.stored_table(member.value)
            if relation is None:
                self.no_table(member.value, member)
            self.notes.add("another database's table is taken from the data")
            return relation
        self.refuse("database", "tables of other places are not supported by the local engine", node)

    # ----------------------------------------------------------------- calls of the query's functions

    def called(self, routine: Routine, node: tree.Call, first: Relation | None = None) -> Relation | Value:
        """Compile a call of a function of the query; `first` is what `invoke` puts before the arguments."""
        if any(one is routine.node for one in self._calls) or len(self._calls) >= _DEEPEST_CALL:
            self.refuse(routine.name, f"{routine.name} calls itself", node, code="too-complex")
        self._called += 1
        if self._called > _MOST_CALLS:
            message = f"the query calls its functions more than {_MOST_CALLS:,} times"
            self.refuse(routine.name, message, node, code="too-complex")
        names = routine.names.child()
        given = self._arguments(routine, node, first)
        binder = self.binder
        saved = (binder.names, binder.text, binder.column_number, binder.recording)
        with self.in_row(NO_ROW):
            binder.names, binder.text, binder.column_number = names, routine.text, 1
            if routine.text is not saved[1]:
                binder.recording = False
            self._calls.append(routine.node)
            try:
                for parameter in routine.node.parameters:
                    self._bind_parameter(routine, parameter, given.get(parameter.name.value), node, names)
                result = self.statements(routine.node.body)
            except Refusal as refusal:
                if routine.text is not saved[1]:
                    refusal.offset = node.start
                raise
            finally:
                self._calls.pop()
                binder.names, binder.text, binder.column_number, binder.recording = saved
        if result is None:
            self.refuse(routine.name, f"{routine.name} gives no result", node)
        return result

    def _arguments(
        self, routine: Routine, node: tree.Call, first: Relation | None
    ) -> dict[str, tuple[Relation | Value, tree.Expr | None]]:
        parameters = routine.node.parameters
        given: dict[str, tuple[Relation | Value, tree.Expr | None]] = {}
        position = 0
        if first is not None and parameters:
            given[parameters[0].name.value] = (first, None)
            position = 1
        for arg in node.args:
            if isinstance(arg, tree.Named):
                name, value = arg.names[0].value, arg.value
                position += 1  # `f(len=3, s)`: a named argument takes a place too (assert-function, an example)
            elif position < len(parameters):
                name, value = parameters[position].name.value, arg
                position += 1
            else:
                self.refuse(routine.name, f"{routine.name} takes {len(parameters)} arguments", arg)
            tables = {one.name.value for one in parameters if one.columns is not None}
            if name in tables:
                relation = self.tabular(value)
                if relation is None:
                    self.refuse(routine.name, f"the argument {name} is not a table", arg)
                given[name] = (self.nameable(relation), value)
            else:
                given[name] = (self.value(value), value)
        return given

    def _bind_parameter(
        self,
        routine: Routine,
        parameter: tree.FunctionParameter,
        given: tuple[Relation | Value, tree.Expr | None] | None,
        node: tree.Call,
        names: Names,
    ) -> None:
        name = parameter.name.value
        if given is None:
            if parameter.default is None:
                self.refuse(routine.name, f"{routine.name} needs the argument {name}", node)
            given = (self.value(parameter.default), parameter.default)
        value, expression = given
        if isinstance(value, Relation):
            self.bind_table(name, value)
            return
        kind = parameter.type or value.type
        typed = implicit(value, kind) or (converted(value, kind) if value.is_constant else None)
        if typed is None:
            self.refuse(routine.name, f"{name} is to be a {kind}, not a {value.type}", node)
        bound = Scalar(kind, expression, self.binder.text)
        names[name] = bound
        self.held.append(bound)
        self.payloads[id(bound)] = typed

    def routine_value(self, routine: Routine, call: tree.Call) -> Value:
        """Compile a call of a function of the query that gives a value."""
        found = self.called(routine, call)
        if isinstance(found, Relation):
            self.refuse(routine.name, f"{routine.name}() is a table, not a value", call)
        return found

    def unknown_call(self, node: tree.Call) -> Value:
        """Compile a call of no built-in function: a stored one, or none."""
        name = node.name.value
        if name == "toscalar":
            return self._toscalar(node)
        found = self.binder.stored_function(name)
        if isinstance(found, Routine):
            return self.routine_value(found, node)
        known = builtins()
        if name in known.functions or name in known.aggregates:
            why = (
                "outside summarize"
                if name in known.aggregates and name not in known.functions
                else "by the local engine"
            )
            self.refuse(name, f"{name}() is not supported {why}", node)
        hint = nearest(name, known.functions)
        self.refuse(name, f"there is no function {name}()", node, hint and f"did you mean {hint}?", "unknown-function")

    def _toscalar(self, node: tree.Call) -> Value:
        with self.in_row(NO_ROW):
            relation = self.tabular(node.args[0])
            if relation is None:
                return self._value_once(self.value(node.args[0]), node)
        if not relation.columns:
            self.refuse("toscalar", "the query gives no column", node)
        first = next(iter(relation.columns.values()))
        limited = replace(
            relation.base(), keep=False, columns=(Named(Column(first.sql), "fpctl_scalar"),), drop=(), limit=_ONE
        )
        table = self.shared(limited)
        held = Held("fpctl_scalar", first.type, "fpctl_scalar", first.is_moment)
        value = held.value()
        sql = Subselect(Select(table, columns=(Named(value.sql, "fpctl_scalar"),)))
        if first.type == "string":
            return Value(func("coalesce", sql, Text("")), "string")
        return Value(sql, first.type)

    def _value_once(self, value: Value, node: tree.Call) -> Value:
        """Return a value that is calculated once, however often it is named (named-expressions): `toscalar(rand())`."""
        name = f"fpctl_scalar_{node.start}"  # calls at other places have values of their own
        if not any(isinstance(one, Func) and one.name in VOLATILE for one in walk(value.sql)):
            return value
        table = self.shared(Select(None, (Named(value.sql, name),)))
        return Value(Subselect(Select(table, (Named(Column(name), name),))), value.type)

    # ----------------------------------------------------------------- what is shared

    def nameable(self, relation: Relation, *, materialized: bool | None = None) -> Relation:
        """Return rows that may be read several times: by name, where they are more than a stored table's."""
        if isinstance(relation.select.source, Table) and relation.select == Select(relation.select.source, keep=True):
            return relation
        source = self.shared(relation.select, materialized=materialized)
        return relation._replace(select=Select(source, keep=True), open_ended=True)

    def shared(self, query: Query, *, materialized: bool | None = True) -> Table:
        """Return a common table expression of a query."""
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
