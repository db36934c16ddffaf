"""Values to KQL literals and back. `string_literal` is the one way a value enters a query.

Escapes are those of Microsoft's language service (docs: scalar-data-types/string); what is written
here is read back to the same value by it, by duckdb-kql, and by `string_value`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from fpctl.kql.lexer import scan
from fpctl.kql.tokens import END, FIXED_KINDS, KEYWORD_NAMES, STRING, TYPED_LITERALS

_SHORT_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-3][0-7][0-7]|[0-7][0-7]?)|(.))")
_ESCAPED_CHARACTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def string_literal(value: str) -> str:
    """Return a double-quoted KQL literal of any text.

    Everything that could end the literal or the line, or hide from a reader (control characters,
    line separators, bidirectional marks, lone surrogates) is escaped; other text stays readable.
    """
    return f'"{_escaped(value, chr(34))}"'


def bracket_name(name: str) -> str:
    """Return a column or table name as a query must spell it: bracketed only where it has to be."""
    bare = FIXED_KINDS.get(name)
    if _PLAIN_NAME.fullmatch(name) and (bare is None or (bare in KEYWORD_NAMES and bare not in TYPED_LITERALS)):
        return name
    return f"['{_escaped(name, chr(39))}']"


def datetime_literal(value: date) -> str:
    """Return `datetime(...)` of a date, or of a datetime in UTC (a naive one is taken as UTC)."""
    if not isinstance(value, datetime):
        return f"datetime({value.isoformat()})"
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return f"datetime({value.isoformat()}Z)"


def string_value(literal: str) -> str:
    """Return the value of a KQL string literal in any spelling, adjacent literals (`'a' "b"`) included.

    Raises:
        ValueError: the text is not a string literal.
    """
    if literal[0:1] == '"' and literal[-1:] == '"' and "\\" not in literal and literal.count('"') == 2:
        return literal[1:-1]  # as most are; lists have many
    tokens = scan(literal)
    texts = [text for text, kind in zip(tokens.texts, tokens.kinds, strict=True) if kind != END]
    if not texts or any(kind not in (STRING, END) for kind in tokens.kinds):
        raise ValueError(f"not a KQL string literal: {literal}")
    return "".join(map(_one_value, texts))


def _escaped(value: str, quote: str) -> str:
    if value.isprintable() and quote not in value and "\\" not in value:
        return value
    return "".join(
        "\\" + character if character == quote
        else _SHORT_ESCAPES.get(character)
        or (character if character.isprintable() or character > "\uffff" else f"\\u{ord(character):04x}")
        for character in value
    )  # fmt: skip


def _one_value(token: str) -> str:
    body = token[1:] if token[0] in "hH" else token
    verbatim = body[0] == "@"
    if verbatim:
        body = body[1:]
    if body[0] in "`~":
        return body[3:-3]
    quote, body = body[0], body[1:-1]
    if verbatim:
        return body.replace(quote * 2, quote)
    if "\\" not in body:
        return body
    value = _ESCAPE.sub(_unescaped, body)
    # Two \u escapes can make one character, as in every language with UTF-16 strings.
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _unescaped(match: re.Match[str]) -> str:
    four, eight, two, octal, other = match.groups()
    digits = four or eight or two
    if digits:
        code = int(digits, 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"
    if octal:
        return chr(int(octal, 8))
    return _ESCAPED_CHARACTERS.get(other, other)
