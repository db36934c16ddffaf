"""Encodings and hashes: base64, URL, hexadecimal, punycode, gzip; MD5, SHA, xxHash."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from urllib.parse import quote, quote_plus, unquote_to_bytes
from uuid import UUID

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_values import dumped, loaded
from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Cast, Number, Sql, Text, func
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

# --------------------------------------------------------------------------- base64


@scalar("base64_encode_tostring base64_encodestring", "string", returns="string")
def base64_encode_tostring(text: Sql) -> Sql:
    """`base64_encode_tostring(s)`: of the UTF-8."""
    return func("to_base64", func("encode", text))


def _bytes(text: str) -> bytes | None:
    """Return what base64 stands for; None of what is none, padding included (base64-encode-fromarray-function)."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


@arrow_function("kql_base64_text", ["string"], "string")
def _base64_text(text: str) -> str:
    data = _bytes(text)
    if data is None:
        return ""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return ""


@scalar("base64_decode_tostring base64_decodestring", "string", returns="string")
def base64_decode_tostring(text: Sql) -> Sql:
    """`base64_decode_tostring(s)`: empty where it is not base64, or not UTF-8. NUL characters stay."""
    return func("kql_base64_text", text)


@arrow_function("kql_base64_bytes", ["string"], "string")
def _base64_bytes(text: str) -> str | None:
    data = _bytes(text)
    return None if data is None else dumped(list(data))


@scalar("base64_decode_toarray", "string", returns="dynamic")
def base64_decode_toarray(text: Sql) -> Sql:
    """`base64_decode_toarray(s)`: null where it is not base64."""
    return Cast(func("kql_base64_bytes", text), "JSON")


@arrow_function("kql_base64_of_array", ["string"], "string")
def _base64_of_array(array: str) -> str:
    try:
        return base64.b64encode(bytes(loaded(array))).decode("ascii")
    except (TypeError, ValueError):
        return ""


@scalar("base64_encode_fromarray", "dynamic", returns="string")
def base64_encode_fromarray(array: Sql) -> Sql:
    """`base64_encode_fromarray(a)`: empty of what are not bytes."""
    return func("coalesce", func("kql_base64_of_array", Cast(array, "VARCHAR")), Text(""))


@arrow_function("kql_base64_guid", ["string"], "string")
def _base64_guid(text: str) -> str | None:
    data = _bytes(text)
    return str(UUID(bytes_le=data)) if data is not None and len(data) == 16 else None


@scalar("base64_decode_toguid", "string", returns="guid")
def base64_decode_toguid(text: Sql) -> Sql:
    """`base64_decode_toguid(s)`: of sixteen bytes."""
    return Cast(func("kql_base64_guid", text), "UUID")


@arrow_function("kql_guid_base64", ["string"], "string")
def _guid_base64(guid: str) -> str:
    return base64.b64encode(UUID(guid).bytes_le).decode("ascii")


@scalar("base64_encode_fromguid", "guid", returns="string")
def base64_encode_fromguid(guid: Sql) -> Sql:
    """`base64_encode_fromguid(g)`: empty of null."""
    return func("coalesce", func("kql_guid_base64", Cast(guid, "VARCHAR")), Text(""))


# --------------------------------------------------------------------------- URLs, hexadecimal, punycode


@arrow_function("kql_url_encode", ["string"], "string")
def _url_encode(text: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), quote_plus(text, safe="!*()-._"))


@scalar("url_encode", "string", returns="string")
def url_encode(text: Sql) -> Sql:
    """`url_encode(s)`: blanks become `+`."""
    return func("kql_url_encode", text)


@arrow_function("kql_url_encode_component", ["string"], "string")
def _url_encode_component(text: str) -> str:
    return re.sub("%..", lambda found: found[0].lower(), quote(text, safe="!*()-._"))


@scalar("url_encode_component", "string", returns="string")
def url_encode_component(text: Sql) -> Sql:
    """`url_encode_component(s)`: blanks become `%20`."""
    return func("kql_url_encode_component", text)


@arrow_function("kql_url_decode", ["string"], "string")
def _url_decode(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


@scalar("url_decode", "string", returns="string")
def url_decode(text: Sql) -> Sql:
    """`url_decode(s)`."""
    return func("kql_url_decode", text)


macro("kql_hex", "n", "CASE WHEN n >= 0 THEN lower(to_hex(n)) ELSE lower(to_hex(CAST(n AS HUGEINT) + "
      "18446744073709551616)) END")  # fmt: skip


@special("tohex")
def tohex(expressions: Expressions, node: tree.Call) -> Value:
    """`tohex(n, width)`: two's complement of its own size where it is negative."""
    value = expressions.value(node.args[0])
    number = converted(value, "long")
    if number is None or value.type not in ("int", "long", "dynamic"):
        expressions.refuse("tohex", f"tohex() does not take a {value.type}", node)
    digits: Sql = func("kql_hex", number.sql)
    if value.type == "int":
        digits = func("right", digits, func("kql_int_digits", number.sql))
    if len(node.args) > 1:
        width = expressions.constant_of(node.args[1], "the width").constant
        if not isinstance(width, int):
            expressions.refuse("tohex", "the width must be a number", node.args[1])
        digits = func("kql_padded", digits, Number(min(max(width, 0), 16)))
    return Value(func("coalesce", digits, Text("")), "string")


macro("kql_padded", "s, n", "CASE WHEN length(s) >= n THEN s ELSE lpad(s, CAST(n AS INTEGER), '0') END")


macro("kql_int_digits", "n", "CASE WHEN n < 0 THEN 8 ELSE 16 END")


@arrow_function("kql_punycode_text", ["string"], "string")
def _punycode_text(text: str) -> str:
    try:
        return text.encode("ascii").decode("punycode")
    except UnicodeError:
        return ""


@scalar("punycode_to_string", "string", returns="string")
def punycode_to_string(text: Sql) -> Sql:
    """`punycode_to_string(s)`."""
    return func("kql_punycode_text", text)


@arrow_function("kql_punycode_domain_text", ["string"], "string")
def _punycode_domain_text(domain: str) -> str:
    try:
        return ".".join(
            part[4:].encode("ascii").decode("punycode") if part.startswith("xn--") else part
            for part in domain.split(".")
        )
    except UnicodeError:
        return ""


@scalar("punycode_domain_from_string", "string", returns="string")
def punycode_domain_from_string(domain: Sql) -> Sql:
    """`punycode_domain_from_string(s)`: decoded, label by label; empty where one cannot be."""
    return func("kql_punycode_domain_text", domain)


@arrow_function("kql_punycode_domain", ["string"], "string")
def _punycode_domain(domain: str) -> str:
    # The ideographic full stops separate labels too (RFC 3490, 3.1).
    parts = re.split("[.\u3002\uff0e\uff61]", domain)
    return ".".join(part if part.isascii() else f"xn--{part.encode('punycode').decode('ascii')}" for part in parts)


@scalar("punycode_domain_to_string", "string", returns="string")
def punycode_domain_to_string(domain: Sql) -> Sql:
    """`punycode_domain_to_string(s)`: encoded, label by label."""
    return func("kql_punycode_domain", domain)


@arrow_function("kql_punycode", ["string"], "string")
def _punycode(text: str) -> str:
    return text.encode("punycode").decode("ascii")


@scalar("punycode_from_string", "string", returns="string")
def punycode_from_string(text: Sql) -> Sql:
    """`punycode_from_string(s)`."""
    return func("kql_punycode", text)


# --------------------------------------------------------------------------- compression


def _inflated(text: str, window: int) -> str:
    data = _bytes(text)
    try:
        return "" if data is None else zlib.decompress(data, window).decode("utf-8")
    except (zlib.error, UnicodeDecodeError):
        return ""


@arrow_function("kql_gunzip", ["string"], "string")
def _gunzip(text: str) -> str:
    return _inflated(text, 31)


@scalar("gzip_decompress_from_base64_string", "string", returns="string")
def gzip_decompress(text: Sql) -> Sql:
    """`gzip_decompress_from_base64_string(s)`: empty if it cannot be decompressed."""
    return func("kql_gunzip", text)


@arrow_function("kql_inflate", ["string"], "string")
def _inflate(text: str) -> str:
    return _inflated(text, 15)


@scalar("zlib_decompress_from_base64_string", "string", returns="string")
def zlib_decompress(text: Sql) -> Sql:
    """`zlib_decompress_from_base64_string(s)`: empty if it cannot be decompressed."""
    return func("kql_inflate", text)


# --------------------------------------------------------------------------- hashes

for _hash in ("md5", "sha1", "sha256"):

    @special(f"hash_{_hash}")
    def _hashed(expressions: Expressions, node: tree.Call, hashing: str = _hash) -> Value:
        # Kusto gives no digest of no text (seen on its emulator, as duckdb-kql's sources tell; no page says).
        text = expressions.as_text(node.args[0])
        return Value(func("kql_unless_empty", text.sql, func(hashing, text.sql)), "string")


macro("kql_unless_empty", "s, v", "CASE WHEN s = '' THEN '' ELSE v END")

_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5, _MASK = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5, 2**64 - 1


def _left(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _MASK


def _mixed(lane: int, word: int) -> int:
    return _left((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def xxh64(data: bytes) -> int:
    """Return the XXH64 hash of bytes, seed 0, as a signed number (https://xxhash.com/doc, the specification)."""
    length, at = len(data), 0
    if length >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, (-_P1) & _MASK]
        while length - at >= 32:
            for index in range(4):
                lanes[index] = _mixed(lanes[index], int.from_bytes(data[at : at + 8], "little"))
                at += 8
        digest = sum(_left(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            digest = ((digest ^ _mixed(0, lane)) * _P1 + _P4) & _MASK
    else:
        digest = _P5
    digest = (digest + length) & _MASK
    while length - at >= 8:
        digest = (_left(digest ^ _mixed(0, int.from_bytes(data[at : at + 8], "little")), 27) * _P1 + _P4) & _MASK
        at += 8
    if length - at >= 4:
        word = int.from_bytes(data[at : at + 4], "little")
        digest = (_left(digest ^ (word * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        digest = _left(digest ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    digest = ((digest ^ digest >> 33) * _P2) & _MASK
    digest = ((digest ^ digest >> 29) * _P3) & _MASK
    digest ^= digest >> 32
    return digest - 2**64 if digest >= 2**63 else digest


@arrow_function("kql_xxhash", ["string"], "int64")
def _xxhash_of_text(text: str) -> int:
    return xxh64(text.encode("utf-8", "surrogatepass"))


@arrow_function("kql_xxhash_of_number", ["int64"], "int64")
def _xxhash_ofNumber(number: int) -> int:
    return xxh64(number.to_bytes(8, "little", signed=True))


@special("hash hash_xxhash64")
def hash_(expressions: Expressions, node: tree.Call) -> Value:
    """`hash(s, modulus)`: of a string's UTF-8, of the eight bytes of a datetime or a long (hash-function)."""
    name = node.name.value
    value = expressions.value(node.args[0])
    if value.type == "string":
        digest: Sql = func("kql_xxhash", value.sql)
    elif value.type in ("long", "datetime", "timespan"):
        digest = func("kql_xxhash_of_number", func("coalesce", value.sql, Number(0)))
    else:
        expressions.refuse(name, f"{name}() of a {value.type} is not described by the reference", node)
    if len(node.args) > 1:
        modulus = converted(expressions.value(node.args[1]), "long")
        if modulus is None:
            expressions.refuse(name, "the modulus must be a number", node.args[1])
        digest = func("kql_modulo", digest, modulus.sql)
    return Value(digest, "long")
