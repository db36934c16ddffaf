"""Calls of a query's own functions, of stored ones, and of `toscalar`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace

from fpctl.compiler.context import NO_ROW
from fpctl.compiler.expressions import ExpressionCompiler
from fpctl.compiler.functions.randomness import VOLATILE
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Relation
from fpctl.compiler.repeats import walk
from fpctl.compiler.sql import (
    Column,
    Func,
    Named,
    Number,
    Select,
    Subselect,
    Text,
    func,
)
from fpctl.compiler.values.conversions import converted, implicit
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.binder.bindings import BoundNames, Routine, Scalar
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.nearest import nearest

_DEEPEST_CALL = 30
_MOST_CALLS = 5_000
"""Calls of a query's own functions: each is compiled anew, and a few that call each other twice are thousands."""
_ONE = Number(1)


class RoutineCompiler(ExpressionCompiler):
    """Compiles expressions, and calls of the query's functions."""

    held: list[object]
    """Keeps bindings alive, whose ids are keys of `payloads`."""
    calls: list[tree.Function]
    """The functions that the walk is inside of."""
    call_count: int

    @abstractmethod
    def statements(self, statements: Iterable[tree.Statement]) -> Relation | Value | None:
        """Compile statements; return what the last result statement gives."""

    def called(self, routine: Routine, node: tree.Call, first: Relation | None = None) -> Relation | Value:
        """Compile a call of a function of the query; `first` is what `invoke` puts before the arguments."""
        if any(one is routine.node for one in self.calls) or len(self.calls) >= _DEEPEST_CALL:
            self.refuse(routine.name, f"{routine.name} calls itself", node, code="too-complex")
        self.call_count += 1
        if self.call_count > _MOST_CALLS:
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
            self.calls.append(routine.node)
            try:
                for parameter in routine.node.parameters:
                    self._bind_parameter(routine, parameter, given.get(parameter.name.value), node, names)
                result = self.statements(routine.node.body)
            except Refusal as refusal:
                if routine.text is not saved[1]:
                    refusal.offset = node.start
                raise
            finally:
                self.calls.pop()
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
        names: BoundNames,
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
