"""Values as people write them: parsed, checked, and put to the test against a column's role."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from fpctl.exclusions.values import ValueProblem
from fpctl.exclusions.values import check_value as check_authored
from fpctl.rewrite.predicate.term import Term

V = TypeVar("V")

FEW = 8
"""Up to so many values get a readable test each; more share one look-up in a list."""


class BoundColumn(NamedTuple):
    """A column that holds a field, as visible at an insertion point.

    Attributes:
        text: the KQL expression to test: bracketed where its name needs it, a member of a dynamic
            column read out and made a string.
        type: the Kusto type of `text`, or `unknown`.
        role: what it holds, one of `schema.fields.ROLES`.
    """

    text: str
    type: str
    role: str

    def string(self) -> str:
        """Return the column as a string expression; a string is never null."""
        return self.text if self.type == "string" else f"tostring({self.text})"


class Matcher(ABC, Generic[V]):
    """How the values of one field are read and tested."""

    @abstractmethod
    def parse(self, value: str) -> V:
        """Return a value that `catalog.values` accepts in its parsed form."""

    @abstractmethod
    def roles(self, value: V) -> frozenset[str]:
        """Return the roles of columns that can hold such a value."""

    def fits(self, value: V, column: BoundColumn, columns: Sequence[BoundColumn]) -> bool:
        """Return whether a column can be tested for a value; `columns` are all columns bound to the field."""
        return column.role in self.roles(value)

    @abstractmethod
    def test(self, values: Sequence[V], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        """Return the test that a column holds one of at least one value, each of which fits it."""


@cache
def matchers() -> Mapping[str, Matcher[Any]]:
    """Return the matcher of each field, in the order in which a predicate tests the fields."""
    from fpctl.rewrite.predicate import account, device, digest, name, network, url

    return {
        "device": device.DeviceMatcher(),
        "hash": digest.HashMatcher(),
        "process": name.FileNameMatcher(),
        "parent_process": name.FileNameMatcher(),
        "account": account.AccountMatcher(),
        "port": network.PortMatcher(),
        "signer": name.SignerMatcher(),
        "ip": network.AddressMatcher(),
        "path": name.PathMatcher(),
        "command_line": name.CommandLineMatcher(),
        "url": url.UrlMatcher(),
    }


def parse_value(field: str, value: str) -> Any | ValueProblem:
    """Return a parsed value of a field, or what is wrong with it."""
    problem = check_value(field, value)
    return matchers()[field].parse(value) if problem is None else problem


def check_value(field: str, value: str) -> ValueProblem | None:
    """Return what is wrong with a value of a field, or None: empty, too wide, malformed. Knows unknown fields, too."""
    if field not in matchers():
        return ValueProblem(f"there is no field {field}", "the fields are " + ", ".join(sorted(matchers())))
    return check_authored(field, value)


def usable_roles(field: str, values: Sequence[str]) -> frozenset[str]:
    """Return the roles of columns that can hold at least one of the values; unreadable values count as none."""
    matcher = matchers()[field]
    found: set[str] = set()
    for value in values:
        parsed = parse_value(field, value)
        if not isinstance(parsed, ValueProblem):
            found |= matcher.roles(parsed)
    return frozenset(found)
