"""Large arguments of macros that name them several times, bound to a name before the macro sees them.

DuckDB puts an argument into a macro's body as often as the body names it. It computes such repetitions once, but plans
each: of macros inside macros inside macros a short expression becomes thousands, and planning takes longer than
reading the files. `f(large)` becomes `list_extract(list_transform([large], lambda x: f(x)), 1)`: 50 ns a row more.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from fpctl.compiler.library import MACROS
from fpctl.compiler.sql import Cast, Column, Func, Lambda, List, Number, Query, Real, Sql, Text, Word, func

FEW_CALLS = 4
"""Calls of macros that a query may have before it is looked at."""
_LARGE = 300
"""Parts of an expression from which on repeating it costs more than binding it."""
BOUND = "fpctl_bound"


def bound_once(query: Query) -> Query:
    """Return a query in which no macro repeats a large argument."""
    found: Query = _Binder().bound(query)[0]
    return found


class _Binder:
    def __init__(self) -> None:
        # A node is kept beside what became of it: as long as it lives, its id is its own.
        self._known: dict[int, tuple[object, Any, int]] = {}

    def bound(self, node: Any) -> tuple[Any, int]:
        """Return a node with bound arguments, and how many parts it has once DuckDB has put the macros' bodies in."""
        known = self._known.get(id(node))
        if known is None:
            known = (node, *self._made(node))
            self._known[id(node)] = known
        return known[1], known[2]

    def _made(self, node: Any) -> tuple[Any, int]:
        if isinstance(node, tuple):
            parts = [self.bound(one) for one in node]
            same = all(new is old for (new, _), old in zip(parts, node, strict=True))
            return node if same else tuple(new for new, _ in parts), sum(size for _, size in parts)
        if not is_dataclass(node):
            return node, 0
        if isinstance(node, Func) and node.name in MACROS and len(node.args) == len(_parameters(node.name)):
            return self._called(node)
        values = [getattr(node, one.name) for one in fields(node)]
        made = [self.bound(value) for value in values]
        same = all(new is old for (new, _), old in zip(made, values, strict=True))
        size = 1 + sum(size for _, size in made)
        kind: Any = type(node)
        return node if same else kind(*(new for new, _ in made)), size

    def _called(self, node: Func) -> tuple[Sql, int]:
        made = [self.bound(arg) for arg in node.args]
        weights = _parameters(node.name)
        args = [new for new, _ in made]
        size = _length(node.name) + sum(weight * own for weight, (_, own) in zip(weights, made, strict=True))
        costs = [(weight - 1) * own for weight, (_, own) in zip(weights, made, strict=True)]
        at = max(range(len(args)), key=costs.__getitem__, default=0)
        others = [one for place, one in enumerate(args) if place != at]
        if not args or costs[at] < _LARGE or not all(map(_is_plain, others)):
            return func(node.name, *args), size
        body = func(node.name, *(Column(BOUND) if place == at else one for place, one in enumerate(args)))
        listed = func("list_transform", List((args[at],)), Lambda((BOUND,), body))
        return func("list_extract", listed, Number(1)), _length(node.name) + made[at][1] + 4


def _is_plain(sql: Sql) -> bool:
    """Return whether an argument may be used inside a lambda: no query and no aggregate does."""
    return isinstance(sql, Column | Number | Text | Real | Word) or (isinstance(sql, Cast) and _is_plain(sql.operand))


@lru_cache(maxsize=1024)
def _parameters(name: str) -> tuple[int, ...]:
    """Return how often a macro's body, with the bodies of the macros that it calls, names each of its parameters."""
    parameters, body = MACROS[name]
    return tuple(_times(one.strip(), body) for one in parameters.split(",") if one.strip())


def _times(parameter: str, body: str) -> int:
    found = len(re.findall(rf"\b{parameter}\b", body))
    for inner, given in re.findall(r"\b(kql_\w+)\(([^()]*)\)", body):
        if inner in MACROS and given.strip() == parameter and len(_parameters(inner)) == 1:
            found += _parameters(inner)[0] - 1
    return found


@lru_cache(maxsize=1024)
def _length(name: str) -> int:
    """Return roughly how many parts a macro's body has."""
    body = MACROS[name][1]
    inner = sum(_length(one) for one in re.findall(r"\b(kql_\w+)\(", body) if one in MACROS)
    return len(re.findall(r"\w+", body)) + inner
