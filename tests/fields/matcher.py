"""What an exclusion matches, told once more in Python: no regular expressions, no KQL, one row at a time.

Written from the documentation of `fpctl.rewrite.predicate`, with other means than the product: string
splitting, `ipaddress`, segment-wise wildcards. Rows are dicts from a column's text to its value.
"""

from __future__ import annotations

import ipaddress
import string
from collections.abc import Mapping, Sequence
from typing import Any

from fpctl.rewrite.predicate import BoundColumn

Row = Mapping[str, Any]
HOST_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-_")
SCHEME_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "+.-")


def matches(
    alternatives: Sequence[Mapping[str, Sequence[str]]], bindings: Mapping[str, Sequence[BoundColumn]], row: Row
) -> bool:
    """Return whether a row is one that the match names."""
    return any(
        all(any(field_matches(field, value, bindings[field], row) for value in values) for field, values in one.items())
        for one in alternatives
    )


def field_matches(field: str, value: str, columns: Sequence[BoundColumn], row: Row) -> bool:
    """Return whether any column of the field holds the value."""
    test = TESTS[field]
    held = {column.role: row[column.text] for column in columns}
    return any(
        row[column.text] is not None and test(value, str(row[column.text]), column.role, held) for column in columns
    )


def like(pattern: str, text: str) -> bool:
    """Return whether a text is a pattern in which `*` is any text; case counts."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first):
        return False
    at = len(first)
    *middle, last = rest
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)


def device(value: str, held: str, role: str, row: Row) -> bool:
    value, held = value.lower(), held.lower()
    plain = value.replace("-", "")
    is_id = all(c in string.hexdigits for c in plain) and (
        len(value) == 40 or (len(value) == 36 and [len(p) for p in value.split("-")] == [8, 4, 4, 4, 12])
    )
    if is_id:
        return role == "device-id" and held == value
    if role == "resource-id":
        return (
            "." not in value
            and len(parts := held.rsplit("/", 2)) == 3
            and parts[1] == "virtualmachines"
            and like(value, parts[2])
        )
    if role != "host-name":
        return False
    return like(value, held if "." in value else held.split(".")[0])


def split_url(text: str) -> tuple[str, str, str] | None:
    """Return (host, port, rest) of a URL or bare host in lower case, None where the host is in doubt."""
    scheme, separator, after = text.partition("://")
    if not separator or not scheme or not scheme[0].isalpha() or not set(scheme) <= SCHEME_CHARACTERS:
        after = text
    cut = min((after.find(c) for c in "/?#" if c in after), default=len(after))
    authority, rest = after[:cut], after[cut:]
    if authority.startswith("["):
        host, bracket, port = authority.partition("]")
        host += bracket
        if port and not port.startswith(":"):
            return None
        port = port.removeprefix(":")
    else:
        host, _, port = authority.partition(":")
        host = host.removesuffix(".")
    if not all(c in string.digits for c in port):
        return None
    return host, port, rest


def url(value: str, held: str, role: str, row: Row) -> bool:
    bare = "://" not in value and "/" not in value
    wanted = split_url(value.lower())
    found = split_url(held.lower())
    if wanted is None or found is None:
        return False
    host, port, path = wanted
    path = path.rstrip("/")
    if role == "domain" and (port or path or found[2] or "://" in held):
        return False
    if port and found[1] != port:
        return False
    names = {host}
    if not host.isascii() and host.encode("idna").decode("idna") == host:
        names.add(host.encode("idna").decode())
    below = any(
        found[0].endswith("." + name)
        and all(label and set(label) <= HOST_CHARACTERS for label in found[0].removesuffix("." + name).split("."))
        for name in names
    )
    is_address = host.startswith("[") or all(label.isdigit() for label in host.split("."))
    if found[0] not in names and not (bare and below and not is_address):
        return False
    if not path:
        return True
    if any(text in held.lower() for text in ("..", "%2e", "252e")):
        return False
    for mark in "?#":
        found = (*found[:2], found[2].split(mark)[0])
    return below_path(path, found[2], ("/",), "\\")


def below_path(pattern: str, text: str, separators: Sequence[str], forbidden: str = "") -> bool:
    """Return whether a text is a path, or begins with it before a separator; `*` stays in its part, `**` does not."""
    ends = [at for at, c in enumerate(text) if c in separators] + [len(text)]
    return any(glob_path(pattern, text[:end], frozenset(separators) | frozenset(forbidden)) for end in ends)


def glob_path(pattern: str, text: str, stop: frozenset[str]) -> bool:
    """Return whether the whole text is the pattern: `*` is any text without a character of `stop`, `**` any text."""
    reached = {0}
    at = 0
    while at < len(pattern):
        if pattern[at] == "*":
            run = 1
            while pattern[at + run : at + run + 1] == "*":
                run += 1
            grown = set()
            for start in reached:
                grown.add(start)
                for position in range(start, len(text)):
                    if run == 1 and text[position] in stop:
                        break
                    grown.add(position + 1)
            reached, at = grown, at + run
        else:
            reached = {p + 1 for p in reached if text[p : p + 1] == pattern[at]}
            at += 1
    return len(text) in reached


def digest(value: str, held: str, role: str, row: Row) -> bool:
    fitting = {32: "md5", 40: "sha1", 64: "sha256"}[len(value)]
    return role in (fitting, "hash") and value.lower() == held.lower()


def process(value: str, held: str, role: str, row: Row) -> bool:
    value, held = value.lower(), held.lower()
    if role in ("file-path", "windows-path"):
        held = held.rsplit("\\", 1)[-1]
    if role == "file-path":
        held = held.rsplit("/", 1)[-1]
    return like(value, held)


def command_line(value: str, held: str, role: str, row: Row) -> bool:
    return like(f"*{value.lower()}*", held.lower())


def path(value: str, held: str, role: str, row: Row) -> bool:
    value, held = value.lower().rstrip("\\/"), held.lower()
    if "..\\" in held or "../" in held:
        return False
    if "*" in value:
        return below_path(value, held, ("/", "\\"))
    return below_path(value, held, ("\\", "/") if "\\" in value else ("/",))


def account(value: str, held: str, role: str, row: Row) -> bool:
    value, held = value.lower(), held.lower()
    domain, _, name = value.rpartition("\\")
    is_guid = [len(part) for part in value.split("-")] == [8, 4, 4, 4, 12]
    is_sid = value.startswith("s-1-")
    if role == "account":
        plain = not domain and "@" not in value and not is_guid and not is_sid
        return held == value or (plain and held.rpartition("\\")[2] == value and "\\" in held)
    if role == "account-upn":
        return "@" in value and not domain and held == value
    if role == "account-sid":
        return is_sid and held == value
    if role == "account-id":
        return is_guid and held == value
    if role == "account-name":
        if domain:
            return held == name and str(row.get("account-domain") or "").lower() == domain
        return "@" not in value and not is_guid and not is_sid and held == value
    return False


def ip(value: str, held: str, role: str, row: Row) -> bool:
    if role == "ip-endpoint":
        if held.startswith("["):
            held, bracket, port = held[1:].partition("]")
            if not bracket or (port and not (port[0] == ":" and port[1:].isdigit())):
                return False
        elif held.count(":") == 1:
            held, _, port = held.partition(":")
            if not port.isdigit():
                return False
    try:
        address = ipaddress.ip_address(held)
    except ValueError:
        return False
    network = ipaddress.ip_network(value)
    if value.startswith("::ffff:") and "." in value:
        network = ipaddress.ip_network(value.removeprefix("::ffff:"))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version == network.version and address in network


def signer(value: str, held: str, role: str, row: Row) -> bool:
    return value.lower() == held.lower()


def app(value: str, held: str, role: str, row: Row) -> bool:
    is_guid = [len(part) for part in value.split("-")] == [8, 4, 4, 4, 12] and set(value) <= {*string.hexdigits, "-"}
    fitting = role == "app-id" if is_guid else role == "app-name" or (role == "app-number" and value.isdigit())
    return fitting and held.lower() == value.lower()


ROOTS = {
    "hklm": "hkey_local_machine", "\\registry\\machine": "hkey_local_machine", "hku": "hkey_users",
    "\\registry\\user": "hkey_users", "hkcu": "hkey_current_user", "hkcr": "hkey_classes_root",
    "hkcc": "hkey_current_config",
}  # fmt: skip


def registry_key(value: str, held: str, role: str, row: Row) -> bool:
    value, held = long_root(value.lower().rstrip("\\")), long_root(held.lower())
    return below_path(value, held, ("\\",))


def long_root(key: str) -> str:
    """Return a key whose root is written out."""
    for short, long in ROOTS.items():
        if key == short or key.startswith(short + "\\"):
            return long + key[len(short) :]
    return key


def whole_text(value: str, held: str, role: str, row: Row) -> bool:
    return like(value.lower(), held.lower())


def port(value: str, held: str, role: str, row: Row) -> bool:
    return held == str(int(value))


TESTS = {
    "device": device,
    "url": url,
    "hash": digest,
    "process": process,
    "parent_process": process,
    "command_line": command_line,
    "parent_command_line": command_line,
    "path": path,
    "account": account,
    "ip": ip,
    "signer": signer,
    "port": port,
    "app": app,
    "user_agent": whole_text,
    "registry_key": registry_key,
}
