"""Which rules an exclusion is for: ids, names, paths, globs, `tag:`, `technique:`, `tactic:`, `table:`, `*`."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Literal, NamedTuple

from fpctl.rules.model import Rule

PREFIXES = ("id", "name", "path", "tag", "technique", "tactic", "table")
"""What may precede the `:` of a selector."""

Selection = Literal["named", "matched"]
"""`named`: the selector means this very rule, so failing to place the exclusion in it is a finding.
`matched`: the rule is one of many that a pattern reaches, and not being applicable is not a fault."""

_WILDCARD = re.compile(r"[*?]")


class Selector(NamedTuple):
    """One entry of an exclusion's `rules`: its text, what it looks at (None: id, name or path), and the pattern."""

    text: str
    on: str | None
    pattern: str

    @property
    def names_one(self) -> bool:
        """Whether the selector is meant to name a rule, so that matching none is an error."""
        return self.on in (None, "id", "name", "path") and not _WILDCARD.search(self.pattern)

    def selects(self, rule: Rule, tables: Collection[str] | None = None) -> Selection | None:
        """Return how this selector reaches a rule, or None.

        Args:
            rule: the rule.
            tables: the tables that its query reads, where the caller knows them. Without them the
                declared data types count, and any mention of the table in the query.
        """
        if self.on == "table":
            return "matched" if _table(self.pattern, rule, tables) else None
        if self.on == "tag":
            return _any_matched(self.pattern, rule.tags)
        if self.on == "tactic":
            return _any_matched(self.pattern.replace(" ", ""), [tactic.replace(" ", "") for tactic in rule.tactics])
        if self.on == "technique":
            # A technique stands for its sub-techniques: T1059 reaches T1059.001.
            matched = any(
                _like(t, self.pattern) or t.lower().startswith(self.pattern.lower() + ".") for t in rule.techniques
            )
            return "matched" if matched else None
        candidates = {"id": (rule.id,), "name": (rule.name,), "path": (rule.path,)}.get(
            self.on or "", (rule.id, rule.name, rule.path)
        )
        if not any(_like(candidate, self.pattern) for candidate in candidates):
            return None
        return "named" if self.names_one else "matched"


@lru_cache(maxsize=8192)
def parse_selector(text: str) -> Selector:
    """Return a selector. A `:` after an unknown word belongs to a name."""
    head, colon, rest = text.partition(":")
    if colon and head.strip().lower() in PREFIXES and rest.strip():
        return Selector(text, head.strip().lower(), rest.strip())
    return Selector(text, None, text.strip())


def selection(selectors: Collection[str], rule: Rule, tables: Collection[str] | None = None) -> Selection | None:
    """Return how any of an exclusion's `rules` reaches a rule; being named wins over being matched."""
    best: Selection | None = None
    for text in selectors:
        found = parse_selector(text).selects(rule, tables)
        if found == "named":
            return found
        best = best or found
    return best


@lru_cache(maxsize=8192)
def _pattern(glob: str) -> re.Pattern[str] | None:
    """Return a glob as a pattern: `*` any text, `?` one character, everything else as it is; None if it has neither."""
    if not _WILDCARD.search(glob):
        return None
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in glob)
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _like(value: str, glob: str) -> bool:
    pattern = _pattern(glob)
    return value.casefold() == glob.casefold() if pattern is None else pattern.fullmatch(value) is not None


def _any_matched(glob: str, values: Collection[str]) -> Selection | None:
    return "matched" if any(_like(value, glob) for value in values) else None


def _table(glob: str, rule: Rule, tables: Collection[str] | None) -> bool:
    if tables is not None:
        return any(_like(table, glob) for table in tables)
    if any(_like(table, glob) for table in rule.data_types):
        return True
    return _pattern(glob) is None and re.search(rf"\b{re.escape(glob)}\b", rule.query) is not None
