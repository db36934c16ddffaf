"""The content of `dynamic(...)`: JSON, in either kind of quotes, with literals of KQL in it."""

from __future__ import annotations

import math
import re
from typing import Any

from fpctl.compiler.values.ticks import datetime_text, datetime_ticks, timespan_text, timespan_ticks
from fpctl.kql.lexer import scan
from fpctl.kql.literals import string_value
from fpctl.kql.tokens import END, STRING

_TYPED = re.compile(
    r"(bool|boolean|datetime|date|decimal|double|real|dynamic|guid|int|long|time|timespan)\s*\((.*)\)", re.S
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")


class _Broken(Exception):
    """The text is not what is allowed inside `dynamic(...)`."""


def parsed_dynamic(text: str) -> Any:
    """Return the value as JSON has it, None for null and for what cannot be read."""
    try:
        reader = _Reader(text)
        value = reader.value()
        reader.end()
    except (_Broken, ValueError, RecursionError):
        return None
    return value


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        tokens = scan(text)
        self.items = [
            (kind, text[start:end], start, end)
            for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True)
            if kind != END
        ]
        self.at = 0

    def peek(self) -> str:
        return self.items[self.at][1] if self.at < len(self.items) else ""

    def take(self, expected: str | None = None) -> str:
        if self.at >= len(self.items) or (expected is not None and self.peek() != expected):
            raise _Broken
        self.at += 1
        return self.items[self.at - 1][1]

    def end(self) -> None:
        if self.at != len(self.items):
            raise _Broken

    def value(self) -> Any:
        first = self.peek()
        if first == "[":
            return self._array()
        if first == "{":
            return self._bag()
        if self.at < len(self.items) and self.items[self.at][0] == STRING:
            return self._string()
        if first in ("-", "+"):
            sign = self.take()
            number = self._scalar(self.take())
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise _Broken
            return -number if sign == "-" else number
        word = self.take()
        if self.peek() == "(":
            word += self._parenthesised()
        return self._scalar(word)

    def _string(self) -> str:
        return string_value(self.take())

    def _parenthesised(self) -> str:
        begin, depth = self.items[self.at][2], 0
        while True:
            token = self.take()
            depth += (token == "(") - (token == ")")
            if depth == 0:
                return self.text[begin : self.items[self.at - 1][3]]

    def _array(self) -> list[Any]:
        self.take("[")
        found: list[Any] = []
        while self.peek() != "]":
            found.append(self.value())
            if self.peek() != "]":
                self.take(",")
        self.take("]")
        return found

    def _bag(self) -> dict[str, Any]:
        self.take("{")
        found: dict[str, Any] = {}
        while self.peek() != "}":
            key = self._string() if self.items[self.at][0] == STRING else self.take()
            self.take(":")
            found[key] = self.value()
            if self.peek() != "}":
                self.take(",")
        self.take("}")
        return found

    def _scalar(self, word: str) -> Any:
        low = word.lower()
        if low in ("true", "false"):
            return low == "true"
        if low == "null":
            return None
        if _NUMBER.fullmatch(word):
            if word.lstrip("-").isdigit():
                return int(word)
            number = float(word)
            if math.isinf(number):
                raise _Broken
            return number
        match = _TYPED.fullmatch(word)
        if match:
            return self._typed(match[1].lower(), match[2].strip())
        span = timespan_ticks(word)
        if span is None:
            raise _Broken
        return timespan_text(span)

    def _typed(self, kind: str, inner: str) -> Any:
        if inner == "null":
            return None
        if inner[:1] in ("'", '"') and kind != "dynamic":
            inner = string_value(inner)
        if kind in ("datetime", "date"):
            ticks = datetime_ticks(inner)
            return datetime_text(ticks) if ticks is not None else self._fail()
        if kind in ("time", "timespan"):
            ticks = timespan_ticks(inner)
            return timespan_text(ticks) if ticks is not None else self._fail()
        if kind == "guid":
            return inner.lower()
        if kind == "dynamic":
            reader = _Reader(inner)
            value = reader.value()
            reader.end()
            return value
        if kind in ("bool", "boolean"):
            return inner.lower() in ("true", "1")
        if kind in ("real", "double", "decimal"):
            return float(inner)
        return int(inner, 0)

    def _fail(self) -> Any:
        raise _Broken
