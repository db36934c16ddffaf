"""A query's text over tables to a table: statements, sources, pipelines. `run` is what others call."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any

from fpctl.kql import tree
from fpctl.kql.parser import parse
from reference.conversions import convert
from reference.expressions import Expressions
from reference.literals import literal
from reference.operators_scalar import arithmetic
from reference.scope import Place, Routine, Scope, Several, Table
from reference.values import (
    NUMBERS,
    ReferenceFault,
    Value,
    null_of,
    string,
)

Operator = Callable[["Interpreter", Table, Any, Scope], Table]
OPERATORS: dict[type, Operator] = {}


def operator(*kinds: type) -> Callable[[Operator], Operator]:
    """Enter what an operator does, by the types of its nodes."""

    def enter(function: Operator) -> Operator:
        for kind in kinds:
            OPERATORS[kind] = function
        return function

    return enter


def run(text: str, tables: Mapping[str, Table] | None = None, now: int | None = None) -> Table:
    """Return the result of a query: of its last statement that has one.

    Raises:
        ReferenceFault: the interpreter does not know something in it.
    """
    from reference import grouping, joining, rowwise, windows  # noqa: F401 - they enter their operators

    interpreter = Interpreter(text, tables or {})
    if now is not None:
        interpreter.now = now
    return interpreter.query()


class Interpreter(Expressions):
    """One query's text and the tables it can read."""

    def __init__(self, text: str, tables: Mapping[str, Table]) -> None:
        super().__init__()
        self.text = text
        self.tables = {name: Table(table.columns, table.rows, name) for name, table in tables.items()}
        self.unions = 0

    def query(self) -> Table:
        scope, result = Scope(), None
        for statement in parse(self.text).statements:
            found = self._statement(statement, scope)
            if isinstance(found, Table):
                result = found
            elif isinstance(found, Value):
                result = Table({"print_0": found.type}, [{"print_0": found}])
        if result is None:
            raise ReferenceFault("no result")
        return result

    def _statement(self, statement: tree.Statement, scope: Scope) -> Any:
        if isinstance(statement, tree.Let):
            scope.names[statement.name.value] = self._bound(statement.value, scope)
            return None
        if isinstance(statement, tree.QueryStatement):
            pipeline = statement.pipeline
            if not pipeline.operators and isinstance(
                pipeline.source, tree.Literal | tree.Binary | tree.Membership | tree.Index | tree.Path | tree.Group
            ):
                return self.evaluate(pipeline.source, Place(scope))
            if not pipeline.operators and isinstance(pipeline.source, tree.Name | tree.Call):
                found = self._source(pipeline.source, scope)
                return found if isinstance(found, Table | Value) else None
            return self.pipeline(pipeline, None, scope)
        if isinstance(statement, tree.QueryParameters):
            for parameter in statement.parameters:
                if parameter.default is None or parameter.type is None:
                    raise ReferenceFault("a query parameter without a default")
                scope.names[parameter.name.value] = convert(self.value(parameter.default, Place(scope)), parameter.type)
        return None

    def _bound(self, node: Any, scope: Scope) -> Any:
        if isinstance(node, tree.Function):
            return Routine(node, scope)
        if isinstance(node, tree.Subquery):
            return self.table(node, Place(scope))
        if isinstance(node, tree.Group):
            return self._bound(node.inner, scope)
        if isinstance(node, tree.Name) and scope.find(node.value) is None and node.value in self.tables:
            return self.tables[node.value]
        if isinstance(node, tree.Call) and node.name.value in ("materialize", "view"):
            return self._bound(node.args[0], scope)
        return self.evaluate(node, Place(scope))

    # ---------------------------------------------------------------- tables

    def table(self, node: Any, place: Place) -> Table:
        if isinstance(node, tree.Subquery):
            return self.pipeline(node.pipeline, None, place.scope)
        found = self._source(node, place.scope)
        if isinstance(found, Value):
            return Table({"print_0": found.type}, [{"print_0": found}])
        if not isinstance(found, Table):
            raise ReferenceFault(f"no table: {self.text[node.start : node.end]}")
        return found

    def pipeline(self, pipeline: tree.Pipeline, source: Table | None, scope: Scope) -> Table:
        table = source
        if pipeline.source is not None:
            table = self.table(pipeline.source, Place(scope))
        if table is None:
            raise ReferenceFault("a pipeline without a source")
        for node in pipeline.operators:
            function = OPERATORS.get(type(node))
            if function is None:
                raise ReferenceFault(f"operator {type(node).__name__}")
            table = function(self, table, node, scope)
        return table

    def _source(self, node: Any, scope: Scope) -> Any:
        match node:
            case tree.Name():
                found = scope.find(node.value)
                if isinstance(found, Routine):
                    return self.call_routine(found, (), Place(scope))
                if found is not None:
                    return found
                if node.value in self.tables:
                    return self.tables[node.value]
                raise ReferenceFault(f"no table {node.value}")
            case tree.Call():
                if node.name.value in ("materialize", "view", "totable"):
                    return self.table(node.args[0], Place(scope))
                if node.name.value == "table":
                    name = self.value(node.args[0], Place(scope)).raw
                    return self._source(tree.Name(node.start, node.end, name), scope)
                return self.evaluate(node, Place(scope))
            case tree.Group():
                return self._source(node.inner, scope)
            case tree.DataTable():
                return self._datatable(node)
            case tree.Print():
                return self._print(node, scope)
            case tree.Range():
                return self._range(node, scope)
            case tree.Union() | tree.Search() | tree.Find() | tree.Evaluate():
                return OPERATORS[type(node)](self, Table({}), node, scope)
            case tree.Subquery():
                return self.table(node, Place(scope))
            case tree.Literal() | tree.Binary() | tree.Unary():
                return self.evaluate(node, Place(scope))
        raise ReferenceFault(f"source {type(node).__name__}")

    def legs(self, node: Any, scope: Scope) -> list[tuple[str, Table]]:
        """Return the tables of a union's leg, with their names: several of a pattern."""
        if isinstance(node, tree.Wildcard):
            names = self._names_of_tables(scope)
            chosen = [name for name in names if fnmatch.fnmatchcase(name, node.pattern)]
            return [(n, self.table(tree.Name(node.start, node.end, n), Place(scope))) for n in chosen]
        return [(self._name_of(node, scope), self.table(node, Place(scope)))]

    def _name_of(self, node: Any, scope: Scope) -> str:
        """A table, a view and `as` have a name; other names of the query are only what they stand for."""
        if isinstance(node, tree.Subquery):
            last = node.pipeline.operators[-1:]
            if last and isinstance(last[0], tree.As):
                return last[0].name.value
            return "" if last else self._name_of(node.pipeline.source, scope)
        if not isinstance(node, tree.Name):
            return ""
        found = scope.find(node.value)
        if found is None:
            return node.value
        if isinstance(found, Routine):
            return node.value if found.function.view else ""
        return found.name if isinstance(found, Table) else ""

    def _names_of_tables(self, scope: Scope) -> list[str]:
        names = list(self.tables)
        around: Scope | None = scope
        while around is not None:
            for name, bound in around.names.items():
                if isinstance(bound, Routine) and bound.function.view and not bound.function.parameters:
                    names.append(name)
            around = around.parent
        return names

    # ---------------------------------------------------------------- functions of the query

    def call_routine(self, routine: Routine, args: tuple[tree.Expr, ...], place: Place) -> Any:
        """Call with values by place and by name, and defaults (let-statement)."""
        parameters = routine.function.parameters
        given: dict[str, Any] = {}
        for at, arg in enumerate(args):
            if isinstance(arg, tree.Named):
                name, node = arg.names[0].value, arg.value
            else:
                name, node = parameters[at].name.value, arg
            parameter = next(p for p in parameters if p.name.value == name)
            given[name] = self._argument(parameter, node, place)
        for parameter in parameters:
            if parameter.name.value not in given:
                if parameter.default is None:
                    raise ReferenceFault(f"argument {parameter.name.value}")
                default = self.value(parameter.default, Place(routine.scope))
                given[parameter.name.value] = convert(default, parameter.type or default.type)
        scope = Scope(routine.scope, given)
        result: Any = None
        for statement in routine.function.body:
            found = self._statement(statement, scope)
            result = found if found is not None else result
        return result

    def _argument(self, parameter: tree.FunctionParameter, node: tree.Expr, place: Place) -> Any:
        if parameter.columns is not None:
            return self.table(node, place)
        value = self.value(node, place)
        return value if parameter.type is None else convert(value, parameter.type)

    # ---------------------------------------------------------------- sources

    def _datatable(self, node: tree.DataTable) -> Table:
        columns = {column.name: column.type or "string" for column in node.columns}
        table = Table(columns)
        names = list(columns)
        for at in range(0, len(node.values), len(names)):
            row = {}
            for name, value in zip(names, node.values[at : at + len(names)], strict=True):
                row[name] = convert(self._cell(value), columns[name])
            table.rows.append(row)
        return table

    def _cell(self, node: tree.Expr) -> Value:
        if isinstance(node, tree.Literal):
            return literal(node.type, self.text[node.start : node.end])
        return self.value(node, Place(Scope()))

    def _print(self, node: tree.Print, scope: Scope) -> Table:
        table = Table({})
        row: dict[str, Value] = {}
        for at, item in enumerate(node.items):
            found = self.evaluate(item, Place(scope))
            names = [name.value for name in item.names] if isinstance(item, tree.Named) else []
            if isinstance(found, Several):
                values = [value for _, value in found.columns]
                if not names:
                    for label, value in found.columns:
                        row[label] = value
                    continue
            else:
                values = [found]
            for name, value in zip(names or [f"print_{at}"], values, strict=False):
                row[name] = value
        table.columns = {name: value.type for name, value in row.items()}
        table.rows = [row]
        return table

    def _range(self, node: tree.Range, scope: Scope) -> Table:
        place = Place(scope)
        low, high, step = (self.value(part, place) for part in (node.low, node.high, node.step))
        kind = low.type
        if kind in NUMBERS:
            kind = next((k for k in ("decimal", "real", "long") if k in (low.type, high.type, step.type)), "long")
            low, high = convert(low, kind), convert(high, kind)
            step = convert(step, kind)
        table = Table({node.name.value: kind})
        at = low
        while len(table.rows) < 1_000_000 and (at.raw <= high.raw if step.raw > 0 else at.raw >= high.raw):
            table.rows.append({node.name.value: at})
            at = arithmetic("+", at, step)
        return table

    # ---------------------------------------------------------------- small services to operators

    def parameter(self, node: Any, name: str, default: str | None = None) -> str | None:
        for parameter in node.parameters:
            if parameter.name == name:
                value = parameter.value
                if isinstance(value, tree.Name):
                    return value.value
                found = self.value(value, Place(Scope()))
                return found.raw if isinstance(found.raw, str) else str(found.raw).lower()
        return default

    def places(self, table: Table, scope: Scope) -> list[Place]:
        """Return a place for every row, with all rows in order around it."""
        return [Place(scope, row, rows=table.rows, at=at) for at, row in enumerate(table.rows)]

    def blank_place(self, table: Table, scope: Scope) -> Place:
        blank = table.blank()
        return Place(scope, blank, rows=[blank], at=0)


def unique(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that is not taken: with 1, 2, ... after it."""
    if name not in taken:
        return name
    number = 1
    while f"{name}{number}" in taken:
        number += 1
    return f"{name}{number}"


def null_row(columns: Mapping[str, str]) -> dict[str, Value]:
    return {name: null_of(kind) for name, kind in columns.items()}


def text_value(text: str) -> Value:
    return string(text)
