"""JSON with places: objects, and where each string value is in the text."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from fpctl.rules.text.query_text import EncodedText, TextPiece

MAX_DEPTH = 200
MAX_DIGITS = 4000
"""Longer whole numbers stay text: Python refuses to convert them."""

# Not strict: exports with raw line breaks or tabs inside strings occur, and their meaning is clear.
_STRINGS = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}


class JsonString(NamedTuple):
    """A string and the offset of its opening quote."""

    value: str
    start: int


class JsonMember(NamedTuple):
    """A member of an object: its key's offset, and its value: a dict of members, list, `JsonString`, number ..."""

    start: int
    value: Any


class JsonError(ValueError):
    """A text that is not JSON; `offset` is where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def read_json(text: str, start: int = 0) -> Any:
    """Return the value of a text: objects as dicts of `JsonMember`, strings as `JsonString`.

    Raises:
        JsonError: the text is not JSON, or nested deeper than MAX_DEPTH.
    """
    value, end = _value(text, _skip(text, start), 0)
    end = _skip(text, end)
    if end != len(text):
        raise JsonError("text after the end of the JSON value", end)
    return value


def plain(value: Any) -> Any:
    """Return a value without places."""
    if isinstance(value, dict):
        return {key: plain(member.value) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.value if isinstance(value, JsonString) else value


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise JsonError(f"nested deeper than {MAX_DEPTH} levels", at)
    first = text[at : at + 1]
    if first == '"':
        value, end = _string(text, at)
        return JsonString(value, at), end
    if first == "{":
        return _object(text, at, depth)
    if first == "[":
        return _array(text, at, depth)
    number = _NUMBER.match(text, at)
    if number:
        shown = number.group()
        return _number(shown), number.end()
    for word, known in _WORDS.items():
        if text.startswith(word, at):
            return known, at + len(word)
    raise JsonError("a JSON value is missing here", at)


def _number(shown: str) -> int | float | str:
    """Return a number; one of more digits than Python converts stays the text that it is."""
    if set(shown) & set(".eE"):
        return float(shown)
    return int(shown) if len(shown) <= MAX_DIGITS else shown


def _string(text: str, at: int) -> tuple[str, int]:
    try:
        value, end = _STRINGS.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise JsonError(error.msg[0].lower() + error.msg[1:], error.pos) from error
    return str(value), end


def _object(text: str, at: int, depth: int) -> tuple[dict[str, JsonMember], int]:
    members: dict[str, JsonMember] = {}
    at = _skip(text, at + 1)
    if text.startswith("}", at):
        return members, at + 1
    while True:
        if not text.startswith('"', at):
            raise JsonError("a key in double quotes is missing here", at)
        start = at
        key, at = _string(text, at)
        at = _skip(text, at)
        if not text.startswith(":", at):
            raise JsonError("a `:` is missing here", at)
        value, at = _value(text, _skip(text, at + 1), depth + 1)
        members[key] = JsonMember(start, value)
        at = _skip(text, at)
        if text.startswith("}", at):
            return members, at + 1
        if not text.startswith(",", at):
            raise JsonError("a `,` or `}` is missing here", at)
        at = _skip(text, at + 1)


def _array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    at = _skip(text, at + 1)
    if text.startswith("]", at):
        return items, at + 1
    while True:
        value, at = _value(text, at, depth + 1)
        items.append(value)
        at = _skip(text, at)
        if text.startswith("]", at):
            return items, at + 1
        if not text.startswith(",", at):
            raise JsonError("a `,` or `]` is missing here", at)
        at = _skip(text, at + 1)


class JsonText(EncodedText):
    """A query that is a JSON string."""

    __slots__ = ("_start",)

    _TOKEN = re.compile(
        r'\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(?:u[0-9a-fA-F]{4}|.)|[^\\"]+', re.DOTALL
    )

    def __init__(self, text: JsonString, path: str, file_text: str) -> None:
        super().__init__(text.value, path, file_text)
        self.newline = "\r\n" if "\r\n" in text.value else "\n"
        self._start = text.start

    def _pieces(self) -> tuple[list[TextPiece], int]:
        pieces: list[TextPiece] = []
        query, at = 0, self._start + 1
        while match := self._TOKEN.match(self.file_text, at):
            length = 1 if match.group()[0] == "\\" else len(match.group())
            pieces.append(TextPiece(query, at, length))
            query, at = query + length, match.end()
        return pieces, at

    def _encode(self, offset: int, text: str) -> str:
        return json.dumps(text, ensure_ascii=False)[1:-1]
