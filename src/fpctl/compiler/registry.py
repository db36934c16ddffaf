"""The table of functions: what each takes, what it gives, and how it compiles.

A function is an entry of `SCALARS` or `AGGREGATES`, made by `scalar`, `special` or `aggregate` beside the code that
compiles it. Parameters are written as words:

    string long int real decimal bool datetime timespan guid dynamic   a Kusto type; a value of another type is
                                                                       brought to it where Kusto does so by itself
    number     int, long, real or decimal, as it is
    any        anything, as it is
    =string    a constant: the function receives the Python value
    long?      may be left out: the function receives None
    string*    any number of them, last; `string+` at least one

An entry per shape: of several for one name, the first whose parameters the arguments fit is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fpctl.compiler.sql import Sql
from fpctl.compiler.values.conversions import implicit
from fpctl.compiler.values.value import NUMBERS, Value


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an entry; see the module's text."""

    type: str
    constant: bool = False
    optional: bool = False
    many: bool = False

    def fit(self, value: Value) -> Value | None:
        """Return the argument as the parameter's type, None where it does not fit."""
        if self.constant and not value.is_constant:
            return None
        if self.type == "any":
            return value
        if self.type == "number":
            return value if value.type in NUMBERS else None
        return implicit(value, self.type)


@dataclass(frozen=True, slots=True)
class Overload:
    """One shape of a function. `returns` is a Kusto type or `@N`, the type of an argument."""

    parameters: tuple[Parameter, ...]
    returns: str
    build: Callable[..., Sql]
    nullable: bool = True

    def fit(self, arguments: Sequence[Value]) -> list[Any] | None:
        """Return what `build` is called with, None where the arguments are not of this shape."""
        given: list[Any] = []
        at = 0
        for parameter in self.parameters:
            if parameter.many:
                rest = [parameter.fit(value) for value in arguments[at:]]
                if any(one is None for one in rest) or (not parameter.optional and not rest):
                    return None
                given.extend(one.constant if parameter.constant else one.sql for one in rest if one is not None)
                at = len(arguments)
                continue
            if at >= len(arguments):
                if not parameter.optional:
                    return None
                given.append(None)
                continue
            one = parameter.fit(arguments[at])
            if one is None:
                return None
            given.append(one.constant if parameter.constant else one.sql)
            at += 1
        return given if at == len(arguments) else None

    def value(self, arguments: Sequence[Value], given: list[Any]) -> Value:
        """Return the call as a value."""
        returns = arguments[int(self.returns[1:])].type if self.returns.startswith("@") else self.returns
        return Value(self.build(*given), returns, nullable=self.nullable)


Special = Callable[..., Value]
"""Compiles a call by itself: gets the compiler's `Expressions`, the call and its arguments' nodes."""

SCALARS: dict[str, list[Overload]] = {}
SPECIALS: dict[str, Special] = {}
AGGREGATES: dict[str, Special] = {}
INEXACT: dict[str, str] = {}
"""Functions whose result is an approximation in Kusto too, or differs from run to run: name -> what is said of it."""


def _parameter(word: str) -> Parameter:
    kind = word.strip("=?*+")
    return Parameter(kind, word.startswith("="), word.endswith(("?", "*")), word.endswith(("*", "+")))


def scalar(names: str, *parameters: str, returns: str, nullable: bool = True) -> Callable[[Any], Any]:
    """Add a function that is one SQL expression of its arguments.

    Args:
        names: its name and aliases, with blanks between.
        parameters: words as in the module's text.
        returns: a Kusto type, or `@0` for that of the first argument.
        nullable: False where it is never null.
    """

    def added(build: Any) -> Any:
        overload = Overload(tuple(map(_parameter, parameters)), returns, build, nullable)
        for name in names.split():
            SCALARS.setdefault(name, []).append(overload)
        return build

    return added


def special(names: str) -> Callable[[Any], Any]:
    """Add a function that compiles its call itself: `(expressions, call) -> Value`."""

    def added(build: Any) -> Any:
        for name in names.split():
            SPECIALS[name] = build
        return build

    return added


def aggregate(names: str) -> Callable[[Any], Any]:
    """Add an aggregate: `(expressions, call) -> Value`, or a tuple of values where it gives several columns."""

    def added(build: Any) -> Any:
        for name in names.split():
            AGGREGATES[name] = build
        return build

    return added


TUPLES: dict[str, Callable[..., tuple[Value, ...]]] = {}
"""Scalar functions that give several columns (`array_sort_asc(a, b)`, `series_stats(s)`)."""


def several_values(names: str) -> Callable[[Any], Any]:
    """Add a scalar function of several columns: `(expressions, call) -> tuple of values`."""

    def added(build: Any) -> Any:
        for name in names.split():
            TUPLES[name] = build
        return build

    return added
