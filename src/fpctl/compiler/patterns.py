"""Kusto's regular expressions (re2.md) as those of DuckDB's RE2.

Kusto's `\\w`, `\\d`, `\\s` and `\\b` know all of Unicode; RE2's know ASCII. The classes are written out. A `\\b` cannot
be, so where a pattern has one, DuckDB answers for texts of ASCII alone and Python's `re` for the others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_WORD = r"\pL\p{M}\p{Nd}\p{Nl}\p{Pc}"
_DIGIT = r"\p{Nd}"
_SPACE = r"\t\n\x0b\x0c\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_CLASSES = {"w": _WORD, "d": _DIGIT, "s": _SPACE}
_SPECIAL = frozenset("\\.+*?()|[]{}^$")


class Pattern(NamedTuple):
    """A pattern for RE2, and whether it is right for texts of ASCII only (it has a `\\b`)."""

    re2: str
    ascii_only: bool


class BadPattern(ValueError):
    """A text that is no regular expression, or one that is not had here."""


def escaped(text: str) -> str:
    """Return a text as a pattern that matches it alone."""
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)


def translated(pattern: str) -> Pattern:
    """Return a pattern of Kusto's for RE2.

    Raises:
        BadPattern: RE2 has no such thing (look-around, back-references), or the flag `x` is set.
    """
    out: list[str] = []
    boundary = in_class = False
    at, end = 0, len(pattern)
    if re.match(r"\(\?[a-wyzA-Z]*x[a-zA-Z]*\)", pattern):
        raise BadPattern("the flag x, blanks and comments in a pattern, is not had here")
    while at < end:
        character = pattern[at]
        if character == "\\" and at + 1 < end:
            following = pattern[at + 1]
            if following.lower() in _CLASSES:
                inner = _CLASSES[following.lower()]
                if following.islower():
                    out.append(inner if in_class else f"[{inner}]")
                elif in_class:
                    out.append({"W": r"\W", "D": r"\PN", "S": r"\S"}[following])
                    boundary = True
                else:
                    out.append(f"[^{inner}]")
                at += 2
                continue
            if following in "bB" and not in_class:
                boundary = True
            if following == "u" and re.match(r"[0-9a-fA-F]{4}", pattern[at + 2 :]):
                out.append(f"\\x{{{pattern[at + 2 : at + 6]}}}")
                at += 6
                continue
            if following == "U" and re.match(r"[0-9a-fA-F]{8}", pattern[at + 2 :]):
                out.append(f"\\x{{{pattern[at + 2 : at + 10].lstrip('0') or '0'}}}")
                at += 10
                continue
            if following.isdigit() and following != "0" and not in_class:
                raise BadPattern("back-references are not had in patterns")
            if following in "/ '\"<>%&=@~`!#,:;-_" and not following.isalnum():
                out.append(following if following in " '\"/%&=@~`!,:;<>_#" and not in_class else f"\\{following}")
                at += 2
                continue
            out.append(pattern[at : at + 2])
            at += 2
            continue
        if character == "[" and not in_class:
            in_class = True
            out.append(character)
            at += 1
            if pattern[at : at + 1] == "^":
                out.append("^")
                at += 1
            if pattern[at : at + 1] == "]":
                out.append("\\]")
                at += 1
            continue
        if character == "]" and in_class:
            in_class = False
        elif character == "[" and in_class and pattern[at + 1 : at + 2] != ":":
            out.append("\\[")
            at += 1
            continue
        elif character == "(" and not in_class and re.match(r"\(\?(?:[=!]|<[=!])", pattern[at:]):
            raise BadPattern("look-around is not had in patterns")
        out.append(character)
        at += 1
    return Pattern("".join(out), boundary)
