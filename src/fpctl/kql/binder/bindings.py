"""What a name of the query can stand for, other than a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from fpctl.kql import tree
from fpctl.kql.binder.scope import Column, Scope


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
    names: BoundNames


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


class BoundNames:
    """Names in scope. A child sees what its parent held when it was made, not what came later."""

    __slots__ = ("_limit", "_made", "_own", "_parent")

    def __init__(self, parent: BoundNames | None = None) -> None:
        """Start with what the parent, if any, holds now."""
        self._own: dict[str, list[tuple[int, Binding]]] = {}
        self._made = 0
        self._parent = parent
        self._limit = parent._made if parent is not None else 0

    def child(self) -> BoundNames:
        """Return a scope inside this one."""
        return BoundNames(self)

    def get(self, name: str) -> Binding | None:
        """Return what a name stands for, or None."""
        found = self._own.get(name)
        if found is not None:
            return found[-1][1]
        limit, scope = self._limit, self._parent
        while scope is not None:
            for made, binding in reversed(scope._own.get(name, ())):
                if made < limit:
                    return binding
            limit, scope = scope._limit, scope._parent
        return None

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __setitem__(self, name: str, binding: Binding) -> None:
        self._own.setdefault(name, []).append((self._made, binding))
        self._made += 1

    def visible(self) -> dict[str, Binding]:
        """Return everything in scope by name, outermost first."""
        above = self._parent.visible() if self._parent is not None else {}
        names = {name: found for name in above if (found := self.get(name)) is not None}
        return names | {name: found[-1][1] for name, found in self._own.items()}
