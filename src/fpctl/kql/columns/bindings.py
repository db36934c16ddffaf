"""What a name of the query can stand for, other than a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from fpctl.kql import tree
from fpctl.kql.columns.scope import Column, Scope


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value: a scalar `let`, a parameter. `value` is its expression, in `text`, where it is known."""

    type: str
    value: tree.Expr | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tabular:
    """A table: a tabular `let`, a tabular parameter, the name given by `as`."""

    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Routine:
    """A function: `node` in the query text `text`, and the names that were known where it was declared."""

    name: str
    node: tree.Function
    text: str
    names: Names


@dataclass(frozen=True, slots=True)
class Record:
    """A step of `scan` or an element of a graph pattern: what may follow `name.`."""

    columns: dict[str, Column]
    open: bool = False


class Argument(NamedTuple):
    """An argument of a call: its name if it is named, its scope or type, its expression."""

    name: str | None
    value: Scope | str
    expression: tree.Expr | None


Binding: TypeAlias = Scalar | Tabular | Routine | Record
Names: TypeAlias = dict[str, Binding]
"""Names in scope. A child scope is a copy, so that what a function saw does not change later."""
