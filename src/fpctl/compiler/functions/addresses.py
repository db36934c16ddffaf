"""IPv4 and IPv6: numbers, prefixes, ranges, and addresses within a text."""

from __future__ import annotations

import json
import re

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import FALSE, Cast, Number, Sql, Text, disjunction, func
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_V4 = rf"\s*({_OCTET}[.]){{3}}{_OCTET}(/(3[0-2]|[12]?[0-9]))?\s*"
# Octets above 255 or with leading zeros are not an address (parse-ipv4-function; the latter seen on the emulator).

macro("kql_v4_part", "s, n", "TRY_CAST(split_part(split_part(trim(s), '/', 1), '.', n) AS BIGINT)")
macro("kql_v4", "s", f"CASE WHEN regexp_full_match(s, '{_V4}') THEN kql_v4_part(s, 1) * 16777216 + "
      "kql_v4_part(s, 2) * 65536 + kql_v4_part(s, 3) * 256 + kql_v4_part(s, 4) END")  # fmt: skip
macro(
    "kql_v4_prefix", "s", "CASE WHEN contains(s, '/') THEN TRY_CAST(split_part(trim(s), '/', 2) AS BIGINT) ELSE 32 END"
)
macro("kql_v4_masked", "n, p", "n - n % (1::BIGINT << (32 - p))")
macro("kql_dotted", "n", "concat_ws('.', n // 16777216, n // 65536 % 256, n // 256 % 256, n % 256)")
macro("kql_prefix", "p, most", "CASE WHEN p BETWEEN 0 AND most THEN p END")
macro("kql_least", "a, b, c", "CASE WHEN a IS NOT NULL AND b IS NOT NULL AND c IS NOT NULL THEN least(a, b, c) END")


@scalar("parse_ipv4", "string", returns="long")
def parse_ipv4(text: Sql) -> Sql:
    """`parse_ipv4(s)`: the number of the network that a prefix leaves."""
    return func("kql_v4_masked", func("kql_v4", text), func("kql_v4_prefix", text))


@scalar("parse_ipv4_mask", "string", "long", returns="long")
def parse_ipv4_mask(text: Sql, prefix: Sql) -> Sql:
    """`parse_ipv4_mask(s, prefix)`."""
    size = func("kql_least", func("kql_v4_prefix", text), func("kql_prefix", prefix, Number(32)), Number(32))
    return func("kql_v4_masked", func("kql_v4", text), size)


@scalar("ipv4_netmask_suffix", "string", returns="long")
def ipv4_netmask_suffix(text: Sql) -> Sql:
    """`ipv4_netmask_suffix(s)`: 32 where none is written."""
    return func("kql_v4_if", func("kql_v4", text), func("kql_v4_prefix", text))


macro("kql_v4_if", "n, v", "CASE WHEN n IS NOT NULL THEN v END")
macro("kql_v4_order", "a, b, p", "sign(kql_v4_masked(kql_v4(a), p) - kql_v4_masked(kql_v4(b), p))")


def _size(first: Sql, second: Sql, prefix: Sql | None) -> Sql:
    most = Number(32) if prefix is None else func("kql_prefix", prefix, Number(32))
    return func("kql_least", func("kql_v4_prefix", first), func("kql_v4_prefix", second), most)


@scalar("ipv4_compare", "string", "string", "long?", returns="long")
def ipv4_compare(first: Sql, second: Sql, prefix: Sql | None) -> Sql:
    """`ipv4_compare(a, b, prefix)`: by the smallest of the prefixes."""
    return Cast(func("kql_v4_order", first, second, _size(first, second, prefix)), "BIGINT")


@scalar("ipv4_is_match", "string", "string", "long?", returns="bool")
def ipv4_is_match(first: Sql, second: Sql, prefix: Sql | None) -> Sql:
    """`ipv4_is_match(a, b, prefix)`: null where one is not an address."""
    return func("kql_is_zero", func("kql_v4_order", first, second, _size(first, second, prefix)))


macro("kql_is_zero", "n", "n = 0")
macro(
    "kql_v4_within", "a, r", "kql_v4_masked(kql_v4(a), kql_v4_prefix(r)) = kql_v4_masked(kql_v4(r), kql_v4_prefix(r))"
)
macro("kql_v4_private", "n", "n // 16777216 = 10 OR n // 1048576 = 2753 OR n // 65536 = 49320")


@scalar("ipv4_is_in_range", "string", "string", returns="bool")
def ipv4_is_in_range(address: Sql, network: Sql) -> Sql:
    """`ipv4_is_in_range(a, range)`."""
    return func("kql_v4_within", address, network)


@special("ipv4_is_in_any_range")
def ipv4_is_in_any_range(expressions: Expressions, node: tree.Call) -> Value:
    """`ipv4_is_in_any_range(a, range, ...)`, or an array of ranges: null where `a` is not an address."""
    address = expressions.as_text(node.args[0]).sql
    tests: list[Sql] = []
    for arg in node.args[1:]:
        value = expressions.value(arg)
        if value.type == "string":
            tests.append(func("coalesce", func("kql_v4_within", address, value.sql), FALSE))
        elif isinstance(value.constant, list):
            networks = [Text(one) for one in value.constant if isinstance(one, str)]
            tests.extend(func("coalesce", func("kql_v4_within", address, one), FALSE) for one in networks)
        elif value.type == "dynamic":
            tests.append(func("kql_v4_within_any", address, value.sql))
        else:
            expressions.refuse("ipv4_is_in_any_range", f"a {value.type} is not a range", arg)
    return Value(func("kql_v4_if", func("kql_v4", address), disjunction(tests)), "bool")


macro("kql_v4_within_any", "a, j", "coalesce(len(list_filter(kql_elements(j), lambda r: kql_is_text(r) AND "
      "coalesce(kql_v4_within(a, kql_json_text(r)), false))) > 0, false)")  # fmt: skip


@scalar("ipv4_is_private", "string", returns="bool")
def ipv4_is_private(text: Sql) -> Sql:
    """`ipv4_is_private(a)`: in 10/8, 172.16/12 or 192.168/16, all of a network."""
    return func("kql_v4_all_private", text)


macro("kql_v4_all_private", "s", "CASE WHEN kql_v4(s) IS NOT NULL THEN "
      "(kql_v4(s) // 16777216 = 10 AND kql_v4_prefix(s) >= 8) OR (kql_v4(s) // 1048576 = 2753 AND "
      "kql_v4_prefix(s) >= 12) OR (kql_v4(s) // 65536 = 49320 AND "
      "kql_v4_prefix(s) >= 16) END")  # fmt: skip


def _formatted(expressions: Expressions, node: tree.Call) -> tuple[Sql, Sql]:
    """Return the number that is left of an address, and its prefix."""
    value = expressions.value(node.args[0])
    prefix = converted(expressions.value(node.args[1]), "long") if len(node.args) > 1 else None
    if len(node.args) > 1 and prefix is None:
        expressions.refuse(node.name.value, "the prefix must be a number", node.args[1])
    most: Sql = Number(32) if prefix is None else func("kql_prefix", prefix.sql, Number(32))
    if value.type in ("int", "long"):
        number = func("kql_v4_number", value.sql)
        return func("kql_v4_masked", number, most), most
    if value.type not in ("string", "dynamic"):
        expressions.refuse(node.name.value, f"a {value.type} is not an address", node)
    text = expressions.as_text(node.args[0]).sql
    size = func("kql_least", func("kql_v4_prefix", text), most, Number(32))
    return func("kql_v4_masked", func("kql_v4", text), size), size


macro("kql_v4_number", "n", "CASE WHEN n BETWEEN 0 AND 4294967295 THEN n END")
macro("kql_v4_text", "n", "CASE WHEN n IS NULL THEN '' ELSE kql_dotted(n) END")
macro("kql_v4_network", "n, p", "CASE WHEN n IS NULL OR p IS NULL THEN '' ELSE kql_dotted(n) || '/' || p END")


@special("format_ipv4")
def format_ipv4(expressions: Expressions, node: tree.Call) -> Value:
    """`format_ipv4(a, prefix)`: empty of what is not an address."""
    number, _ = _formatted(expressions, node)
    return Value(func("kql_v4_text", number), "string")


@special("format_ipv4_mask")
def format_ipv4_mask(expressions: Expressions, node: tree.Call) -> Value:
    """`format_ipv4_mask(a, prefix)`."""
    number, size = _formatted(expressions, node)
    return Value(func("kql_v4_network", number, size), "string")


@arrow_function("kql_v4_networks", ["int64", "int64"], "string")
def _networks(first: int, last: int) -> str:
    found: list[str] = []
    while first <= last:
        free = (first & -first).bit_length() - 1 if first else 32
        room = (last - first + 1).bit_length() - 1
        bits = min(free, room)
        shown = ".".join(str(first >> shift & 255) for shift in (24, 16, 8, 0))
        found.append(f"{shown}/{32 - bits}")
        first += 1 << bits
    return json.dumps(found, separators=(",", ":"))


@scalar("ipv4_range_to_cidr_list", "string", "string", returns="dynamic")
def ipv4_range_to_cidr_list(first: Sql, last: Sql) -> Sql:
    """`ipv4_range_to_cidr_list(first, last)`."""
    return Cast(func("kql_v4_networks", func("kql_v4", first), func("kql_v4", last)), "JSON")


# --------------------------------------------------------------------------- in text

_BEFORE, _AFTER = r"(?:^|[^\pL\pN])", r"(?:$|[^\pL\pN])"
_ADDRESS = re.compile(rf"({_OCTET}\.){{3}}{_OCTET}")
_START = re.compile(rf"({_OCTET}\.){{1,3}}")


def _in_text(text: Sql, wanted: str, *, prefix: bool) -> Sql:
    """Return whether an address occurs in a text, between ends of words."""
    if _ADDRESS.fullmatch(wanted):
        pattern = wanted.replace(".", "[.]")
    elif prefix and _START.fullmatch(wanted):
        left = 4 - wanted.count(".")
        pattern = wanted.replace(".", "[.]") + "[.]".join([_OCTET] * left)
    else:
        return FALSE
    return func("regexp_matches", text, Text(f"{_BEFORE}{pattern}{_AFTER}"))


@special("has_ipv4 has_ipv4_prefix has_any_ipv4 has_any_ipv4_prefix")
def has_ipv4(expressions: Expressions, node: tree.Call) -> Value:
    """`has_ipv4(text, address)` and its kin: a prefix ends with a dot; what is not an address is found nowhere."""
    name = node.name.value
    text = expressions.as_text(node.args[0]).sql
    prefix = name.endswith("prefix")
    tests: list[Sql] = []
    for arg in node.args[1:]:
        value = expressions.value(arg)
        if isinstance(value.constant, str):
            tests.append(_in_text(text, value.constant, prefix=prefix))
        elif isinstance(value.constant, list):
            tests.extend(_in_text(text, one, prefix=prefix) for one in value.constant if isinstance(one, str))
        elif value.type == "string":
            tests.append(func("kql_py_has_ipv4", text, value.sql, Number(int(prefix))))
        elif value.type == "dynamic":
            tests.append(func("kql_has_any_ipv4", text, value.sql, Number(int(prefix))))
        else:
            expressions.refuse(name, f"a {value.type} is not an address", arg)
    return Value(disjunction(tests) if tests else FALSE, "bool", nullable=False)


@arrow_function("kql_py_has_ipv4", ["string", "string", "int64"], "bool")
def _py_has_ipv4(text: str, wanted: str, prefix: int) -> bool:
    whole = _ADDRESS.fullmatch(wanted) is not None
    if not whole and not (prefix and _START.fullmatch(wanted)):
        return False
    rest = "" if whole else r"\.".join([_OCTET] * (4 - wanted.count(".")))
    return re.search(rf"(?:^|[\W_]){re.escape(wanted)}{rest}(?:$|[\W_])", text) is not None


macro("kql_has_any_ipv4", "s, j, p", "coalesce(len(list_filter(kql_elements(j), lambda a: kql_is_text(a) AND "
      "kql_py_has_ipv4(s, kql_json_text(a), p))) > 0, false)")  # fmt: skip

# --------------------------------------------------------------------------- IPv6


def v6(text: str) -> tuple[int, int] | None:
    """Return an IPv6 address as a number, an IPv4 one mapped into it, with its prefix (128 where none is written)."""
    address, slash, written = text.strip().partition("/")
    address = address.partition("%")[0]
    if slash and not re.fullmatch("[0-9]{1,3}", written):
        return None
    head, colon, tail = address.rpartition(":")
    bits = int(written) if slash else None
    if "." in tail:
        if not _ADDRESS.fullmatch(tail):
            return None
        octets = [int(octet) for octet in tail.split(".")]
        low = octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]
        # The prefix is that of the IPv4 address (parse-ipv6-mask-function).
        if bits is not None and bits > 32:
            return None
        prefix = 128 if bits is None else 96 + bits
        if not colon or f"{head}:" in ("::", "::ffff:"):
            return 0xFFFF << 32 | low, prefix
        address = f"{head}:{low >> 16:x}:{low & 0xFFFF:x}"
    else:
        prefix = 128 if bits is None else bits
    groups = _groups(address)
    if groups is None or prefix > 128:
        return None
    number = 0
    for group in groups:
        number = number << 16 | group
    return number, prefix


def _groups(address: str) -> list[int] | None:
    left, gap, right = address.partition("::")
    first = left.split(":") if left else []
    last = right.split(":") if right else []
    if any(not re.fullmatch("[0-9a-fA-F]{1,4}", group) for group in first + last):
        return None
    missing = 8 - len(first) - len(last)
    if (missing < 1) if gap else missing:
        return None
    return [int(group, 16) for group in first] + [0] * missing + [int(group, 16) for group in last]


def _cut(number: int, prefix: int) -> int:
    return number >> 128 - prefix << 128 - prefix


@arrow_function("kql_v6_text", ["string", "int64"], "string")
def _v6_text(text: str, most: int) -> str:
    found = v6(text)
    if found is None or not 0 <= most <= 128:
        return ""
    number = _cut(found[0], min(found[1], most))
    return ":".join(f"{number >> shift & 0xFFFF:04x}" for shift in range(112, -16, -16))


@arrow_function("kql_v6_order", ["string", "string", "int64"], "int64")
def _v6_order(first: str, second: str, most: int) -> int | None:
    a, b = v6(first), v6(second)
    if a is None or b is None or not 0 <= most <= 128:
        return None
    size = min(a[1], b[1], most)
    left, right = _cut(a[0], size), _cut(b[0], size)
    return (left > right) - (left < right)


@arrow_function("kql_v6_within", ["string", "string"], "bool")
def _v6_within(address: str, network: str) -> bool | None:
    a, b = v6(address), v6(network)
    return None if a is None or b is None else _cut(a[0], b[1]) == _cut(b[0], b[1])


@scalar("parse_ipv6", "string", returns="string")
def parse_ipv6(text: Sql) -> Sql:
    """`parse_ipv6(s)`: in full, empty of what is not an address."""
    return func("kql_v6_text", text, Number(128))


@scalar("parse_ipv6_mask", "string", "long", returns="string")
def parse_ipv6_mask(text: Sql, prefix: Sql) -> Sql:
    """`parse_ipv6_mask(s, prefix)`."""
    return func("coalesce", func("kql_v6_text", text, prefix), Text(""))


@scalar("ipv6_compare", "string", "string", "long?", returns="long")
def ipv6_compare(first: Sql, second: Sql, prefix: Sql | None) -> Sql:
    """`ipv6_compare(a, b, prefix)`."""
    return func("kql_v6_order", first, second, Number(128) if prefix is None else prefix)


@scalar("ipv6_is_match", "string", "string", "long?", returns="bool")
def ipv6_is_match(first: Sql, second: Sql, prefix: Sql | None) -> Sql:
    """`ipv6_is_match(a, b, prefix)`."""
    return func("kql_is_zero", func("kql_v6_order", first, second, Number(128) if prefix is None else prefix))


@scalar("ipv6_is_in_range", "string", "string", returns="bool")
def ipv6_is_in_range(address: Sql, network: Sql) -> Sql:
    """`ipv6_is_in_range(a, range)`."""
    return func("kql_v6_within", address, network)


@special("ipv6_is_in_any_range")
def ipv6_is_in_any_range(expressions: Expressions, node: tree.Call) -> Value:
    """`ipv6_is_in_any_range(a, range, ...)`, or an array of ranges."""
    address = expressions.as_text(node.args[0]).sql
    tests: list[Sql] = []
    for arg in node.args[1:]:
        value = expressions.value(arg)
        if value.type == "string":
            tests.append(func("coalesce", func("kql_v6_within", address, value.sql), FALSE))
        elif value.type == "dynamic":
            tests.append(func("kql_v6_within_any", address, value.sql))
        else:
            expressions.refuse("ipv6_is_in_any_range", f"a {value.type} is not a range", arg)
    known = func("kql_v6_text", address, Number(128))
    return Value(func("kql_unless_no_address", known, disjunction(tests)), "bool")


macro("kql_unless_no_address", "s, v", "CASE WHEN s != '' THEN v END")
macro("kql_v6_within_any", "a, j", "coalesce(len(list_filter(kql_elements(j), lambda r: kql_is_text(r) AND "
      "coalesce(kql_v6_within(a, kql_json_text(r)), false))) > 0, false)")  # fmt: skip
