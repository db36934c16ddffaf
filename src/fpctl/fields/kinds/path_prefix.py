"""Paths: what is named, and everything below it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fpctl.fields.field import Field, Key
from fpctl.fields.matching.containment import folded, leads, literal, shown

SEPARATORS = "\\/"


class PathPrefixField(Field[str]):
    """A path, or anything below it; `*` is any text within one part, `**` any text."""

    wildcard = True

    def key(self, parsed: str) -> Key:
        return (re.sub(r"\*\*+", "**", folded(parsed)),)

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        path = key[0]
        for at, character in enumerate(path):
            if character == "*":
                return
            if at and character == ("\\" if "\\" in path[:at] else "/"):
                yield (path[:at],)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[0]

    def covers(self, wide: Key, narrow: Key) -> bool:
        if not self.is_pattern(wide):
            return wide in self.above(narrow)
        return leads(wide[0], shown(narrow[0], double=True), SEPARATORS, SEPARATORS)

    def piece(self, key: Key) -> str:
        return literal(key[0])

    def text(self, key: Key) -> str:
        return shown(key[0], double=True)

    def names(self, pattern: str, value: str) -> bool:
        parts = (
            r"[^\\/]*" if part == "*" else ".*" if part == "**" else re.escape(part)
            for part in re.split(r"(\*+)", pattern.rstrip("\\/"))
        )
        return re.match("".join(parts) + r"(?:[\\/]|\Z)", value, re.DOTALL) is not None

    @property
    def overlapping(self) -> bool:
        return True
