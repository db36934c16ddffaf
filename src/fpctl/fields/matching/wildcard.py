"""Wildcards and literals as regular expressions, and as plain operators where these say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fpctl.fields.matching.term import Affix, Regex, Term, is_in
from fpctl.kql.literals import string_literal

_SPECIAL = frozenset("\\^$*+?()[]{}|")
_ESCAPED = {
    **{character: "\\" + character for character in _SPECIAL},
    ".": "[.]",
    **dict.fromkeys("sS", "(?-i:[sS])"),
    **dict.fromkeys("kK", "(?-i:[kK])"),
}
_WILDCARD = re.compile(r"(\*+)")


def escaped(text: str) -> str:
    """Return a text as a regular expression that, under `(?i)`, matches it ignoring the case of ASCII letters.

    A dot becomes `[.]`, which needs no backslash and so stays readable inside a KQL literal. `(?i)` takes two more
    letters for an s and a k (U+017F, U+212A), which KQL's own operators do not: these are matched without it.
    """
    return "".join(_ESCAPED.get(c, c) for c in text)


def literal(expression: str) -> str:
    """Return a regular expression as a KQL literal, for use inside an operand."""
    return string_literal(expression)


def has_wildcard(text: str) -> bool:
    """Return whether a value contains a wildcard."""
    return "*" in text


def pattern(text: str, star: str, double: str | None = None) -> str:
    """Return a text with wildcards as a regular expression: `*` as `star`, `**` as `double` (or `star`)."""
    parts = _WILDCARD.split(text)
    return "".join(
        escaped(part) if at % 2 == 0 else (star if len(part) == 1 else double or star) for at, part in enumerate(parts)
    )


def whole(operand: str, text: str) -> Term:
    """Return the test that the whole operand is the text, where each `*` is any text."""
    literals = [part for at, part in enumerate(_WILDCARD.split(text)) if at % 2 == 0]
    if len(literals) == 1:
        return is_in(operand, (text,))
    if len(literals) == 2 and not literals[1]:
        return Affix(operand, "startswith", literals[0])
    if len(literals) == 2 and not literals[0]:
        return Affix(operand, "endswith", literals[1])
    if len(literals) == 3 and not literals[0] and not literals[2]:
        return Affix(operand, "contains", literals[1])
    return Regex(operand, f"(?is)^{pattern(text, '.*')}$")


def within(operand: str, text: str) -> Term:
    """Return the test that the operand contains the text, where each `*` is any text."""
    inner = text.strip("*")
    if not has_wildcard(inner):
        return Affix(operand, "contains", inner)
    return Regex(operand, f"(?is){pattern(inner, '.*')}")


def sorted_ignoring_case(values: Sequence[str]) -> tuple[str, ...]:
    """Return the values in order, of those that differ only in case the first."""
    unique: dict[str, str] = {}
    for value in sorted(values):
        unique.setdefault(value.lower(), value)
    return tuple(unique.values())


def split_by_wildcard(values: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the values without a wildcard and those with one, each in order, ignoring case."""
    return (
        sorted_ignoring_case([value for value in values if not has_wildcard(value)]),
        sorted_ignoring_case([value for value in values if has_wildcard(value)]),
    )


def like(pattern: str, text: str) -> bool:
    """Return whether a text is a pattern in which `*` is any text; case counts."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *middle, last = rest
    if not text.startswith(first) or len(text) - len(first) < len(last) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def ends_of(pattern: str, text: str, stop: str) -> list[int]:
    """Return the offsets at which the beginning of a text that is the pattern can end, in order; case counts.

    `*` is any text without the characters of `stop`, `**` any text. The time is bounded by the number of wildcards
    times the length of the text, which a regular expression of Python's does not promise.
    """
    reached = bytearray(len(text) + 1)
    reached[0] = 1
    for at, part in enumerate(_WILDCARD.split(pattern)):
        if at % 2 == 0:
            if part:
                found = bytearray(len(text) + 1)
                place = reached.find(1)
                while place >= 0:
                    if text.startswith(part, place):
                        found[place + len(part)] = 1
                    place = reached.find(1, place + 1)
                reached = found
            continue
        held = False
        for offset in range(len(text) + 1):
            held = bool(reached[offset]) or (held and (len(part) > 1 or text[offset - 1] not in stop))
            reached[offset] = held
    return [offset for offset, held in enumerate(reached) if held]
