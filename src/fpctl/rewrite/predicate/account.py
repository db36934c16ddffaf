"""Accounts: names, domain and name, user principal names, SIDs, object ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from fpctl.rewrite.predicate.match import BoundColumn, Matcher
from fpctl.rewrite.predicate.name import sorted_ignoring_case
from fpctl.rewrite.predicate.term import Affix, Term, all_of, among, any_of

_SID = re.compile(r"S-1-\d+(?:-\d+)+", re.IGNORECASE)
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)

Kind = Literal["name", "domain-name", "upn", "sid", "id"]

_ROLES: dict[Kind, frozenset[str]] = {
    "name": frozenset({"account", "account-name"}),
    "domain-name": frozenset({"account", "account-name", "account-domain"}),
    "upn": frozenset({"account", "account-upn"}),
    "sid": frozenset({"account", "account-sid"}),
    "id": frozenset({"account", "account-id"}),
}


class Account(NamedTuple):
    """An account value. `domain` is set for `DOMAIN\\name` only."""

    text: str
    kind: Kind
    domain: str = ""


class AccountMatcher(Matcher[Account]):
    """The form of the value says what it is compared with."""

    def parse(self, value: str) -> Account:
        if _SID.fullmatch(value):
            return Account(value, "sid")
        if _GUID.fullmatch(value):
            return Account(value.lower(), "id")
        if "\\" in value:
            domain, _, name = value.partition("\\")
            return Account(name, "domain-name", domain)
        if "@" in value:
            return Account(value, "upn")
        return Account(value, "name")

    def roles(self, value: Account) -> frozenset[str]:
        return _ROLES[value.kind]

    def fits(self, value: Account, column: BoundColumn, columns: Sequence[BoundColumn]) -> bool:
        if column.role == "account-domain":
            return False  # only beside a name
        if column.role == "account-name" and value.domain:
            return any(other.role == "account-domain" for other in columns)
        return column.role in self.roles(value)

    def test(self, values: Sequence[Account], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        if column.role == "account-name":
            return any_of(_names(operand, values, columns))
        written = [f"{v.domain}\\{v.text}" if v.domain else v.text for v in values]
        terms: list[Term] = [among(operand, sorted_ignoring_case(written))]
        if column.role == "account":
            names = sorted_ignoring_case([v.text for v in values if v.kind == "name"])
            terms += [Affix(operand, "endswith", f"\\{name}") for name in names]
        return any_of(terms)


def _names(operand: str, values: Sequence[Account], columns: Sequence[BoundColumn]) -> list[Term]:
    terms: list[Term] = []
    bare = sorted_ignoring_case([v.text for v in values if not v.domain])
    if bare:
        terms.append(among(operand, bare))
    qualified: dict[str, list[str]] = {}
    for value in values:
        if value.domain:
            qualified.setdefault(value.domain.lower(), []).append(value.text)
    for domain, names in sorted(qualified.items()):
        column = next(c.string() for c in columns if c.role == "account-domain")
        terms.append(all_of([among(operand, sorted_ignoring_case(names)), among(column, [domain])]))
    return terms
