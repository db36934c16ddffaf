"""Keys: string expressions of a row that equal a listed value exactly when a test holds."""

from __future__ import annotations

from typing import NamedTuple

from fpctl.fields.matching.term import Lacks, Regex, Site, Term, all_of
from fpctl.kql.literals import string_literal

SEPARATOR = "|"
"""Stands between the values of several keys written as one; no listed value contains it."""

_SCHEME = string_literal("^[a-z][a-z0-9+.-]*://")
# Each label after a dot may be empty here, which RE2 reads in one pass; `check` refuses two dots in a row.
_HOST = "^([a-z0-9_-]+(?:[.][a-z0-9_-]*)*)"
_URL_HOST = string_literal(_HOST + "(?::[0-9]*)?(?:[/?#]|$)")
_BARE_HOST = string_literal(_HOST + "(?::[0-9]*)?$")


class Key(NamedTuple):
    """One key.

    Attributes:
        rank: the cheaper a key is to compute, the lower; keys of a shape are tested in this order.
        text: the string expression.
        check: what must hold besides, for the equality to mean what the test means.
    """

    rank: int
    text: str
    check: Term | None = None

    def lowered(self) -> str:
        """Return the key in lower case, as KQL."""
        return self.text if self.rank >= _SITE_RANK else f"tolower({self.text})"


_SITE_RANK = 3


def equal(operand: str) -> Key:
    """Return the key of an operand that is compared as it is."""
    return Key(0 if operand.isidentifier() else 1, operand)


def first_label(operand: str) -> Key:
    """Return the key of what is before an operand's first dot."""
    return equal(f'extract("^[^.]+", 0, {operand})')


def number(operand: str) -> Key:
    """Return the key of a number."""
    return Key(1, f"tostring({operand})")


def address(operand: str) -> Key:
    """Return the key of an IPv6 address, which has many spellings: the one in full, of nothing but an address."""
    return Key(_SITE_RANK, f"tolower(parse_ipv6({operand}))", Regex(operand, _ADDRESS))


_ADDRESS = "(?i)^(?:[0-9a-f]|::)[0-9a-f:]*$"
"""What a column of IPv6 addresses holds: `parse_ipv6` also reads prefixes, zones, ports and a colon in front."""


def site(operand: str, of: Site) -> tuple[Key, str] | None:
    """Return the key of a host or page in URLs, and the value that it must have; None where there is no such key.

    The host is read as `predicate.url` reads it: nothing but a scheme and plain labels before it, and
    after it at most a dot, a port and the end or `/`, `?`, `#`.
    """
    labels = of.host.split(".")
    plain = of.host.isascii() and all(label and _plain(label) for label in labels)
    if not plain or of.port or not of.path.isascii() or SEPARATOR in of.path or "*" in of.path:
        return None
    lowered = f"tolower({operand})"
    bare = lowered if of.bare else f'replace_regex({lowered}, {_SCHEME}, "")'
    if of.path:
        parts = of.path.count("/")
        pattern = f"(?s)^([a-z0-9_.-]*[a-z0-9_-])[.]?(?::[0-9]*)?((?:/[^/?#]*){{{parts}}})(?:[/?#].*)?$"
        text = f"replace_regex({bare}, {string_literal(pattern)}, {string_literal(_GROUPS)})"
        return Key(_SITE_RANK + 1, text, _plain_case(operand)), of.host + of.path.lower()
    host = f"extract({_BARE_HOST if of.bare else _URL_HOST}, 1, {bare})"
    check = all_of([Lacks(host, ".."), _plain_case(operand)])
    if not of.subdomains:
        return Key(_SITE_RANK, f'trim_end("[.]", {host})', check), of.host
    if len(labels) < 2:
        return None
    last = string_literal(f"((?:[^.]+[.]){{{len(labels) - 1}}}[^.]+)[.]?$")
    return Key(_SITE_RANK, f"extract({last}, 1, {host})", check), of.host


_GROUPS = "\\1\\2"
_KELVIN = "\u212a"
"""The one character beside the capitals of ASCII that `tolower` makes an ASCII letter of: k."""


def _plain_case(operand: str) -> Term:
    """Return the test that a text in lower case differs from what it was in the case of ASCII letters only."""
    return Lacks(operand, _KELVIN, exact=True)


def _plain(label: str) -> bool:
    return all(character.isalnum() or character in "_-" for character in label)
