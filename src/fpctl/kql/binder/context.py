"""What is known at one point of the walk over a query, and the walk as operators see it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Argument, BoundNames, Routine, Scalar
from fpctl.kql.binder.environment import Environment
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.scalar import UNKNOWN
from fpctl.kql.binder.scope import Column, InsertionPoint, Origin, Scope
from fpctl.kql.literals import string_value

NO_COLUMNS: Mapping[str, Column] = {}


ProblemCode = Literal[
    "unknown-column", "unknown-table", "unknown-function", "unknown-plugin", "stored-function", "recursion", "too-deep"
]
"""Stable words of what would not work."""


class BinderProblem(NamedTuple):
    """Something that would not work when the query runs. `hint` is the nearest known name, where there is one."""

    offset: int
    code: ProblemCode
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class PipelineColumns:
    """The insertion points of one pipeline.

    Attributes:
        node: the pipeline.
        path: where it is, for people: `main`, `let rmm`, `main/join 1`, `let f/body`.
        parent: the path of the pipeline, function or `let` it is in; None for `main` and lets.
        insertion points: after the source (if it has one of its own), and after each operator.
    """

    node: tree.Pipeline
    path: str
    parent: str | None
    points: tuple[InsertionPoint, ...]


class RowScope:
    """The row an expression is evaluated in.

    Attributes:
        columns: what names resolve to first.
        scope: the scope the columns are those of, None where there is no row.
        right: the other side of a join, for names that are not on the left.
        assumed, right_assumed: columns met that an open scope may have.
    """

    __slots__ = ("assumed", "columns", "right", "right_assumed", "scope")

    def __init__(
        self, columns: Mapping[str, Column] = NO_COLUMNS, scope: Scope | None = None, right: Scope | None = None
    ) -> None:
        """Start with nothing assumed."""
        self.columns = columns
        self.scope = scope
        self.right = right
        self.assumed: dict[str, Column] | None = None
        self.right_assumed: dict[str, Column] | None = None

    def infer(self, name: str, *, right: bool = False) -> Column | None:
        """Return a column of that name if the scope is open and may have one."""
        scope = self.right if right else self.scope
        if scope is None or not scope.open:
            return None
        assumed = (self.right_assumed if right else self.assumed) or {}
        column = assumed.get(name)
        if column is None:
            column = assumed[name] = assumed_column(name, scope)
        if right:
            self.right_assumed = assumed
        else:
            self.assumed = assumed
        return column


def assumed_column(name: str, scope: Scope) -> Column:
    """Return a column that an open scope is taken to have."""
    origins = tuple(
        Origin(table, name, branch) for branch in sorted(scope.unknown) for table in sorted(scope.branches[branch])
    )
    return Column(name, UNKNOWN, "table" if origins else "derived", origins)


def with_columns(scope: Scope, columns: Mapping[str, Column], *, is_open: bool | None = None) -> Scope:
    """Return a scope with other columns and the same rows."""
    is_open = scope.open if is_open is None else is_open
    unknown = scope.unknown if is_open else frozenset()
    return Scope(columns, is_open, scope.branches, scope.union, scope.rowwise, scope.kept, unknown)


def barrier(scope: Scope, columns: Mapping[str, Column], *, is_open: bool = False) -> Scope:
    """Return a scope whose rows are no longer the source's events."""
    unknown = scope.unknown if is_open else frozenset()
    return Scope(columns, is_open, scope.branches, scope.union, False, frozenset(), unknown)


class BinderContext(ABC):
    """The state of the walk; the walk itself is the binder's."""

    def __init__(self, text: str, environment: Environment) -> None:
        """Start at the top of a query."""
        self.text = text
        self.environment = environment
        self.names = BoundNames()
        self.row = RowScope()
        self.aggregating = False
        self.keys: frozenset[int] = frozenset()
        """Identities of the columns that the summarize at hand groups by."""
        self.problems: list[BinderProblem] = []
        self.assumed: set[str] = set()
        self.pipelines: dict[int, PipelineColumns] = {}
        self.walks: dict[int, list[tuple[InsertionPoint, ...]]] = {}
        """The insertion points of a pipeline, for each call of the function that it is in."""
        self.declared_walks: dict[int, list[tuple[InsertionPoint, ...]]] = {}
        """As `walks`, with tables given to a function cut down to the columns that its parameters declare."""
        self.declaring = False
        """Whether a function's body is walked for what it may name, not for what it gives."""
        self.path = ""
        self.fuzzy = False
        self.recording = True
        self.column_number = 1
        self._counts: dict[tuple[str, str], int] = {}
        self._results: dict[tuple[object, ...], Scope | str] = {}
        self._held: list[object] = []
        """What keys of `_results` name by identity."""
        self._running: list[tree.Function] = []
        self._called: set[int] = set()
        self._routines: list[Routine] = []

    # ----------------------------------------------------------------- the walk

    @abstractmethod
    def pipeline(self, node: tree.Pipeline, path: str, row: Scope | None = None) -> Scope:
        """Walk a pipeline; `row` is what flows into one that has no source of its own."""

    @abstractmethod
    def source_operator(self, node: tree.Source) -> Scope | None:
        """Return what an operator or table literal gives that begins a pipeline; None for an expression."""

    @abstractmethod
    def type_of(self, expr: tree.Expr) -> str:
        """Return the type of an expression that was looked at before: nothing is noted again."""

    @abstractmethod
    def tabular(self, node: tree.Expr) -> Scope | None:
        """Return the scope of an expression that is a table, or None if it is a value or not known."""

    @abstractmethod
    def called(self, node: tree.Call) -> Scope | None:
        """Return the scope of a call that gives a table, or None; note a function that is not known."""

    @abstractmethod
    def statements(self, statements: Iterable[tree.Statement], path: str) -> Scope | str | None:
        """Walk statements; return what the last result statement gives."""

    @abstractmethod
    def call(self, routine: Routine, arguments: Sequence[Argument], offset: int) -> Scope | str:
        """Evaluate a function for some arguments; return the scope of its result, or the type of a scalar one."""

    @abstractmethod
    def stored_function(self, name: str) -> Routine | Mapping[str, str] | None:
        """Return a stored function of the environment, parsed if it is given as source text."""

    # ----------------------------------------------------------------- places

    def record(self, node: tree.Pipeline, path: str, points: list[InsertionPoint]) -> None:
        """Keep the insertion points of a pipeline; if it is walked again (a second call), the first ones are kept."""
        if not self.recording:
            return
        walks = self.declared_walks if self.declaring else self.walks
        walks.setdefault(id(node), []).append(tuple(points))
        if id(node) not in self.pipelines:
            parent = path.rpartition("/")[0]
            self.pipelines[id(node)] = PipelineColumns(node, path, parent or None, tuple(points))

    def enter(self, path: str) -> str:
        """Go into a pipeline or `let`; return what `leave` needs."""
        before, self.path = self.path, path
        return before

    def leave(self, before: str) -> None:
        """Go back out."""
        self.path = before

    def child(self, name: str) -> str:
        """Return the path of something named inside the place we are at."""
        return f"{self.path}/{name}" if self.path else name

    def numbered(self, kind: str) -> str:
        """Return the path of the next thing of a kind here: `main/join 1`, `main/join 2`."""
        key = (self.path, kind)
        number = self._counts[key] = self._counts.get(key, 0) + 1
        return self.child(f"{kind} {number}")

    def visible(self) -> Scope:
        """Return the scope of the row at hand, with the columns that were assumed while looking at its operator."""
        scope = self.row.scope
        assert scope is not None
        if not self.row.assumed:
            return scope
        return with_columns(scope, {**scope.columns, **self.row.assumed})

    def column_name(self, *, extending: bool) -> str:
        """Return the next default name: `Column1` ... `extending` steps over visible columns too."""
        while True:
            name = f"Column{self.column_number}"
            self.column_number += 1
            if not (name in self.names or (extending and name in self.row.columns)):
                return name

    # ----------------------------------------------------------------- problems

    def problem(self, offset: int, code: ProblemCode, message: str, hint: str | None) -> None:
        """Note a problem, once for each place; those inside stored functions are not the query's."""
        if self.recording:
            self.problems.append(BinderProblem(offset, code, message, hint))

    def unknown_column(self, name: tree.Name) -> None:
        """Note a name that is not a column here."""
        hint = nearest(name.value, self.row.columns)
        self.problem(name.start, "unknown-column", f"there is no column {name.value} here", hint)

    def value_text(self, node: tree.Expr) -> str | None:
        """Return the value of a string literal, seen through a scalar `let` or parameter; None if it is not one."""
        text = self.text
        for _ in range(20):
            if isinstance(node, tree.Literal):
                return string_value(text[node.start : node.end]) if node.type == "string" else None
            bound = self.names.get(node.value) if isinstance(node, tree.Name) else None
            if not isinstance(bound, Scalar) or bound.value is None:
                return None
            node, text = bound.value, bound.text
        return None

    def parameter_text(self, parameters: Iterable[tree.Parameter], name: str) -> str | None:
        """Return the value of an operator's parameter as text, `kind=leftouter` -> `leftouter`."""
        for parameter in parameters:
            if parameter.name == name:
                value = parameter.value
                if isinstance(value, tree.Name):
                    return value.value
                if isinstance(value, tree.Literal) and value.type == "string":
                    return string_value(self.text[value.start : value.end])
                return self.text[value.start : value.end]
        return None
