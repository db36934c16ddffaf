"""What a value of a match field may be: refused are values that are malformed, or that match everything.

An exclusion's value is a promise about which events are benign; a value that cannot be meant is an
error before anything is rewritten. What is merely unwise (a public cloud domain, `powershell.exe`
alone) is left to the policy checks.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

FIELDS = (
    "device", "url", "hash", "process", "parent_process", "command_line", "path", "account", "ip", "signer", "port",
)  # fmt: skip
"""The logical fields of `match`, besides `where`."""

NARROW_FIELDS = ("device", "url", "hash")
"""Each alternative of a match names one of these, or the exclusion says `broad: true` and is approved."""

SYNONYMS = {
    "host": "device", "hostname": "device", "computer": "device", "devicename": "device", "machine": "device",
    "domain": "url", "remoteurl": "url", "uri": "url", "fqdn": "url",
    "md5": "hash", "sha1": "hash", "sha256": "hash", "filehash": "hash",
    "image": "process", "filename": "process", "process_name": "process",
    "parent": "parent_process", "parentprocess": "parent_process", "parent_image": "parent_process",
    "cmdline": "command_line", "commandline": "command_line", "command": "command_line",
    "folder": "path", "folderpath": "path", "directory": "path",
    "user": "account", "username": "account", "upn": "account",
    "address": "ip", "remoteip": "ip", "cidr": "ip", "publisher": "signer", "predicate": "where", "kql": "where",
}  # fmt: skip
"""Words people use for a field, for hints; compared in lower case."""


class ValueProblem(NamedTuple):
    """Why a value is refused, and what to write instead."""

    message: str
    hint: str | None = None


_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# The placeholders of the documented scenarios, and the usual ways to mark a blank to fill in.
_PLACEHOLDER = re.compile(r"RMM_TOOL_NAME|known_deployment_hashes|%%\w+%%|\{\{[^{}]*\}\}", re.IGNORECASE)
_BLANK_TO_FILL = re.compile(r"<[^<>]*>")
_ONLY_WILDCARDS = re.compile(r"[*?.\\/:\s_-]*\*[*?.\\/:\s_-]*")
_EVERYTHING = "it would match everything"


@lru_cache(maxsize=1 << 16)
def check_value(field: str, value: str) -> ValueProblem | None:
    """Return why `value` cannot stand for `field`, or None if it can.

    Args:
        field: one of FIELDS.
        value: the value as authored; list references (`@lists/x.txt`) are not values.
    """
    if not value.strip():
        return ValueProblem(f"the value is empty; {_EVERYTHING}", "give a value, or remove the field")
    bad = _CONTROL.search(value)
    if bad:
        return ValueProblem(f"the value holds the control character U+{ord(bad.group()):04X}", "remove it")
    placeholder = _PLACEHOLDER.search(value) or (
        _BLANK_TO_FILL.fullmatch(value) if field == "command_line" else _BLANK_TO_FILL.search(value)
    )
    if placeholder:
        return ValueProblem(f"`{placeholder.group()}` is a placeholder", "put the real value in its place")
    if field != "command_line" and value != value.strip():
        return ValueProblem("the value begins or ends with white space", f"write `{value.strip()}`")
    if _ONLY_WILDCARDS.fullmatch(value):
        return ValueProblem(f"`{value}` has nothing but wildcards; {_EVERYTHING}", "name what is to match")
    return _CHECKS[field](value)


def _device(value: str) -> ValueProblem | None:
    if re.search(r"\s", value):
        return ValueProblem("a device name has no spaces", "write several devices as a list: [a, b]")
    bad = re.search(r"[/\\\"'@:,;|<>()\[\]{}]", value)
    if bad:
        return ValueProblem(
            f"`{bad.group()}` cannot be part of a device name", "write the host name or the device id alone"
        )
    if value.startswith(".") or value.endswith(".") or ".." in value:
        return ValueProblem("a device name has no empty part before, between or after dots", f"write `{_dots(value)}`")
    return None


def _dots(value: str) -> str:
    return re.sub(r"\.+", ".", value).strip(".")


_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{2,}")
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?|_[\w-]{1,62}")
# A single label is a host of the intranet or a top-level domain; these are top-level domains.
_TOP_LEVEL = frozenset(
    (
        *("com", "net", "org", "edu", "gov", "mil", "int", "arpa", "info", "biz", "name", "pro", "aero", "coop"),
        *("museum", "mobi", "asia", "tel", "jobs", "post", "cat", "travel", "xxx", "app", "dev", "cloud", "xyz"),
        *("online", "site", "shop", "store", "tech", "top", "club", "live", "space", "fun", "icu", "vip", "work"),
        *("website", "blog", "page", "zip", "mov", "link", "click", "art", "design", "digital", "email", "agency"),
        *("news", "media", "network", "systems", "solutions", "services", "support", "software", "host", "hosting"),
    )
)
_SECOND_LEVEL = frozenset(
    ("co", "com", "net", "org", "gov", "ac", "edu", "gob", "go", "or", "ne", "sch", "mil", "nom", "ltd", "plc")
)


def _url(value: str) -> ValueProblem | None:
    if re.search(r"\s", value):
        return ValueProblem("a URL has no spaces", "write several URLs as a list, or encode a space as %20")
    if "\\" in value:
        return ValueProblem("a URL has no backslashes", "write `/`, or match a file with `path`")
    scheme = _SCHEME.match(value)
    rest = value[scheme.end() :] if scheme else value
    if not scheme and re.match(r"[A-Za-z][A-Za-z0-9+.-]*:(?!\d)", value):
        return ValueProblem("the URL's scheme is not followed by `//`", "write the domain alone, or scheme://host/path")
    cut = re.search(r"[?#]", rest)
    if cut:
        hint = f"leave out everything from `{cut.group()}` on, or match it with `where`"
        return ValueProblem("a URL is matched by host and path, not by its query or fragment", hint)
    authority = rest.partition("/")[0]
    if "@" in authority:
        hint = f"write `{rest.rpartition('@')[2]}`; for a mail address use `account` or `where`"
        return ValueProblem("a URL value has no user name before the host", hint)
    return _url_path(rest[len(authority) :]) or _host(authority)


def _url_path(path: str) -> ValueProblem | None:
    if ".." in path or "%2e" in path.lower():
        return ValueProblem(
            "a URL's path with `..` or `%2e` in it does not say where it leads", "write the path itself"
        )
    bad = re.search(r"[\"<>^`{|}]", path)
    if bad:
        return ValueProblem(f"`{bad.group()}` cannot be part of a URL", "write it percent-encoded, as events show it")
    return None


def _host(authority: str) -> ValueProblem | None:
    if authority.startswith("["):
        address, bracket, port = authority[1:].partition("]")
        if not bracket or not _is_ip(address) or (port and not port.startswith(":")):
            return ValueProblem(f"`{authority}` is not an IPv6 address in brackets", "write `[2001:db8::1]`")
        return _url_port(port[1:]) if port else None
    host, colon, port = authority.partition(":")
    if ":" in port:
        return ValueProblem(f"`{authority}` is not a host", "write an IPv6 address in brackets: `[2001:db8::1]`")
    if colon and (problem := _url_port(port)):
        return problem
    if "*" in host:
        return ValueProblem(
            "a `*` cannot stand in a URL's host", f"write `{_bare(host)}`: a domain matches its subdomains too"
        )
    if not host:
        return ValueProblem("the URL has no host", "write the domain")
    if _is_ip(host):
        return None
    labels = host.removesuffix(".").split(".")
    for label in labels:
        if not _LABEL.fullmatch(label):
            return ValueProblem(
                f"`{host}` is not a domain: the part `{label}` is not a host label",
                "write a domain such as contoso.com",
            )
    last = labels[-1].lower()
    if len(labels) == 1 and (last in _TOP_LEVEL or (len(last) == 2 and last.isalpha())):
        return ValueProblem(f"`{host}` is a whole top-level domain", "name the domain below it")
    if len(labels) == 2 and len(last) == 2 and labels[0].lower() in _SECOND_LEVEL:
        return ValueProblem(f"`{host}` is a public suffix, under which anyone can register", "name the domain below it")
    if all(label.isdigit() for label in labels):
        return ValueProblem(f"`{host}` is neither a domain nor an IP address", None)
    return None


def _bare(host: str) -> str:
    return _dots(host.replace("*", "")) or "contoso.com"


def _url_port(text: str) -> ValueProblem | None:
    problem = _port(text)
    return ValueProblem(f"the URL's port: {problem.message}", problem.hint) if problem else None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_HASHES = {32: "MD5", 40: "SHA-1", 64: "SHA-256"}
_HEX = re.compile(r"[0-9a-fA-F]+")
_EMPTY_FILE = (
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
)


def _hash(value: str) -> ValueProblem | None:
    if len(value) not in _HASHES or not _HEX.fullmatch(value):
        lengths = ", ".join(f"{length} ({name})" for length, name in _HASHES.items())
        found = f"{len(value)} characters" if _HEX.fullmatch(value) else "other characters than hex digits"
        return ValueProblem(f"a hash has {lengths} hex digits; this has {found}", None)
    if value.lower() in _EMPTY_FILE:
        return ValueProblem(
            "this is the hash of the empty file; every empty file would match", "give the hash of the program"
        )
    if not value.strip("0"):
        return ValueProblem("a hash of zeros stands for a hash that is not known", "give the hash of the program")
    return None


def _process(value: str) -> ValueProblem | None:
    separator = re.search(r"[\\/]", value)
    if separator:
        name = re.split(r"[\\/]", value)[-1]
        return ValueProblem(
            "a process is a file name without its folder", f"write `{name or 'name.exe'}`, and the folder as `path`"
        )
    bad = re.search(r"[\"<>|:]", value)
    if bad:
        return ValueProblem(f"`{bad.group()}` cannot be part of a file name", None)
    stem, dot, _ = value.rpartition(".")
    if dot and not stem.strip("*"):
        return ValueProblem(f"`{value}` names no program, only an extension", "name the program")
    return None


def _command_line(value: str) -> ValueProblem | None:
    if len(value.strip().strip("*")) < 2:
        return ValueProblem(f"`{value}` is in nearly every command line", "give a longer part of the command line")
    return None


# Also every file of one extension on it.
_WHOLE_DRIVE = re.compile(r"(?:[A-Za-z]:)?[\\/*]*(?:\.\w+)?")
_ROOTED = re.compile(r"[A-Za-z]:[\\/]|[\\/]|\*")
_VARIABLE = re.compile(r"%[^%\\/]+%|\$\{\w+\}|\$env:\w+|^\$\w+|^~(?=[\\/])")


def _path(value: str) -> ValueProblem | None:
    if _WHOLE_DRIVE.fullmatch(value):
        return ValueProblem(f"`{value}` is a whole drive", "name a folder")
    variable = _VARIABLE.search(value)
    if variable:
        return ValueProblem(f"`{variable.group()}` is not expanded in events", "write the path as events show it")
    bad = re.search(r"[\"<>|]", value)
    if bad:
        return ValueProblem(f"`{bad.group()}` cannot be part of a path", None)
    if not _ROOTED.match(value):
        return ValueProblem(f"`{value}` is not a full path", "begin with a drive, `/`, `\\\\server` or `**\\`")
    if re.search(r"[\\/]\.\.?(?:[\\/]|$)", value):
        return ValueProblem(f"`{value}` holds `.` or `..` as a folder", "write the path as events show it")
    return None


def _account(value: str) -> ValueProblem | None:
    domain, backslash, name = value.partition("\\")
    if backslash and (not domain or not name or "\\" in name):
        return ValueProblem(f"`{value}` is not DOMAIN\\name", "write CONTOSO\\svc-backup or svc-backup")
    if "@" in value and not backslash and not all(value.rpartition("@")[::2]):
        return ValueProblem(f"`{value}` is not user@domain", "write svc-backup@contoso.com or svc-backup")
    return _no_wildcard(value)


def _no_wildcard(value: str) -> ValueProblem | None:
    if "*" in value:
        return ValueProblem("this field takes no `*`", "write the values out as a list, or use `where`")
    return None


def _ip(value: str) -> ValueProblem | None:
    if "*" in value:
        return ValueProblem("an address takes no `*`", "write the network as a CIDR: 10.1.0.0/16")
    if re.fullmatch(r"[0-9.]+\s*-\s*[0-9.]+", value):
        return ValueProblem("a range is not an address", "write the networks that make up the range as CIDRs")
    if "%" in value:
        return ValueProblem("an address is written without a zone", f"write `{value.partition('%')[0]}`")
    try:
        if "/" not in value:
            ipaddress.ip_address(value)
            return None
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return ValueProblem(
            f"`{value}` is neither an IP address nor a CIDR", "write 192.0.2.7, 10.1.0.0/16 or 2001:db8::/32"
        )
    if network.prefixlen == 0:
        return ValueProblem(f"`{value}` is every address", "name a network")
    if ipaddress.ip_interface(value).ip != network.network_address:
        return ValueProblem(f"`{value}` has bits set beyond its prefix", f"write `{network}`, or the address alone")
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen < 96 and network.supernet_of(_MAPPED):
        return ValueProblem(f"`{value}` contains every IPv4 address", "name the networks you mean")
    return None


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
"""The IPv6 form of all IPv4 addresses."""


def _port(value: str) -> ValueProblem | None:
    if not value.isascii() or not value.isdigit() or not 1 <= int(value[:6]) <= 65535:
        return ValueProblem(f"`{value}` is not a port; ports are 1 to 65535", None)
    return None


_CHECKS = {
    "device": _device, "url": _url, "hash": _hash, "process": _process, "parent_process": _process,
    "command_line": _command_line, "path": _path, "account": _account, "ip": _ip, "signer": _no_wildcard,
    "port": _port,
}  # fmt: skip
