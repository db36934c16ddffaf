"""What a query's text is evaluated in: tables, names, the row, the group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fpctl.kql import tree
from reference.values import Value, null_of

Row = dict[str, Value]


@dataclass
class Table:
    """Columns with their types, in order, and rows."""

    columns: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    name: str = ""

    def blank(self) -> Row:
        return {name: null_of(kind) for name, kind in self.columns.items()}


@dataclass(frozen=True)
class Routine:
    """A function of the query: its text, and the names around it."""

    function: tree.Function
    scope: Scope


@dataclass(frozen=True)
class Several:
    """What gives several columns: `arg_max`, `percentiles`, `array_sort_asc` of two arrays, `series_stats`."""

    columns: tuple[tuple[str, Value], ...]
    prefix: str = ""


class Scope:
    """Names of `let` and parameters, and those around them."""

    def __init__(self, parent: Scope | None = None, names: Mapping[str, Any] | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Any] = dict(names or {})

    def find(self, name: str) -> Any:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None


@dataclass
class Place:
    """Where an expression is evaluated."""

    scope: Scope
    row: Row | None = None
    group: list[Row] | None = None
    """The rows of the group, where aggregates may stand."""
    blank: Row | None = None
    """A row of nulls with the group's types."""
    rows: list[Row] | None = None
    """All rows of the table, in order, for `prev` and its like; with the place of the row among them."""
    at: int = 0
    steps: Mapping[str, Row] | None = None
    """Rows by step of `scan`."""

    def with_row(self, row: Row, at: int = 0) -> Place:
        return Place(self.scope, row, self.group, self.blank, self.rows, at, self.steps)


Evaluate = Callable[[tree.Expr, Place], Value]
