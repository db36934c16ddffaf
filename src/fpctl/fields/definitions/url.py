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
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fpctl.fields.definitions.port import check_port
from fpctl.fields.field import (
    IN_DOMAIN,
    Attack,
    BoundColumn,
    Field,
    FieldTest,
    Key,
    NotExpressibleError,
    Operator,
    StandIn,
    ValueProblem,
    compared,
)
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.containment import folded, leads, literal, shown
from fpctl.fields.matching.public_suffix import is_public_suffix
from fpctl.fields.matching.term import Lacks, Regex, Site, Term, all_of, any_of

_VALUE = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*):/{2,})?(?P<host>\[[^\]]*\]|[^/:\[\]]*)(?::(?P<port>[0-9]*))?(?P<path>/.*)?",
    re.IGNORECASE | re.DOTALL,
)
_SCHEME = "(?-i:[a-zA-Z][a-zA-Z0-9+.-]*://)?"
_SUBDOMAINS = "(?-i:[a-zA-Z0-9_-]+[.])*"
_PORT = "(?::[0-9]*)?"
_END = "(?:[/?#]|$)"
_PER_PATTERN = 200
"""The most hosts in one regular expression; RE2 refuses patterns that grow too large."""

_HOST_LABEL = re.compile("[a-z0-9_-]+")
_NOT_IN_A_STAR = "/?#\\"
_AUTHORED_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{2,}")
_AUTHORED_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{1,62}")
_SUBDOMAINS_TOO = "a domain also matches its subdomains"
_WHOLE_HOST = "the domain must be the host or its end; the same text elsewhere no longer counts"


class Url(NamedTuple):
    """A URL value, in lower case where it is ASCII.

    `subdomains` is set for a bare domain. `path` is empty or begins with `/` and does not end so.
    """

    host: str
    port: str
    path: str
    subdomains: bool


class UrlField(Field[Url]):
    """A domain with its subdomains, or one host with the paths below a path.

    A domain matches that host and its subdomains, whatever the scheme, port and path. A value with a scheme
    or a path matches that host alone, whatever the scheme, and paths at or below that path. A port, where
    given, must be in the URL. Never matched: a URL with user info (`https://contoso.com@evil.net/`), with
    anything but plain host characters before the domain, and, by a value with a path, one that contains `..`
    or `%2e`, also encoded
    twice. In the path `*` is any text up to the next `/`, `**` any text.
    """

    name = "url"
    help = "Domain (also matches its subdomains), or URL (that host, and everything at or below the path)."
    question = "Which domains or URLs? (a domain also matches its subdomains)"
    meaning = (
        "where the traffic goes or the file came from; never a referrer or a sender's domain, which the other "
        "side can forge"
    )
    matches = (
        "`contoso.com`: that host and its subdomains, with any scheme, port or path. `contoso.com/downloads`: "
        "that host with that path or a path below it"
    )
    spares = (
        "`contoso.com.evil.net`, `evilcontoso.com`, `https://contoso.com@evil.net/`; `contoso.com/down` does not "
        "match `/downloads`; a path never matches a URL with `..`, `%2e` or `252e` in it"
    )
    synonyms = ("domain", "remoteurl", "uri", "fqdn")
    # url-or-host: a URL with or without scheme, or a bare host, with or without port. domain: a bare host name.
    roles = telling = ("url-or-host", "url", "domain")
    assumed = (("RemoteUrl", "url-or-host"), ("Url", "url-or-host"))
    test_rank = 110
    tell_rank = 20
    identifies = anchors = True
    ecs = ("url.domain", "url.full", "url.original", "url", "destination.domain", "server.domain")
    sigma_read = (
        ("destinationhostname", "url.domain"),
        ("queryname", "url.domain"),
        ("c-uri", "url.full"),
        ("cs-host", "url.domain"),
    )
    sigma_written = (("url.domain", "DestinationHostname"),)
    watchlist = ("url",)
    filter_note = "a domain also matches its subdomains, and a URL everything below its path"
    instead = "name the domain (it matches its subdomains) or the URL"

    def check(self, value: str) -> ValueProblem | None:
        if re.search(r"\s", value):
            return ValueProblem("a URL has no spaces", "write several URLs as a list, or encode a space as %20")
        if "\\" in value:
            return ValueProblem("a URL has no backslashes", "write `/`, or match a file with `path`")
        scheme = _AUTHORED_SCHEME.match(value)
        rest = value[scheme.end() :] if scheme else value
        if not scheme and re.match(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)", value):
            return ValueProblem(
                "the URL's scheme is not followed by `//`", "write the domain alone, or scheme://host/path"
            )
        cut = re.search(r"[?#]", rest)
        if cut:
            hint = f"leave out everything from `{cut.group()}` on, or match it with `where`"
            return ValueProblem("a URL is matched by host and path, not by its query or fragment", hint)
        authority = rest.partition("/")[0]
        if "@" in authority:
            hint = f"write `{rest.rpartition('@')[2]}`; for a mail address use `account` or `where`"
            return ValueProblem("a URL value has no user name before the host", hint)
        return _path_problem(rest[len(authority) :]) or _authority_problem(authority)

    def parse(self, value: str) -> Url:
        parts = _VALUE.fullmatch(value)
        assert parts is not None, f"check accepts {value!r}"
        path = parts["path"] or ""
        host = parts["host"].lower() if parts["host"].isascii() else parts["host"]
        address = _address(host)
        port = str(int(parts["port"])) if parts["port"] else ""
        bare = parts["scheme"] is None and parts["path"] is None and address is None
        return Url(address or host.removesuffix("."), port, path.rstrip("/"), bare)

    def roles_of(self, value: Url) -> frozenset[str]:
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
            # A percent sign that is encoded itself, however often, ends in 25.
            plain: list[Term] = [Lacks(operand, ".."), Lacks(operand, "%2e"), Lacks(operand, "252e")]
            pages = Regex(operand, f"(?i)^{_SCHEME}{some}{_END}", tuple(Site(*url) for url in part))
            terms.append(all_of([pages, *plain]))
        return any_of(terms)

    def names(self, pattern: str, value: str) -> bool:
        wanted_host, wanted_path = _host_and_path(pattern)
        host, path = _host_and_path(value)
        if wanted_path or "://" in pattern:
            below = wanted_path.rstrip("/")
            return host == wanted_host and (
                path == below or any((path + "/")[end] == "/" for end in wildcard.ends_of(below, path, "/"))
            )
        return host == wanted_host or host.endswith(f".{wanted_host}")

    def key(self, parsed: Url) -> Key:
        """`(host, port, path, subdomains)`."""
        return (folded(parsed.host), parsed.port, folded(parsed.path), parsed.subdomains)

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        host, port, path, subdomains = key
        for wide_port in (port, "") if port else ("",):
            if not subdomains:
                yield (host, wide_port, "", False)
                for at in [at for at, c in enumerate(path) if c == "/" and at] + [len(path)]:
                    if path and not re.search(r"\*", path[:at]):
                        yield (host, wide_port, path[:at], False)
            yield (host, wide_port, "", True)
            rest: str = host
            while not host.startswith("[") and "." in rest:
                label, _, rest = rest.partition(".")
                if not _HOST_LABEL.fullmatch(label):
                    break
                yield (rest, wide_port, "", True)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[2]

    def covers(self, wide: Key, narrow: Key) -> bool:
        if not self.is_pattern(wide):
            return wide in self.above(narrow)
        same = wide[0] == narrow[0] and not narrow[3] and wide[1] in ("", narrow[1]) and narrow[2] != ""
        return same and leads(wide[2], shown(narrow[2], double=True), _NOT_IN_A_STAR, "/")

    def piece(self, key: Key) -> str:
        return literal(key[2])

    def text(self, key: Key) -> str:
        return shown(key[2], double=True)

    def event_value(self, column: BoundColumn) -> str:
        """Return the KQL of the URL's host; `""` where it carries user information, which misleads."""
        host = r'@"^(?:[a-z][a-z0-9+.-]*://)?([a-z0-9_.-]*[a-z0-9_-])[.]?(?::[0-9]*)?(?:[/?#]|$)"'
        return f"extract({host}, 1, tolower({column.string()}))"

    def named(self, value: str, role: str) -> str:
        """Return the host of a URL in lower case: what is benign is whom one talks to."""
        authority = re.split(r"[/?#]", value.partition("://")[2] or value, maxsplit=1)[0]
        if "@" in authority:
            return authority  # refused by the check of values: it is made to mislead
        host = authority if authority.startswith("[") else authority.partition(":")[0]
        try:
            ipaddress.ip_address(value)
        except ValueError:
            return host.rstrip(".").lower()
        return f"[{value.lower()}]" if ":" in value else value

    def attacks(self, value: str) -> Iterator[Attack]:
        host = (value.partition("://")[2] or value).partition("/")[0]
        path = "/" + value.partition("://")[2].partition("/")[2] if "://" in value else ""
        yield Attack("a look-alike domain that begins so", {"url": f"https://{host}.evil.test/"})
        yield Attack("a look-alike domain that ends so", {"url": f"https://evil{host}/"})
        yield Attack("the domain as user name before the real host", {"url": f"https://{host}@evil.test/"})
        yield Attack("the domain in the query of another", {"url": f"https://evil.test/?u={host}"})
        advice = "write the URL with its path or scheme: then only this host matches"
        taken = {"url": f"https://forgotten.{host}/x"}
        yield Attack("a subdomain that the attacker took over", taken, IN_DOMAIN, advice)
        if path.strip("/"):
            yield Attack("out of the path by ..", {"url": f"https://{host}{path}/../../evil"})
        yield Attack("another host", {"url": "https://evil.test/"}, advice="name the URL")

    def from_filter(self, operator: Operator, value: str) -> str | None:
        if operator == "==":
            return value
        if operator == "ENDSWITH":
            return value.removeprefix(".")
        if operator == "STARTSWITH" and "/" in value.partition("://")[2]:
            return value
        return None

    @property
    def overlapping(self) -> bool:
        return True

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        for value in values:
            if re.search(r"[/:\[]", value) or re.fullmatch(r"[\d.]+", value):
                raise NotExpressibleError(
                    f"`{value}` is more than a domain: a comparison of texts cannot be held to its host"
                )
        hosts = [value.removesuffix(".") for value in values]
        return [
            *compared("url.domain", "==", hosts),
            *compared("url.domain", "ENDSWITH", [f".{host}" for host in hosts]),
        ]

    def watchlist_note(self, values: Sequence[str]) -> str:
        return "a query that compares SearchKey does not match subdomains"

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        with_path = [value for value in values if "/" in value]
        if operator == "==":
            below = "a path also matches everything below it"
            texts = [*([below] if with_path else []), *([_SUBDOMAINS_TOO] if len(with_path) < len(values) else [])]
            return StandIn(values, tuple(("wider", text) for text in texts))
        if with_path or any(":" in value for value in values):
            return None
        if operator in ("has", "contains"):
            return StandIn(values, (("narrower", _WHOLE_HOST),))
        if operator == "endswith":
            bare = tuple(value.removeprefix(".") for value in values)
            return StandIn(bare, (("wider", _SUBDOMAINS_TOO), ("narrower", _WHOLE_HOST)))
        return None


# --------------------------------------------------------------------------- values


def _path_problem(path: str) -> ValueProblem | None:
    if ".." in path or "%2e" in path.lower() or "252e" in path.lower():
        return ValueProblem(
            "a URL's path with `..` or `%2e` in it does not say where it leads", "write the path itself"
        )
    bad = re.search(r"[\"<>^`{|}]", path)
    if bad:
        return ValueProblem(f"`{bad.group()}` cannot be part of a URL", "write it percent-encoded, as events show it")
    return None


def _authority_problem(authority: str) -> ValueProblem | None:
    if authority.startswith("["):
        address, bracket, port = authority[1:].partition("]")
        if not bracket or not _is_ip(address) or (port and not port.startswith(":")):
            return ValueProblem(f"`{authority}` is not an IPv6 address in brackets", "write `[2001:db8::1]`")
        return _port_problem(port[1:]) if port else None
    host, colon, port = authority.partition(":")
    if ":" in port:
        return ValueProblem(f"`{authority}` is not a host", "write an IPv6 address in brackets: `[2001:db8::1]`")
    if colon and (problem := _port_problem(port)):
        return problem
    if "*" in host:
        bare = re.sub(r"\.+", ".", host.replace("*", "")).strip(".") or "contoso.com"
        return ValueProblem(
            "a `*` is not allowed in a URL's host", f"write `{bare}`: a domain matches its subdomains too"
        )
    if not host:
        return ValueProblem("the URL has no host", "write the domain")
    return None if _is_ip(host) else _domain_problem(host)


def _domain_problem(host: str) -> ValueProblem | None:
    labels = host.removesuffix(".").split(".")
    for label in labels:
        if not _AUTHORED_LABEL.fullmatch(label):
            return ValueProblem(
                f"`{host}` is not a domain: the part `{label}` is not a host label",
                "write a domain such as contoso.com",
            )
    if all(label.isdigit() for label in labels):
        return ValueProblem(f"`{host}` is neither a domain nor an IP address", None)
    if is_public_suffix(host.removesuffix(".").lower()):
        if len(labels) == 1:
            return ValueProblem(f"`{host}` is a whole top-level domain", "name the domain below it")
        return ValueProblem(f"`{host}` is a public suffix, under which anyone can register", "name the domain below it")
    return None


def _port_problem(text: str) -> ValueProblem | None:
    problem = check_port(text)
    return ValueProblem(f"the URL's port: {problem.message}", problem.hint) if problem else None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address(host: str) -> str | None:
    """Return a host that is an IP address as URLs spell it, None where it is a name."""
    try:
        return f"[{ipaddress.IPv6Address(host[1:-1])}]" if host.startswith("[") else str(ipaddress.IPv4Address(host))
    except ValueError:
        return None


# --------------------------------------------------------------------------- patterns


def _hosts(urls: list[Url]) -> str:
    """Return the pattern of hosts, in which those of one kind and port share what they can."""
    kinds: dict[tuple[bool, str], list[str]] = {}
    for url in urls:
        kinds.setdefault((not url.subdomains, url.port), []).extend(_spellings(url.host))
    return _either(
        [(_SUBDOMAINS if not alone else "") + _host(names, port) for (alone, port), names in sorted(kinds.items())]
    )


def _below_paths(urls: list[Url]) -> str:
    """Return the pattern of hosts with paths, in which the paths of one host are together."""
    paths: dict[tuple[str, str], list[str]] = {}
    for url in urls:
        paths.setdefault((url.host, url.port), []).append(wildcard.pattern(url.path, "[^/?#\\\\]*", "[^?#]*"))
    return _either([_host(_spellings(host), port) + _either(found) for (host, port), found in sorted(paths.items())])


def _host(names: list[str], port: str) -> str:
    return _either(names) + "[.]?" + (f":{port}" if port else _PORT)


def _either(patterns: list[str]) -> str:
    return patterns[0] if len(patterns) == 1 else "(?:" + "|".join(patterns) + ")"


def _spellings(host: str) -> list[str]:
    """Return a host as patterns: as written, and where it is not ASCII also in its ASCII form."""
    found = [wildcard.escaped(host)]
    if not host.isascii():
        try:
            ascii_form = host.encode("idna")
            # IDNA 2003 folds some letters into others (ß into ss): then the ASCII form is another host.
            if ascii_form.decode("idna") == host.lower():
                found.append(wildcard.escaped(ascii_form.decode("ascii").lower()))
        except UnicodeError:
            pass
    return found


# --------------------------------------------------------------------------- looking a value up


def _host_and_path(url: str) -> tuple[str, str]:
    rest = url.partition("://")[2] or url
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2]
    if host.startswith("["):
        return host.partition("]")[0][1:], f"/{path}" if path else ""
    return host.partition(":")[0].rstrip("."), f"/{path}" if path else ""


FIELD = UrlField()
