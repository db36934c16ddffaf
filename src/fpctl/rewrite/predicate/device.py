"""Devices: short names, full names, ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from fpctl.rewrite.predicate import glob
from fpctl.rewrite.predicate.match import FEW, BoundColumn, Matcher
from fpctl.rewrite.predicate.term import Affix, Regex, Term, among, any_of

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Device(NamedTuple):
    """A device value in lower case. `id` and `short` exclude each other; neither: a full name."""

    text: str
    id: bool
    short: bool


class DeviceMatcher(Matcher[Device]):
    """A name without a dot is a short name, with one a full name; 40 hexadecimal digits or a GUID are an id."""

    def parse(self, value: str) -> Device:
        text = value.lower() if value.isascii() else value
        if _ID.fullmatch(text):
            return Device(text, True, False)
        return Device(text, False, "." not in text)

    def roles(self, value: Device) -> frozenset[str]:
        if value.id:
            return frozenset({"device-id"})
        return frozenset({"host-name", "resource-id"}) if value.short else frozenset({"host-name"})

    def test(self, values: Sequence[Device], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        if column.role == "device-id":
            return among(operand, tuple(sorted({v.text for v in values})))
        plain = sorted({v.text for v in values if not glob.has_wildcard(v.text)})
        patterns = sorted({v.text for v in values if glob.has_wildcard(v.text)})
        if column.role == "resource-id":
            terms: list[Term] = [Affix(operand, "endswith", f"/virtualMachines/{name}") for name in plain]
            terms += [Regex(operand, f"(?i)/virtualMachines/{glob.pattern(p, '[^/]*')}$") for p in patterns]
            return any_of(terms)
        terms = _names(operand, plain)
        terms += [_short_pattern(operand, p) if "." not in p else glob.whole(operand, p) for p in patterns]
        return any_of(terms)


def _names(operand: str, names: list[str]) -> list[Term]:
    short = [name for name in names if "." not in name]
    if not names:
        return []
    if len(short) <= FEW:
        return [among(operand, tuple(names)), *(Affix(operand, "startswith", f"{name}.") for name in short)]
    full = tuple(name for name in names if "." in name)
    first_label = among(f'extract("^[^.]+", 0, {operand})', tuple(short))
    return [among(operand, full), first_label] if full else [first_label]


def _short_pattern(operand: str, text: str) -> Term:
    """Return the test that the operand's first label is the text with its wildcards."""
    if text.count("*") == 1 and text.endswith("*"):
        return Affix(operand, "startswith", text[:-1])
    end = "" if text.endswith("*") else "(?:[.]|$)"
    return Regex(operand, f"(?i)^{glob.pattern(text.rstrip('*'), '[^.]*')}{end}")
