"""The parts of a predicate: tests of one operand, and their conjunctions and disjunctions.

Every test is true or false, never null, whatever the row holds; `render` sees to that. Texts and
patterns are values here, not KQL: they become literals when rendered. Operands are KQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple, TypeAlias


class In(NamedTuple):
    """The operand equals one of the values, all ASCII or none, ignoring case. Made by `is_in`."""

    operand: str
    values: tuple[str, ...]


class Numbers(NamedTuple):
    """The numeric operand equals one of the values."""

    operand: str
    values: tuple[int, ...]


class Affix(NamedTuple):
    """The operand starts with, ends with or contains the value, ignoring case."""

    operand: str
    kind: Literal["startswith", "endswith", "contains"]
    value: str


class Lacks(NamedTuple):
    """The operand does not contain the value, in any case of its letters unless `exact`."""

    operand: str
    value: str
    exact: bool = False

    @property
    def operator(self) -> str:
        """The operator that finds the value, in KQL."""
        return "contains_cs" if self.exact else "contains"


class Site(NamedTuple):
    """A host, or a page below one, as a pattern of URLs has it.

    `path` is empty or begins with `/`; `subdomains` says that hosts below the host count too, `bare`
    that the operand holds hosts and no URLs.
    """

    host: str
    port: str
    path: str
    subdomains: bool
    bare: bool = False


class Regex(NamedTuple):
    """The operand matches the pattern, in the syntax that Rust's regex and RE2 share.

    `sites` is what the pattern says, where it is a list of hosts or pages; `address` is the IPv6 address of which
    it says every spelling, in full.
    """

    operand: str
    pattern: str
    sites: tuple[Site, ...] = ()
    address: str = ""


class NullSafe(NamedTuple):
    """A boolean KQL expression that may be null, which then counts as false."""

    expression: str


class Period(NamedTuple):
    """The time column lies in [since, until); either may be open. False where the time is null."""

    column: str
    since: date | None
    until: date | None


class BeforeDate(NamedTuple):
    """The time column lies before `first`, or `later` holds; `later` is what is left of a list after that day."""

    column: str
    first: date
    later: Term


class InSubquery(NamedTuple):
    """The operand equals, ignoring the case of ASCII letters, a value of a query with one column."""

    operand: str
    query: str


class AllOf(NamedTuple):
    """Every term is true."""

    terms: tuple[Term, ...]


class AnyOf(NamedTuple):
    """At least one term is true."""

    terms: tuple[Term, ...]


Test: TypeAlias = In | Numbers | Affix | Lacks | Regex | NullSafe | Period | BeforeDate | InSubquery
Term: TypeAlias = Test | AllOf | AnyOf


def is_in(operand: str, values: Iterable[str]) -> Term:
    """Return the test that the operand is one of at least one value, in order, ignoring case.

    KQL's own operators ignore the case of ASCII letters only; other texts are compared in lower case.
    """
    given = tuple(values)
    plain = tuple(value for value in given if value.isascii())
    other = tuple(value for value in given if not value.isascii())
    return any_of([In(operand, part) for part in (plain, other) if part])


def all_of(terms: Iterable[Term]) -> Term:
    """Return the conjunction of at least one term, flat."""
    flat: list[Term] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, AllOf) else [term])
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else AllOf(unique)


def any_of(terms: Iterable[Term]) -> Term:
    """Return the disjunction of at least one term, flat."""
    flat: list[Term] = []
    for term in terms:
        flat.extend(term.terms if isinstance(term, AnyOf) else [term])
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else AnyOf(unique)
