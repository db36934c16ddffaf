"""Paths: what is named, and everything below it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from fpctl.fields.field import Field, Key, Operator, StandIn
from fpctl.fields.matching.containment import folded, leads, literal, shown
from fpctl.fields.matching.wildcard import ends_of

SEPARATORS = "\\/"


class PathPrefixField(Field[str]):
    """A path, or anything below it; `*` is any text within one part, `**` any text.

    Attributes:
        below: how that reads where a value stands for a comparison.
    """

    wildcard = True
    below: ClassVar[str] = "a path also matches everything below it"

    def key(self, parsed: str) -> Key:
        return (re.sub(r"\*\*+", "**", folded(parsed)),)

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        path = key[0]
        for at, character in enumerate(path):
            if character == "*":
                return
            if at and character in self.ends(path[:at]):
                yield (path[:at],)

    def ends(self, path: str) -> str:
        """Return the characters at which a path without wildcards may go on."""
        return SEPARATORS if "\\" in path else "/"

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
        ends = ends_of(pattern.rstrip("\\/"), value, SEPARATORS)
        return any(end == len(value) or value[end] in SEPARATORS for end in ends)

    def from_filter(self, operator: Operator, value: str) -> str | None:
        if operator == "==":
            return value
        return _starting(value) if operator == "STARTSWITH" else None

    def filter_notes(self, values: Sequence[str]) -> str:
        return self.below

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        if operator == "==":
            return StandIn(values, (("wider", self.below),))
        if operator != "startswith":
            return None
        said = tuple(_starting(value) for value in values)
        whole = all(pattern.endswith("**") for pattern in said)
        return StandIn(said, () if whole else (("wider", "a path also matches the folder itself"),))

    @property
    def overlapping(self) -> bool:
        return True


def _starting(value: str) -> str:
    """Return the value that says that a path begins with a text."""
    stem = value.rstrip("\\/")
    return stem if stem != value else f"{value}**"
