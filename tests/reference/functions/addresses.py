"""IPv4 and IPv6. Pages by name: ipv4-*-function, ipv6-*-function, has-ipv4-*-function, parse-ipv4-function."""

from __future__ import annotations

import re

from reference.conversions import convert
from reference.functions import scalar
from reference.values import Value, boolean, dynamic, long, string, text_of

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_V4 = re.compile(rf"\s*({_OCTET}(?:\.{_OCTET}){{3}})(?:/(\d{{1,2}}))?\s*")


def v4(text: str) -> tuple[int, int] | None:
    """Return the number of an address and its prefix (32 where none is written)."""
    match = _V4.fullmatch(text)
    if match is None:
        return None
    prefix = 32 if match[2] is None else int(match[2])
    if prefix > 32:
        return None
    number = 0
    for octet in match[1].split("."):
        number = number * 256 + int(octet)
    return number, prefix


def masked(number: int, prefix: int, bits: int = 32) -> int:
    return number >> (bits - prefix) << (bits - prefix)


def dotted(number: int) -> str:
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _prefix(value: Value, most: int) -> int | None:
    raw = convert(value, "long").raw
    return raw if raw is not None and 0 <= raw <= most else None


@scalar("parse_ipv4")
def parse_ipv4(value: Value) -> Value:
    found = v4(text_of(value))
    return long(None if found is None else masked(*found))


@scalar("parse_ipv4_mask")
def parse_ipv4_mask(value: Value, prefix: Value) -> Value:
    found, most = v4(text_of(value)), _prefix(prefix, 32)
    return long(None if found is None or most is None else masked(found[0], min(found[1], most)))


@scalar("ipv4_netmask_suffix")
def ipv4_netmask_suffix(value: Value) -> Value:
    found = v4(text_of(value))
    return long(None if found is None else found[1])


def _compared(a: Value, b: Value, prefix: Value) -> int | None:
    """The smallest prefix of the three counts (ipv4-compare-function)."""
    x, y, most = v4(text_of(a)), v4(text_of(b)), _prefix(prefix, 32)
    if x is None or y is None or most is None:
        return None
    size = min(x[1], y[1], most)
    left, right = masked(x[0], size), masked(y[0], size)
    return (left > right) - (left < right)


@scalar("ipv4_compare")
def ipv4_compare(a: Value, b: Value, prefix: Value = long(32)) -> Value:
    return long(_compared(a, b, prefix))


@scalar("ipv4_is_match")
def ipv4_is_match(a: Value, b: Value, prefix: Value = long(32)) -> Value:
    order = _compared(a, b, prefix)
    return boolean(None if order is None else order == 0)


@scalar("ipv4_is_in_range")
def ipv4_is_in_range(address: Value, network: Value) -> Value:
    x, y = v4(text_of(address)), v4(text_of(network))
    if x is None or y is None:
        return boolean(None)
    return boolean(masked(x[0], y[1]) == masked(y[0], y[1]))


@scalar("ipv4_is_in_any_range")
def ipv4_is_in_any_range(address: Value, *networks: Value) -> Value:
    x = v4(text_of(address))
    if x is None:
        return boolean(None)
    for network in networks:
        items = network.raw if isinstance(network.raw, list) else [text_of(network)]
        for item in items:
            y = v4(item) if isinstance(item, str) else None
            if y is not None and masked(x[0], y[1]) == masked(y[0], y[1]):
                return boolean(True)
    return boolean(False)


_PRIVATE = ((0x0A000000, 8), (0xAC100000, 12), (0xC0A80000, 16))


@scalar("ipv4_is_private")
def ipv4_is_private(value: Value) -> Value:
    found = v4(text_of(value))
    if found is None:
        return boolean(None)
    return boolean(any(found[1] >= size and masked(found[0], size) == base for base, size in _PRIVATE))


@scalar("format_ipv4")
def format_ipv4(value: Value, prefix: Value = long(32)) -> Value:
    found = _formatted(value, prefix)
    return string("" if found is None else dotted(found[0]))


@scalar("format_ipv4_mask")
def format_ipv4_mask(value: Value, prefix: Value = long(32)) -> Value:
    found = _formatted(value, prefix)
    return string("" if found is None else f"{dotted(found[0])}/{found[1]}")


def _formatted(value: Value, prefix: Value) -> tuple[int, int] | None:
    most = _prefix(prefix, 32)
    found = v4(text_of(value)) if value.type == "string" else None
    if value.type in ("int", "long") and value.raw is not None and 0 <= value.raw < 2**32:
        found = (value.raw, 32)
    if found is None or most is None:
        return None
    size = min(found[1], most)
    return masked(found[0], size), size


@scalar("ipv4_range_to_cidr_list")
def ipv4_range_to_cidr_list(start: Value, end: Value) -> Value:
    low, high = v4(text_of(start)), v4(text_of(end))
    if low is None or high is None:
        return dynamic(None)
    out, at = [], low[0]
    while at <= high[0]:
        size = 32
        while size > 0 and masked(at, size - 1) == at and at + 2 ** (33 - size) - 1 <= high[0]:
            size -= 1
        out.append(f"{dotted(at)}/{size}")
        at += 2 ** (32 - size)
    return dynamic(out)


# --------------------------------------------------------------------------- in text


def _found(text: str, wanted: str, whole: bool) -> bool:
    """An address in a text ends where letters and digits end on both sides (has-ipv4-function)."""
    for match in re.finditer(rf"(?<![^\W_]){_OCTET}(?:\.{_OCTET}){{3}}(?![^\W_])", text):
        if match[0] == wanted if whole else match[0].startswith(wanted):
            return True
    return False


@scalar("has_ipv4")
def has_ipv4(value: Value, address: Value) -> Value:
    return boolean(has_address(text_of(value), text_of(address)))


def has_address(text: str, address: str) -> bool:
    return re.fullmatch(rf"{_OCTET}(?:\.{_OCTET}){{3}}", address) is not None and _found(text, address, whole=True)


def has_prefix(text: str, prefix: str) -> bool:
    """A prefix ends with a dot, or is a whole address (has-ipv4-prefix-function)."""
    if re.fullmatch(rf"(?:{_OCTET}\.){{1,3}}", prefix):
        return _found(text, prefix, whole=False)
    return has_address(text, prefix)


@scalar("has_ipv4_prefix")
def has_ipv4_prefix(value: Value, prefix: Value) -> Value:
    return boolean(has_prefix(text_of(value), text_of(prefix)))


def _listed(values: tuple[Value, ...]) -> list[str]:
    out: list[str] = []
    for value in values:
        out += [i for i in value.raw if isinstance(i, str)] if isinstance(value.raw, list) else [text_of(value)]
    return out


@scalar("has_any_ipv4")
def has_any_ipv4(value: Value, *addresses: Value) -> Value:
    return boolean(any(has_address(text_of(value), item) for item in _listed(addresses)))


@scalar("has_any_ipv4_prefix")
def has_any_ipv4_prefix(value: Value, *prefixes: Value) -> Value:
    return boolean(any(has_prefix(text_of(value), item) for item in _listed(prefixes)))


# --------------------------------------------------------------------------- IPv6


def v6(text: str) -> tuple[int, int] | None:
    """Return the number of an IPv6 address, or of an IPv4 one mapped into it, and its prefix."""
    address, slash, size = text.strip().partition("/")
    address = address.partition("%")[0]
    if slash and not re.fullmatch(r"\d{1,3}", size):
        return None
    four = v4(address)
    if four is not None:
        prefix = 96 + int(size) if slash else 128
        return ((0xFFFF << 32) + four[0], prefix) if prefix <= 128 else None
    embedded = re.fullmatch(r"(.*:)(\d+\.\d+\.\d+\.\d+)", address)
    prefix = int(size) if slash else 128
    if embedded:
        tail = v4(embedded[2])
        if tail is None:
            return None
        # Behind a dotted tail the prefix is that of an IPv4 address.
        prefix = 96 + int(size) if slash else 128
        if embedded[1] in ("::", "::ffff:"):
            return ((0xFFFF << 32) + tail[0], prefix) if prefix <= 128 else None
        address = f"{embedded[1]}{tail[0] >> 16:x}:{tail[0] & 0xFFFF:x}"
    groups = _groups(address)
    if groups is None or prefix > 128:
        return None
    number = 0
    for group in groups:
        number = number * 65536 + group
    return number, prefix


def _groups(address: str) -> list[int] | None:
    if address.count("::") > 1 or ":::" in address:
        return None
    left, gap, right = address.partition("::")
    head = left.split(":") if left else []
    tail = right.split(":") if right else []
    if not all(re.fullmatch(r"[0-9a-fA-F]{1,4}", part) for part in head + tail):
        return None
    missing = 8 - len(head) - len(tail)
    if missing < (1 if gap else 0) or (not gap and missing):
        return None
    return [int(part, 16) for part in head] + [0] * missing + [int(part, 16) for part in tail]


def spelled(number: int) -> str:
    return ":".join(f"{number >> shift & 0xFFFF:04x}" for shift in range(112, -1, -16))


@scalar("parse_ipv6")
def parse_ipv6(value: Value) -> Value:
    found = v6(text_of(value))
    return string("" if found is None else spelled(masked(*found, 128)))


@scalar("parse_ipv6_mask")
def parse_ipv6_mask(value: Value, prefix: Value) -> Value:
    found, most = v6(text_of(value)), _prefix(prefix, 128)
    return string("" if found is None or most is None else spelled(masked(found[0], min(found[1], most), 128)))


def _compared6(a: Value, b: Value, prefix: Value) -> int | None:
    x, y, most = v6(text_of(a)), v6(text_of(b)), _prefix(prefix, 128)
    if x is None or y is None or most is None:
        return None
    size = min(x[1], y[1], most)
    left, right = masked(x[0], size, 128), masked(y[0], size, 128)
    return (left > right) - (left < right)


@scalar("ipv6_compare")
def ipv6_compare(a: Value, b: Value, prefix: Value = long(128)) -> Value:
    return long(_compared6(a, b, prefix))


@scalar("ipv6_is_match")
def ipv6_is_match(a: Value, b: Value, prefix: Value = long(128)) -> Value:
    order = _compared6(a, b, prefix)
    return boolean(None if order is None else order == 0)


@scalar("ipv6_is_in_range")
def ipv6_is_in_range(address: Value, network: Value) -> Value:
    x, y = v6(text_of(address)), v6(text_of(network))
    if x is None or y is None:
        return boolean(None)
    return boolean(masked(x[0], y[1], 128) == masked(y[0], y[1], 128))


@scalar("ipv6_is_in_any_range")
def ipv6_is_in_any_range(address: Value, *networks: Value) -> Value:
    x = v6(text_of(address))
    if x is None:
        return boolean(None)
    for item in _listed(networks):
        y = v6(item)
        if y is not None and masked(x[0], y[1], 128) == masked(y[0], y[1], 128):
            return boolean(True)
    return boolean(False)
