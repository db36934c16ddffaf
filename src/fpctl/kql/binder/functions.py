"""What the built-in functions return, and what their results are called.

The facts are data (`data/functions.json`, made by `scripts/generate_functions.js` from Microsoft's
language service): per function a rule for the type, and one for the name of an unnamed result.

Type rules: a type; `@0`, `@1` (that argument's type); `[@0]` (an array of it); `promoted` (the
first argument's type, int as long); `widest`, `common`, `choice` (what the arguments have in
common; `choice` looks at the values of iff and case only); `typeof X` (the type that the last
argument names, else X); `bin`, `by NAME` (looked up by the arguments' types); `tuple` (several
columns); `special` (handled where the function is).

Name rules, with `*` for the name of the first argument: `*`, `prefix_*`; `*only` (if there is one
argument); `*column` (the column it names); else a fixed name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fpctl.kql.binder.scalar import UNKNOWN, array_of, common, parse_type, promoted, widest


@dataclass(frozen=True, slots=True)
class FunctionFacts:
    """A built-in function: its type rule, and the rule for the name of its result (empty: none)."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Builtins:
    """All built-in functions of the language, and the types of arithmetic."""

    functions: Mapping[str, FunctionFacts]
    aggregates: Mapping[str, FunctionFacts]
    tuples: Mapping[str, tuple[tuple[str, str], ...]]
    arithmetic: Mapping[str, Mapping[str, Mapping[str, str]]]
    by_arguments: Mapping[str, Mapping[str, Mapping[str, str]]]
    by_argument: Mapping[str, Mapping[str, str]]
    plugins: frozenset[str]


@cache
def builtins() -> Builtins:
    """Return the facts, read on first use."""
    data = json.loads(files(__package__).joinpath("data/functions.json").read_text(encoding="utf-8"))

    def facts(table: dict[str, list[str]]) -> dict[str, FunctionFacts]:
        return {
            name: FunctionFacts(parse_type(rule[0]), rule[1] if len(rule) > 1 else "") for name, rule in table.items()
        }

    return Builtins(
        functions=facts(data["functions"]),
        aggregates=facts(data["aggregates"]),
        tuples={
            name: tuple((column, parse_type(type_)) for column, type_ in columns)
            for name, columns in data["tuples"].items()
        },
        arithmetic=data["arithmetic"],
        by_arguments=data["by_arguments"],
        by_argument=data["by_argument"],
        plugins=frozenset(data["plugins"]),
    )


def return_type(facts: FunctionFacts, types: Sequence[str], named_type: str | None) -> str:
    """Return the type of a call from its arguments' types.

    Args:
        facts: the function's.
        types: of the arguments, in order.
        named_type: what the last argument names, where it is `typeof(...)`.
    """
    rule = facts.type
    if rule in _RULES:
        return _RULES[rule](types)
    if rule.startswith("by "):
        return builtins().by_argument[rule[3:]].get(types[0], UNKNOWN) if types else UNKNOWN
    if rule.startswith("typeof"):
        return named_type or parse_type(rule[7:] or UNKNOWN)
    return rule


def arithmetic_type(op: str, left: str, right: str) -> str:
    """Return the type of `left op right` for `+ - * / %`."""
    return builtins().arithmetic[op].get(left, {}).get(right, UNKNOWN)


def range_type(low: str, high: str, step: str) -> str:
    """Return the type of the column that `range x from low to high step step` makes."""
    ends = common((low, high))
    return "int" if ends == step == "int" else arithmetic_type("+", ends, step)


def _argument(index: int, types: Sequence[str]) -> str:
    return types[index] if index < len(types) else UNKNOWN


def _bin(types: Sequence[str]) -> str:
    if len(types) < 2:
        return UNKNOWN
    return builtins().by_arguments["bin"].get(types[0], {}).get(types[1], UNKNOWN)


def _choice(types: Sequence[str]) -> str:
    # case(p, v, p, v, else) and iff(p, v, else): predicates are at even places, but for the last.
    values = [type_ for at, type_ in enumerate(types) if at % 2 or at == len(types) - 1]
    plain = [type_ for type_ in values if type_ != "dynamic"]
    return common(plain or values, mixed=True)


_RULES = {
    "@0": lambda types: _argument(0, types),
    "@1": lambda types: _argument(1, types),
    "[@0]": lambda types: array_of(_argument(0, types)),
    "promoted": lambda types: promoted(_argument(0, types)),
    "widest": widest,
    "common": common,
    "choice": _choice,
    "bin": _bin,
}
