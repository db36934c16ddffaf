"""Accounts: names, domain and name, user principal names, SIDs, object ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from fpctl.fields.definitions.device import ID
from fpctl.fields.field import (
    Attack,
    BoundColumn,
    Field,
    FieldTest,
    Key,
    StandIn,
    ValueProblem,
    compared,
    no_wildcard,
)
from fpctl.fields.matching.containment import folded
from fpctl.fields.matching.term import Affix, Term, all_of, any_of, is_in
from fpctl.fields.matching.wildcard import sorted_ignoring_case

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


class AccountField(Field[Account]):
    """The form of the value says what it is compared with.

    `name` in columns of names, also after `DOMAIN\\`; `DOMAIN\\name` where domain and name are both known;
    `user@domain`, SIDs and GUIDs in columns of these.
    """

    name = "account"
    help = "Account: name, DOMAIN\\name, user@domain, SID or id."
    question = "Which accounts? (name, DOMAIN\\name, user@domain, SID or id)"
    meaning = "the account that acts; in mail tables, the owner of the mailbox"
    matches = "a name, `DOMAIN\\name`, `user@domain`, a SID or an object id"
    synonyms = ("user", "username", "upn")
    # account-name: the bare name; account-domain, beside it, its domain. account-upn: user@domain. account-sid: S-1-...
    # account-id: the GUID of a user or service principal. account: any of these forms, also DOMAIN\\name.
    roles = ("account", "account-name", "account-domain", "account-upn", "account-sid", "account-id")
    telling = ("account-upn", "account-name", "account")
    assumed = (("AccountName", "account-name"), ("AccountUpn", "account-upn"), ("Account", "account-name"))
    test_rank = 50
    tell_rank = 50
    anchors = semicolon = True
    ecs = ("user.name", "user.email", "user.id")
    sigma_read = (
        ("user", "user.name"),
        ("targetusername", "user.name"),
        ("subjectusername", "user.name"),
    )
    sigma_written = (
        ("user.name", "User"),
        ("user.email", "User"),
    )
    watchlist = ("user principal name", "user on-prem sid", "user aad object id")
    instead = "name the accounts"

    def check(self, value: str) -> ValueProblem | None:
        domain, backslash, name = value.partition("\\")
        if backslash and (not domain or not name or "\\" in name):
            return ValueProblem(f"`{value}` is not DOMAIN\\name", "write CONTOSO\\svc-backup or svc-backup")
        if "@" in value and not backslash and not all(value.rpartition("@")[::2]):
            return ValueProblem(f"`{value}` is not user@domain", "write svc-backup@contoso.com or svc-backup")
        return no_wildcard(value)

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

    def roles_of(self, value: Account) -> frozenset[str]:
        return _ROLES[value.kind]

    def fits(self, value: Account, column: BoundColumn, columns: Sequence[BoundColumn]) -> bool:
        if column.role == "account-domain":
            return False  # only beside a name
        if column.role == "account-name" and value.domain:
            return any(other.role == "account-domain" for other in columns)
        return column.role in self.roles_of(value)

    def test(self, values: Sequence[Account], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        if column.role == "account-name":
            return any_of(_names(operand, values, columns))
        written = [f"{v.domain}\\{v.text}" if v.domain else v.text for v in values]
        terms: list[Term] = [is_in(operand, sorted_ignoring_case(written))]
        if column.role == "account":
            names = sorted_ignoring_case([v.text for v in values if v.kind == "name"])
            terms += [Affix(operand, "endswith", f"\\{name}") for name in names]
        return any_of(terms)

    def names(self, pattern: str, value: str) -> bool:
        if "\\" in pattern and "\\" in value:
            return pattern == value
        return pattern.rpartition("\\")[2] == value.rpartition("\\")[2]

    def key(self, parsed: Account) -> Key:
        """`(kind, name, domain)`."""
        return (parsed.kind, folded(parsed.text), folded(parsed.domain))

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        if key[0] == "domain-name":
            yield ("name", key[1], "")

    def shaped(self, role: str, value: str) -> str:
        if role == "account-domain":
            return value.rpartition("\\")[0]
        return value.rpartition("\\")[2] if role == "account-name" else value

    def attacks(self, value: str) -> Iterator[Attack]:
        if "@" not in value:
            name = value.rpartition("\\")[2]
            advice = "write DOMAIN\\name or user@domain"
            yield Attack("the same account name in another domain", {"account": f"EVIL\\{name}"}, advice=advice)
        yield Attack("another account", {"account": "attacker"}, advice="name the account")

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        ids = [value for value in values if _SID.fullmatch(value) or ID.fullmatch(value.lower())]
        mails = [value for value in values if "@" in value]
        names = [value for value in values if value not in ids and value not in mails]
        return [
            *compared("user.id", "==", ids),
            *compared("user.email", "==", mails),
            *compared("user.name", "==", names),
        ]

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        return StandIn(values) if operator == "==" and role != "account-domain" else None


def _names(operand: str, values: Sequence[Account], columns: Sequence[BoundColumn]) -> list[Term]:
    terms: list[Term] = []
    bare = sorted_ignoring_case([v.text for v in values if not v.domain])
    if bare:
        terms.append(is_in(operand, bare))
    qualified: dict[str, list[str]] = {}
    for value in values:
        if value.domain:
            qualified.setdefault(value.domain.lower(), []).append(value.text)
    for domain, names in sorted(qualified.items()):
        column = next(c.string() for c in columns if c.role == "account-domain")
        terms.append(all_of([is_in(operand, sorted_ignoring_case(names)), is_in(column, [domain])]))
    return terms


FIELD = AccountField()
