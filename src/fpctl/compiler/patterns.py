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
    """A text that is not a regular expression, or one that is not supported here."""


def escaped(text: str) -> str:
    """Return a text as a pattern that matches it alone."""
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)


def _without_blanks(pattern: str) -> str:
    """Return a pattern without the blanks and comments that the flag `x` allows, in brackets too (regex)."""
    return re.sub(r"(\\.)|\s+|#[^\n]*", lambda found: found[1] or "", pattern, flags=re.DOTALL)


def translated(pattern: str) -> Pattern:
    """Return a pattern of Kusto's for RE2.

    Raises:
        BadPattern: RE2 has no such thing (look-around, back-references).
    """
    flags = re.match(r"\(\?([a-zA-Z]*)\)", pattern)
    if flags and "x" in flags[1]:
        others = flags[1].replace("x", "")
        pattern = (f"(?{others})" if others else "") + _without_blanks(pattern[flags.end() :])
    return _Translation(pattern).run()


class _Translation:
    """One pass over a pattern: each method takes the text from `at` on and returns where the next one begins."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.out: list[str] = []
        self.in_class = False
        self.ascii_only = False

    def run(self) -> Pattern:
        at, end = 0, len(self.pattern)
        while at < end:
            if self.pattern[at] == "\\" and at + 1 < end:
                at = self.escape(at)
            elif self.in_class:
                at = self.inside(at)
            else:
                at = self.outside(at)
        return Pattern("".join(self.out), self.ascii_only)

    def escape(self, at: int) -> int:
        """Translate a backslash and what it escapes."""
        following = self.pattern[at + 1]
        if following.lower() in _CLASSES:
            self.out.append(self.named_class(following))
            return at + 2
        if following in "bB" and not self.in_class:
            self.ascii_only = True
        digits = {"u": 4, "U": 8}.get(following, 0)
        if digits and re.match(f"[0-9a-fA-F]{{{digits}}}", self.pattern[at + 2 :]):
            number = self.pattern[at + 2 : at + 2 + digits]
            self.out.append(f"\\x{{{number if digits == 4 else number.lstrip('0') or '0'}}}")
            return at + 2 + digits
        if following.isdigit() and following != "0" and not self.in_class:
            raise BadPattern("back-references are not supported in patterns")
        bare = following in " '\"/%&=@~`!,:;<>_#" and not self.in_class
        self.out.append(following if bare else f"\\{following}")
        return at + 2

    def named_class(self, letter: str) -> str:
        """Return the class that a letter after a backslash names."""
        inner = _CLASSES[letter.lower()]
        if letter.islower():
            return inner if self.in_class else f"[{inner}]"
        if not self.in_class:
            return f"[^{inner}]"
        self.ascii_only = True
        return {"W": r"\W", "D": r"\PN", "S": r"\S"}[letter]

    def inside(self, at: int) -> int:
        """Translate a character of a class in brackets."""
        character = self.pattern[at]
        self.in_class = character != "]"
        nested = character == "[" and self.pattern[at + 1 : at + 2] != ":"
        self.out.append("\\[" if nested else character)
        return at + 1

    def outside(self, at: int) -> int:
        """Translate a character outside of brackets, or the beginning of a class."""
        character = self.pattern[at]
        self.out.append(character)
        if character == "(" and re.match(r"\(\?(?:[=!]|<[=!])", self.pattern[at:]):
            raise BadPattern("look-around is not supported in patterns")
        if character != "[":
            return at + 1
        self.in_class = True
        at += 1
        for first, written in (("^", "^"), ("]", "\\]")):
            if self.pattern.startswith(first, at):
                self.out.append(written)
                at += 1
        return at
