"""A comparison of a column as values of a field: only where a field can say it, and with what it says besides.

A field's value often says a little more or less than a comparison: `!= "build01"` spares the host of that
very name, `device: build01` also its full names. Each such difference is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fpctl.exchange.adoption.logic import Fact
from fpctl.fields.field import Difference
from fpctl.fields.registry import FIELDS, check_value
from fpctl.kql import tree
from fpctl.kql.lexer import scan
from fpctl.kql.literals import string_value
from fpctl.kql.tokens import END, STRING


class Holder(NamedTuple):
    """A field that a column holds, and the role it has there."""

    field: str
    role: str


class FieldMeaning(NamedTuple):
    """Values of a field, and how they differ from the comparison."""

    field: str
    values: tuple[str, ...]
    differences: tuple[Difference, ...]


Holders = Callable[[str], Sequence[Holder]]
"""Returns the fields that a visible column holds untouched."""

_EQUAL = frozenset(("==", "=~", "in", "in~"))
_CASED = frozenset(("==", "in", "contains_cs", "startswith_cs", "endswith_cs", "has_cs"))
_FOLDED = frozenset(("tolower", "toupper", "tostring", "trim"))
_RANGES = frozenset(("ipv4_is_in_range", "ipv4_is_in_any_range", "ipv6_is_in_range", "ipv6_is_in_any_range"))

CASE: Difference = ("wider", "case no longer counts")


def column_of(fact: Fact) -> str | None:
    """Return the column that a fact is about: `X`, or `tolower(X)` and the like."""
    left = fact.left
    if isinstance(fact.node, tree.Call) and fact.node.name.value in _RANGES and fact.node.args:
        left = fact.node.args[0]
    while isinstance(left, tree.Group) or (
        isinstance(left, tree.Call) and left.name.value.lower() in _FOLDED - {"trim"} and len(left.args) == 1
    ):
        left = left.inner if isinstance(left, tree.Group) else left.args[0]
    return left.value if isinstance(left, tree.Name) else None


def said(fact: Fact, text: str, lists: Mapping[str, tuple[str, ...]], holders: Holders) -> FieldMeaning | None:
    """Return the values that say a fact, or None if no field can.

    Args:
        fact: one that holds.
        text: the query.
        lists: by name, the values of each `let` that is a list of texts.
        holders: the fields that a column holds.
    """
    column = column_of(fact)
    if column is None or not fact.holds:
        return None
    op, items = fact.op, fact.right
    if isinstance(fact.node, tree.Call):
        op, items = "range", fact.node.args[1:]
    values = _values(items, text, lists)
    if not values:
        return None
    for holder in holders(column):
        found = _say(holder, op, values)
        if found is not None and all(check_value(holder.field, value) is None for value in found.values):
            if op in _CASED and any(value.lower() != value.upper() for value in found.values):
                found = found._replace(differences=(*found.differences, CASE))
            return found
    return None


def _values(items: Sequence[tree.Expr], text: str, lists: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    found: list[str] = []
    for item in items:
        while isinstance(item, tree.Group):
            item = item.inner
        if isinstance(item, tree.Literal) and item.type == "string":
            found.append(string_value(text[item.start : item.end]))
        elif isinstance(item, tree.Literal) and item.type in ("long", "int"):
            found.append(text[item.start : item.end])
        elif isinstance(item, tree.Literal) and item.type == "dynamic":
            listed = list_of(text[item.start : item.end])
            if listed is None:
                return None
            found += listed
        elif isinstance(item, tree.Name) and item.value in lists:
            found += lists[item.value]
        else:
            return None
    return tuple(dict.fromkeys(found))


def list_of(literal: str) -> tuple[str, ...] | None:
    """Return the texts of a `dynamic([...])` literal, None if it holds anything else."""
    inner = re.fullmatch(r"dynamic\s*\(\s*\[(.*)\]\s*\)\s*", literal, re.DOTALL)
    if inner is None:
        return None
    tokens = scan(inner[1])
    kinds = [kind for kind in tokens.kinds if kind != END]
    values = kinds[::2]
    if not values or any(kind != STRING for kind in values) or any(kind != "," for kind in kinds[1::2]):
        return None
    return tuple(string_value(text) for text, kind in zip(tokens.texts, tokens.kinds, strict=True) if kind == STRING)


def _say(holder: Holder, op: str, values: tuple[str, ...]) -> FieldMeaning | None:
    # What stands for itself in a comparison would be a wildcard in a field.
    if any("*" in value for value in values):
        return None
    operator = "==" if op in _EQUAL else op.removesuffix("_cs")
    found = FIELDS[holder.field].adopted(operator, holder.role, values)
    return FieldMeaning(holder.field, found.values, found.differences) if found is not None else None
