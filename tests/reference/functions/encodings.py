"""Encodings and hashes. Pages: base64-*, hash-*, url-*, gzip-*, tohex-function."""

from __future__ import annotations

import base64
import binascii
import gzip
import hashlib
import re
import uuid
import zlib
from urllib.parse import quote, quote_plus, unquote_to_bytes

from reference.conversions import convert
from reference.functions import scalar
from reference.values import Value, dynamic, long, null_of, string, text_of


@scalar("base64_encode_tostring", "base64_encodestring")
def base64_encode(value: Value) -> Value:
    return string(base64.b64encode(text_of(value).encode("utf-8", "surrogatepass")).decode())


def decoded(text: str) -> bytes | None:
    """What is no base64, padding included, is None (base64-encode-fromarray-function, its second example)."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


@scalar("base64_decode_tostring", "base64_decodestring")
def base64_decode(value: Value) -> Value:
    """What is not base64, or not UTF-8, is empty (base64-decode-tostring-function)."""
    data = decoded(text_of(value))
    if data is None:
        return string("")
    try:
        return string(data.decode("utf-8"))
    except UnicodeDecodeError:
        return string("")


@scalar("base64_decode_toarray")
def base64_decode_toarray(value: Value) -> Value:
    data = decoded(text_of(value))
    return dynamic(None if data is None else list(data))


@scalar("base64_encode_fromarray")
def base64_encode_fromarray(value: Value) -> Value:
    try:
        return string(base64.b64encode(bytes(value.raw)).decode())
    except (TypeError, ValueError):
        return string("")


@scalar("base64_decode_toguid")
def base64_decode_toguid(value: Value) -> Value:
    data = decoded(text_of(value))
    return Value("guid", str(uuid.UUID(bytes_le=data)) if data is not None and len(data) == 16 else None)


@scalar("base64_encode_fromguid")
def base64_encode_fromguid(value: Value) -> Value:
    guid = convert(value, "guid").raw
    return string("" if guid is None else base64.b64encode(uuid.UUID(guid).bytes_le).decode())


def digest(kind: str, value: Value) -> Value:
    """Of the text; of no text, no text (seen on the emulator, duckdb-kql's notes)."""
    text = text_of(value)
    return string(hashlib.new(kind, text.encode("utf-8", "surrogatepass")).hexdigest() if text else "")


@scalar("hash_md5")
def hash_md5(value: Value) -> Value:
    return digest("md5", value)


@scalar("hash_sha1")
def hash_sha1(value: Value) -> Value:
    return digest("sha1", value)


@scalar("hash_sha256")
def hash_sha256(value: Value) -> Value:
    return digest("sha256", value)


_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5, _M = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5, 2**64 - 1


def _turned(x: int, r: int) -> int:
    return ((x << r) | (x >> (64 - r))) & _M


def _round(acc: int, lane: int) -> int:
    return _turned((acc + lane * _P2) & _M, 31) * _P1 & _M


def xxhash64(data: bytes) -> int:
    """XXH64 with seed 0."""
    size, at = len(data), 0
    if size >= 32:
        v = [(_P1 + _P2) & _M, _P2, 0, -_P1 & _M]
        while at + 32 <= size:
            for lane in range(4):
                v[lane] = _round(v[lane], int.from_bytes(data[at : at + 8], "little"))
                at += 8
        h = (_turned(v[0], 1) + _turned(v[1], 7) + _turned(v[2], 12) + _turned(v[3], 18)) & _M
        for lane in v:
            h = ((h ^ _round(0, lane)) * _P1 + _P4) & _M
    else:
        h = _P5
    h = (h + size) & _M
    while at + 8 <= size:
        h = (_turned(h ^ _round(0, int.from_bytes(data[at : at + 8], "little")), 27) * _P1 + _P4) & _M
        at += 8
    if at + 4 <= size:
        h = (_turned(h ^ (int.from_bytes(data[at : at + 4], "little") * _P1 & _M), 23) * _P2 + _P3) & _M
        at += 4
    for byte in data[at:]:
        h = _turned(h ^ (byte * _P5 & _M), 11) * _P1 & _M
    h = (h ^ (h >> 33)) * _P2 & _M
    h = (h ^ (h >> 29)) * _P3 & _M
    return h ^ (h >> 32)


@scalar("hash", "hash_xxhash64")
def hash_xxhash(value: Value, modulus: Value | None = None) -> Value:
    """XXH64 of the text's UTF-8, or of the eight bytes of a number or a datetime (hash-function)."""
    if value.type == "string":
        data = value.raw.encode()
    elif value.type in ("long", "datetime", "timespan"):
        data = (value.raw or 0).to_bytes(8, "little", signed=True)
    else:
        data = text_of(value).encode()
    raw = xxhash64(data)
    signed = raw - 2**64 if raw >= 2**63 else raw
    if modulus is None:
        return long(signed)
    by = convert(modulus, "long").raw
    return long(None if not by else signed % abs(by))


@scalar("url_encode")
def url_encode(value: Value) -> Value:
    return string(_lower_escapes(quote_plus(text_of(value), safe="!*()-._")))


@scalar("url_encode_component")
def url_encode_component(value: Value) -> Value:
    return string(_lower_escapes(quote(text_of(value), safe="!*()-._")))


def _lower_escapes(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        if text[at] == "%":
            out.append(text[at : at + 3].lower())
            at += 3
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


@scalar("url_decode")
def url_decode(value: Value) -> Value:
    return string(unquote_to_bytes(text_of(value).replace("+", " ")).decode("utf-8", "replace"))


@scalar("gzip_compress_to_base64_string")
def gzip_compress(value: Value) -> Value:
    return string(base64.b64encode(gzip.compress(text_of(value).encode(), mtime=0)).decode())


@scalar("gzip_decompress_from_base64_string")
def gzip_decompress(value: Value) -> Value:
    return _inflated(value, 31)


@scalar("zlib_decompress_from_base64_string")
def zlib_decompress(value: Value) -> Value:
    return _inflated(value, 15)


@scalar("zlib_compress_to_base64_string")
def zlib_compress(value: Value) -> Value:
    return string(base64.b64encode(zlib.compress(text_of(value).encode())).decode())


def _inflated(value: Value, window: int) -> Value:
    data = decoded(text_of(value))
    try:
        return string("" if data is None else zlib.decompress(data, window).decode("utf-8"))
    except (zlib.error, UnicodeDecodeError):
        return string("")


@scalar("tohex")
def tohex(value: Value, width: Value = long(0)) -> Value:
    raw, least = value.raw, convert(width, "long").raw or 0
    if value.type not in ("int", "long"):
        raw = convert(value, "long").raw
    if raw is None:
        return null_of("string")
    if raw < 0:
        raw += 2**32 if value.type == "int" else 2**64
    return string(f"{raw:x}".rjust(min(least, 16), "0"))


@scalar("punycode_to_string")
def punycode_to_string(value: Value) -> Value:
    try:
        return string(text_of(value).encode("ascii").decode("punycode"))
    except UnicodeError:
        return string("")


@scalar("punycode_from_string")
def punycode_from_string(value: Value) -> Value:
    return string(text_of(value).encode("punycode").decode("ascii"))


@scalar("punycode_domain_from_string")
def punycode_domain_from_string(value: Value) -> Value:
    parts = text_of(value).split(".")
    return string(".".join(p[4:].encode().decode("punycode") if p.startswith("xn--") else p for p in parts))


@scalar("punycode_domain_to_string")
def punycode_domain_to_string(value: Value) -> Value:
    parts = re.split("[.\u3002\uff61]", text_of(value))
    return string(".".join(p if p.isascii() else "xn--" + p.encode("punycode").decode() for p in parts))
