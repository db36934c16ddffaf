"""Literals of the language to values. Pages: scalar-data-types/*."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from reference.values import (
    ReferenceFault,
    Value,
    now_ticks,
    null_of,
    parse_datetime,
    parse_decimal,
    parse_guid,
    parse_long,
    parse_real,
    parse_timespan,
    plain,
    wrapped,
)

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def literal(kind: str, text: str) -> Value:
    """Return the value of a literal of a type, as it stands in the query."""
    if kind == "string":
        return Value("string", strings(text))
    body = argument(text)
    if body == "null":
        return null_of(kind)
    if kind == "bool":
        return Value("bool", body.lower() in ("true", "1"))
    if kind == "int":
        return Value("int", wrapped(parse_long(body), 32))
    if kind == "long":
        return Value("long", parse_long(body))
    if kind == "real":
        return Value("real", parse_real(body))
    if kind == "decimal":
        return Value("decimal", parse_decimal(body))
    if kind == "guid":
        return Value("guid", parse_guid(unquoted(body)))
    if kind == "timespan":
        return Value("timespan", parse_timespan(unquoted(body)))
    if kind == "datetime":
        return Value("datetime", now_ticks() if body == "now" else parse_datetime(unquoted(body)))
    if kind == "dynamic":
        return Value("dynamic", plain(_Json(text).whole()))
    raise ReferenceFault(f"literal of {kind}")


def argument(text: str) -> str:
    """Return what stands between the parentheses of `type(...)`, or the text itself."""
    match = re.fullmatch(r"[A-Za-z_]\w*\s*\((.*)\)", text, re.S)
    return (match[1] if match else text).strip()


def unquoted(text: str) -> str:
    return strings(text) if text[:1] in "\"'" and text else text


def strings(text: str) -> str:
    """Return the text of one string literal or several next to each other (scalar-data-types/string)."""
    out, at = [], 0
    while at < len(text):
        comment = re.compile(r"\s+|//[^\n]*").match(text, at)
        if comment:
            at = comment.end()
            continue
        piece, at = one_string(text, at)
        out.append(piece)
    return "".join(out)


def one_string(text: str, at: int) -> tuple[str, int]:
    if text[at] in "hH":
        at += 1
    if text[at : at + 3] in ("```", "~~~"):
        end = text.index(text[at : at + 3], at + 3)
        return text[at + 3 : end], end + 3
    verbatim = text[at] == "@"
    at += verbatim
    quote, at, out = text[at], at + 1, []
    while True:
        mark = text[at]
        if mark == quote:
            if verbatim and text[at + 1 : at + 2] == quote:
                out.append(quote)
                at += 2
                continue
            return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass"), at + 1
        if mark != "\\" or verbatim:
            out.append(mark)
            at += 1
            continue
        match = re.compile(r"u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-3][0-7]{2}|[0-7]{1,2})").match(
            text, at + 1
        )
        if match:
            digits = match[1] or match[2] or match[3]
            out.append(chr(int(digits, 16)) if digits else chr(int(match[4], 8)))
            at = match.end()
        else:
            out.append(_ESCAPES.get(text[at + 1], text[at + 1]))
            at += 2


class _Json:
    """The contents of `dynamic(...)`: JSON, with strings in either quote, and typed literals within."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def whole(self) -> Any:
        match = re.match(r"dynamic\s*\(", self.text)
        if match is None:
            raise ReferenceFault(f"dynamic literal {self.text[:40]}")
        self.at = match.end()
        value = self.value()
        self.expect(")")
        return value

    def blank(self) -> None:
        while True:
            match = re.compile(r"\s+|//[^\n]*").match(self.text, self.at)
            if not match:
                return
            self.at = match.end()

    def peek(self) -> str:
        self.blank()
        return self.text[self.at]

    def expect(self, mark: str) -> None:
        if self.peek() != mark:
            raise ReferenceFault(f"dynamic literal: {mark} at {self.text[self.at : self.at + 20]}")
        self.at += 1

    def take(self, mark: str) -> bool:
        if self.peek() == mark:
            self.at += 1
            return True
        return False

    def value(self) -> Any:
        mark = self.peek()
        if mark == "[":
            return self.array()
        if mark == "{":
            return self.bag()
        if mark in "\"'@~`" or (mark in "hH" and self.text[self.at + 1] in "\"'@"):
            out = ""
            while self.peek() in "\"'@~`":
                piece, self.at = one_string(self.text, self.at)
                out += piece
            return out
        match = re.compile(r"[A-Za-z]\w*\s*\(").match(self.text, self.at)
        if match:
            return self.typed()
        match = re.compile(r"[-+]?[\w.]+(?:[eE][-+]\d+)?(?:[-:.\w]*)").match(self.text, self.at)
        if match is None:
            raise ReferenceFault(f"dynamic literal at {self.text[self.at : self.at + 20]}")
        self.at = match.end()
        return scalar_in_json(match[0])

    def typed(self) -> Any:
        end = self.text.index(")", self.at)
        text = self.text[self.at : end + 1]
        kind = re.match(r"\w+", text)
        assert kind is not None
        if kind[0] == "dynamic":
            inner = _Json(self.text[self.at :])
            value = inner.whole()
            self.at += inner.at
            return value
        self.at = end + 1
        name = {"time": "timespan", "date": "datetime", "double": "real", "uuid": "guid", "boolean": "bool"}
        return plain(literal(name.get(kind[0], kind[0]), text))

    def array(self) -> list[Any]:
        self.expect("[")
        out: list[Any] = []
        while not self.take("]"):
            out.append(self.value())
            if not self.take(","):
                self.expect("]")
                break
        return out

    def bag(self) -> dict[str, Any]:
        self.expect("{")
        out: dict[str, Any] = {}
        while not self.take("}"):
            self.peek()
            key, self.at = one_string(self.text, self.at)
            self.expect(":")
            out[key] = self.value()
            if not self.take(","):
                self.expect("}")
                break
        return out


def scalar_in_json(word: str) -> Any:
    if word == "null":
        return None
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    whole = parse_long(word)
    if whole is not None:
        return whole
    number = parse_real(word)
    if number is not None:
        return number
    span = parse_timespan(word)
    if span is not None:
        return Value("timespan", span)
    raise ReferenceFault(f"dynamic literal {word}")


def decimal_of(number: float) -> Decimal:
    return Decimal(repr(number))
