"""The walk over a query: statements, pipelines, function calls.

It visits what Microsoft's binder visits, in its order, because names depend on it: unnamed columns
are numbered (`Column1`, `Column2`) through the whole query, each function body anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.binder.bindings import Argument, BoundNames, Routine, Scalar, Tabular
from fpctl.kql.binder.context import BinderContext, RowScope, assumed_column, with_columns
from fpctl.kql.binder.expressions import evaluate
from fpctl.kql.binder.scalar import TABLE, UNKNOWN
from fpctl.kql.binder.scope import Column, InsertionPoint, Origin, Scope
from fpctl.kql.binder.sources import called, source, tabular
from fpctl.kql.operators.table import bind, is_operator
from fpctl.kql.parser import parse

_CALL_DEPTH = 40
"""How deep calls of the query's functions may nest: well within Python's stack."""


class Binder(BinderContext):
    """Walks a query from top to bottom."""

    # ----------------------------------------------------------------- statements

    def statements(self, statements: Iterable[tree.Statement], path: str) -> Scope | str | None:
        """Walk statements; return what the last result statement gives."""
        result: Scope | str | None = None
        seen = 0
        for statement in statements:
            try:
                if isinstance(statement, tree.QueryStatement):
                    seen += 1
                    result = self._result(statement.pipeline, path if seen == 1 else f"{path} {seen}")
                elif isinstance(statement, tree.Let):
                    self._let(statement)
                elif isinstance(statement, tree.QueryParameters):
                    for parameter in statement.parameters:
                        self.names[parameter.name.value] = self.parameter(parameter)
            except RecursionError:
                result = self._too_deep(statement)
                if isinstance(statement, tree.Let):
                    self.names[statement.name.value] = Tabular(result)
        return result

    def uncalled(self) -> None:
        """Walk the functions that nothing calls, with their parameters as declared."""
        for routine in list(self._routines):
            if id(routine.node) not in self._called:
                self.call(routine, (), routine.node.start)

    def _result(self, pipeline: tree.Pipeline, path: str) -> Scope | str:
        node = pipeline.source
        if node is None or pipeline.operators or not self._running or self._unbound(node):
            return self.pipeline(pipeline, path)
        # A function body may end in a value; that is known only from what it evaluates to.
        inside = self.enter(path)
        scope = tabular(self, node)
        type_ = evaluate(self, node) if scope is None else TABLE
        self.leave(inside)
        if scope is None:
            return type_ if type_ != TABLE else Scope({}, open=True)
        self.record(pipeline, path, [InsertionPoint(node.end, "source", 0, scope)])
        return scope

    def _unbound(self, node: tree.Source) -> bool:
        """Return whether a node is a name that stands for nothing known: taken for a table."""
        return isinstance(node, tree.Name) and node.value not in self.names and tabular(self, node) is None

    def _let(self, let: tree.Let) -> None:
        name, value = let.name.value, let.value
        if isinstance(value, tree.Function):
            routine = Routine(name, value, self.text, self.names.child())
            self.names[name] = routine
            if self.recording:
                self._routines.append(routine)
            return
        inside = self.enter(self.child(f"let {name}"))
        if isinstance(value, tree.Subquery):
            self.names[name] = Tabular(self.pipeline(value.pipeline, self.path))
        elif self._unbound(value):
            self.names[name] = Tabular(source(self, value))
        else:
            scope = tabular(self, value)
            if scope is not None:
                self.names[name] = Tabular(scope)
            else:
                self.names[name] = Scalar(evaluate(self, value), value, self.text)
        self.leave(inside)

    def parameter(self, parameter: tree.FunctionParameter) -> Scalar | Tabular:
        """Return what a parameter stands for where no argument is known."""
        if parameter.columns is None:
            return Scalar(parameter.type or UNKNOWN, parameter.default, self.text)
        name = parameter.name.value
        columns = {
            column.name: Column(column.name, column.type, "table", (Origin(name, column.name, 0),))
            for column in parameter.columns
            if column.type is not None
        }
        is_open = any(column.type is None for column in parameter.columns)
        zero = frozenset({0})
        return Tabular(
            Scope(columns, is_open, {0: frozenset({name})}, kept=zero, unknown=zero if is_open else frozenset())
        )

    # ----------------------------------------------------------------- pipelines

    def source_operator(self, node: tree.Source) -> Scope | None:
        """Return what an operator or table literal gives that begins a pipeline; None for an expression."""
        return bind(self, node, None) if is_operator(node) else None

    def type_of(self, expr: tree.Expr) -> str:
        """Return the type of an expression that was looked at before: nothing is noted again."""
        recording, self.recording = self.recording, False
        try:
            return evaluate(self, expr)
        finally:
            self.recording = recording

    def tabular(self, node: tree.Expr) -> Scope | None:
        """Return the scope of an expression that is a table, or None if it is a value or not known."""
        return tabular(self, node)

    def called(self, node: tree.Call) -> Scope | None:
        """Return the scope of a call that gives a table, or None; note a function that is not known."""
        return called(self, node, tabular=False)

    def pipeline(self, node: tree.Pipeline, path: str, row: Scope | None = None) -> Scope:
        """Walk a pipeline; `row` is what flows into one that has no source of its own."""
        outer_row, outer_aggregating, self.aggregating = self.row, self.aggregating, False
        inside = self.enter(path)
        points: list[InsertionPoint] = []
        if node.source is None:
            scope = row or Scope({})
        else:
            self.row = RowScope()
            try:
                scope = source(self, node.source)
            except RecursionError:
                scope = self._too_deep(node.source)
            points.append(InsertionPoint(node.source.end, "source", 0, scope))
        for index, operator in enumerate(node.operators, 1):
            self.row = RowScope(scope.columns, scope)
            try:
                scope = bind(self, operator, scope)
            except RecursionError:
                scope = self._too_deep(operator)
                self.aggregating, self.keys = False, frozenset()
            points.append(InsertionPoint(operator.end, operator.keyword, index, scope))
        self.row, self.aggregating = outer_row, outer_aggregating
        self.leave(inside)
        self.record(node, path, points)
        return scope

    def _too_deep(self, node: tree.Node) -> Scope:
        self.problem(node.start, "too-deep", "this is nested too deeply to follow its columns", None)
        return Scope({}, open=True, rowwise=False)

    # ----------------------------------------------------------------- functions

    def call(self, routine: Routine, arguments: Sequence[Argument], offset: int) -> Scope | str:
        """Evaluate a function for some arguments; return the scope of its result, or the type of a scalar one."""
        parameters = routine.node.parameters
        given: dict[str, Scalar | Tabular] = {}
        position = 0
        for name, value, expression in arguments:
            if name is None:
                if position >= len(parameters):
                    continue
                name = parameters[position].name.value
                position += 1
            given[name] = Tabular(value) if isinstance(value, Scope) else Scalar(value, expression, self.text)
        key: list[object] = [routine.node.start, routine.text]
        names = routine.names.child()
        for parameter in parameters:
            name = parameter.name.value
            bound = given.get(name)
            if bound is None or isinstance(bound, Tabular) != (parameter.columns is not None):
                bound = self.parameter(parameter)
            elif isinstance(bound, Scalar):
                bound = Scalar(parameter.type or bound.type, bound.value, bound.text)
            names[name] = bound
            key.append(id(bound.scope) if isinstance(bound, Tabular) else (bound.type, id(bound.value)))
        known = self._results.get(tuple(key))
        if known is not None:
            return known
        itself = any(node is routine.node for node in self._running)
        if itself or len(self._running) == _CALL_DEPTH:
            message = f"{routine.name} calls itself" if itself else "calls nest too deeply here"
            self.problem(offset, "recursion", message, None)
            return Scope({}, open=True, rowwise=False)
        result = self._run(routine, names)
        tables = [parameter for parameter in parameters if isinstance(given.get(parameter.name.value), Tabular)]
        if self.recording and not self.declaring and tables:
            # What the body may name are the columns that its parameters declare; what it passes on are all.
            declared = names.child()
            for parameter in tables:
                passed = names.get(parameter.name.value)
                if isinstance(passed, Tabular):
                    declared[parameter.name.value] = Tabular(_declared_part(passed.scope, parameter))
            self.declaring = True
            self._run(routine, declared)
            self.declaring = False
        self._results[tuple(key)] = result
        self._held.append(given)
        return result

    def _run(self, routine: Routine, names: BoundNames) -> Scope | str:
        self._called.add(id(routine.node))
        self._running.append(routine.node)
        saved = self.names, self.row, self.aggregating, self.column_number, self.text, self.path, self.recording
        self.recording = self.recording and routine.text is self.text
        self.names, self.row, self.aggregating, self.column_number = names, RowScope(), False, 1
        self.text, self.path = routine.text, f"let {routine.name}"
        try:
            result = self.statements(routine.node.body, self.child("body"))
        finally:
            self.names, self.row, self.aggregating, self.column_number, self.text, self.path, self.recording = saved
            self._running.pop()
        return Scope({}, open=True) if result is None else result

    def stored_function(self, name: str) -> Routine | Mapping[str, str] | None:
        """Return a stored function of the environment, parsed if it is given as source text."""
        found = self.environment.function(name)
        if not isinstance(found, str):
            return found
        text = f"let {name} = {found}"
        try:
            statement = parse(text).statements[0]
        except KqlSyntaxError as error:
            self.problem(0, "stored-function", f"the stored function {name} does not parse: {error.message}", None)
            return None
        if isinstance(statement, tree.Let) and isinstance(statement.value, tree.Function):
            return Routine(name, statement.value, text, BoundNames())
        return None


def _declared_part(scope: Scope, parameter: tree.FunctionParameter) -> Scope:
    """Return the columns of an argument that the body of a function may name: those that the parameter declares."""
    columns: dict[str, Column] = {}
    for declared in parameter.columns or ():
        if declared.type is None:
            continue
        column = scope.columns.get(declared.name)
        if column is None:
            column = assumed_column(declared.name, scope) if scope.open else None
        columns[declared.name] = column or Column(declared.name, declared.type, "derived")
    return with_columns(scope, columns, is_open=False)
