"""URLs and domains, anchored at the host so that nothing but the host can match.

The pattern of a host begins at the very start of the text, allows a scheme and then nothing but
labels of plain host characters before the domain, and after it only a dot, a port, and `/`, `?`,
`#` or the end. So user info (`contoso.com@evil.net`), longer hosts (`contoso.com.evil.net`,
`evilcontoso.com`), the domain in a path or query, backslashes, and characters that a browser would
strip or normalise cannot make another host look like this one.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import NamedTuple

from fpctl.rewrite.predicate import glob
from fpctl.rewrite.predicate.match import BoundColumn, Matcher
from fpctl.rewrite.predicate.term import Lacks, Regex, Site, Term, all_of, any_of

_VALUE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*):/{2,})?(?P<host>\[[^\]]*\]|[^/:\[\]]*)(?::(?P<port>[0-9]*))?(?P<path>/.*)?",
    re.IGNORECASE | re.DOTALL,
)
_SCHEME = "(?:[a-z][a-z0-9+.-]*://)?"
_SUBDOMAINS = "(?:[a-z0-9_-]+[.])*"
_PORT = "(?::[0-9]*)?"
_END = "(?:[/?#]|$)"
_PER_PATTERN = 200
"""So many hosts in one regular expression; RE2 refuses patterns that grow too large."""


class Url(NamedTuple):
    """A URL value, in lower case where it is ASCII.

    `subdomains` is set for a bare domain. `path` is empty or begins with `/` and does not end so.
    """

    host: str
    port: str
    path: str
    subdomains: bool


class UrlMatcher(Matcher[Url]):
    """A domain with its subdomains, or one host with the paths below a path."""

    def parse(self, value: str) -> Url:
        parts = _VALUE.fullmatch(value)
        assert parts is not None, f"catalog.values accepts {value!r}"
        path = parts["path"] or ""
        host = parts["host"].lower() if parts["host"].isascii() else parts["host"]
        address = _address(host)
        port = str(int(parts["port"])) if parts["port"] else ""
        bare = parts["scheme"] is None and parts["path"] is None and address is None
        return Url(address or host.removesuffix("."), port, path.rstrip("/"), bare)

    def roles(self, value: Url) -> frozenset[str]:
        if value.port or value.path:
            return frozenset({"url", "url-or-host"})
        return frozenset({"url", "url-or-host", "domain"})

    def test(self, values: Sequence[Url], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        hosts = sorted({v for v in values if not v.path})
        paths = sorted({v for v in values if v.path})
        terms: list[Term] = []
        for at in range(0, len(hosts), _PER_PATTERN):
            part = hosts[at : at + _PER_PATTERN]
            some = _hosts(part)
            bare = column.role == "domain"
            pattern = f"(?i)^{some}$" if bare else f"(?i)^{_SCHEME}{some}{_END}"
            terms.append(Regex(operand, pattern, tuple(Site(*url, bare) for url in part)))
        for at in range(0, len(paths), _PER_PATTERN):
            part = paths[at : at + _PER_PATTERN]
            some = _below_paths(part)
            # The path must be what it says: /agent/../evil is not below /agent.
            plain: list[Term] = [Lacks(operand, ".."), Lacks(operand, "%2e")]
            pages = Regex(operand, f"(?i)^{_SCHEME}{some}{_END}", tuple(Site(*url) for url in part))
            terms.append(all_of([pages, *plain]))
        return any_of(terms)


def _hosts(urls: list[Url]) -> str:
    """Return the pattern of hosts, in which those of one kind and port share what they can."""
    kinds: dict[tuple[bool, str], list[str]] = {}
    for url in urls:
        kinds.setdefault((not url.subdomains, url.port), []).extend(_spellings(url.host))
    return _either(
        [(_SUBDOMAINS if not alone else "") + _host(names, port) for (alone, port), names in sorted(kinds.items())]
    )


def _below_paths(urls: list[Url]) -> str:
    """Return the pattern of hosts with paths, in which the paths of one host stand together."""
    paths: dict[tuple[str, str], list[str]] = {}
    for url in urls:
        paths.setdefault((url.host, url.port), []).append(glob.pattern(url.path, "[^/?#\\\\]*", "[^?#]*"))
    return _either([_host(_spellings(host), port) + _either(found) for (host, port), found in sorted(paths.items())])


def _host(names: list[str], port: str) -> str:
    return _either(names) + "[.]?" + (f":{port}" if port else _PORT)


def _either(patterns: list[str]) -> str:
    return patterns[0] if len(patterns) == 1 else "(?:" + "|".join(patterns) + ")"


def _spellings(host: str) -> list[str]:
    """Return a host as patterns: as written, and where it is not ASCII also in its ASCII form."""
    found = [glob.escaped(host)]
    if not host.isascii():
        try:
            ascii_form = host.encode("idna")
            # IDNA 2003 folds some letters into others (ß into ss): then the ASCII form is another host.
            if ascii_form.decode("idna") == host.lower():
                found.append(glob.escaped(ascii_form.decode("ascii").lower()))
        except UnicodeError:
            pass
    return found


def _address(host: str) -> str | None:
    """Return a host that is an IP address as URLs spell it, None where it is a name."""
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1])}]" if host.startswith("[") else str(ipaddress.IPv4Address(host))
    except ValueError:
        return None
