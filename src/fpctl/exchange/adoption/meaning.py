"""A comparison of a column as values of a field: only where a field can say it, and with what it says besides.

A field's value often says a little more or less than a comparison: `!= "build01"` spares the host of that
very name, `device: build01` also its full names. Each such difference is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fpctl.exchange.adoption.logic import Fact
from fpctl.exchange.loss import LossKind
from fpctl.exclusions.values import check_value
from fpctl.kql import tree
from fpctl.kql.lexer import scan
from fpctl.kql.literals import string_value
from fpctl.kql.tokens import END, STRING

Difference = tuple[LossKind, str]


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
_AFFIX = {"startswith": "{}*", "endswith": "*{}", "contains": "*{}*"}
_RANGES = frozenset(("ipv4_is_in_range", "ipv4_is_in_any_range", "ipv6_is_in_range", "ipv6_is_in_any_range"))

CASE: Difference = ("wider", "case no longer counts")
FULL_NAMES: Difference = ("wider", "a short name also matches its full names (build01 and build01.contoso.com)")
SUBDOMAINS: Difference = ("wider", "a domain also matches its subdomains")
WHOLE_HOST: Difference = (
    "narrower",
    "the domain must be the host or its end; the same text elsewhere no longer counts",
)
BELOW: Difference = ("wider", "a path also matches everything below it")
FOLDER: Difference = ("wider", "a path also matches the folder itself")


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
    field, role = holder
    plain = op.removesuffix("_cs")
    # What stands for itself in a comparison would be a wildcard in a field.
    if any("*" in value for value in values):
        return None
    if op in _EQUAL:
        return _equal(field, role, values)
    if field == "ip" and op == "range":
        return FieldMeaning(field, values, ())
    if field == "url":
        return _url(plain, values)
    if field == "path" and plain == "startswith":
        whole = [value for value in values if _below(value).endswith("**")]
        return FieldMeaning(
            field, tuple(_below(value) for value in values), (FOLDER,) if len(whole) < len(values) else ()
        )
    if field == "command_line" and plain == "contains":
        return FieldMeaning(field, values, ())
    if field in ("process", "parent_process"):
        if role != "file-name":
            tails = [re.fullmatch(r"\\([^\\/]+)", value) for value in values]
            if plain == "endswith" and all(tails):
                return FieldMeaning(field, tuple(tail[1] for tail in tails if tail), ())
            return None
        return FieldMeaning(field, tuple(_AFFIX[plain].format(v) for v in values), ()) if plain in _AFFIX else None
    # A pattern without a dot is compared with the short name: only its beginning is that of the full name too.
    dotted = plain in _AFFIX and all("." in value for value in values)
    if field == "device" and role == "host-name" and (plain == "startswith" or dotted):
        return FieldMeaning(field, tuple(_AFFIX[plain].format(v) for v in values), ())
    return None


def _equal(field: str, role: str, values: tuple[str, ...]) -> FieldMeaning | None:
    differences: list[Difference] = []
    if field in ("process", "parent_process") and role != "file-name":
        return None
    if field == "command_line" or role == "account-domain":
        return None
    if field == "device" and role == "host-name" and any("." not in value for value in values):
        differences.append(FULL_NAMES)
    if field == "url":
        if any("/" in value for value in values):
            differences.append(BELOW)
        if any("/" not in value for value in values):
            differences.append(SUBDOMAINS)
    if field == "path":
        differences.append(BELOW)
    return FieldMeaning(field, values, tuple(differences))


def _url(op: str, values: tuple[str, ...]) -> FieldMeaning | None:
    if any("/" in value or ":" in value for value in values):
        return None
    if op in ("has", "contains"):
        return FieldMeaning("url", values, (WHOLE_HOST,))
    if op == "endswith":
        return FieldMeaning("url", tuple(value.removeprefix(".") for value in values), (SUBDOMAINS, WHOLE_HOST))
    return None


def _below(value: str) -> str:
    stem = value.rstrip("\\/")
    return stem if stem != value else f"{value}**"
