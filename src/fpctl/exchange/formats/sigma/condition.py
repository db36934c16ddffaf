"""A filter's condition: names of selections joined with `and`, `or`, `not`, `1 of x*`, `all of x*`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from fpctl.exchange.reading import LeftOutError
from fpctl.exclusions.filter_syntax import And, Condition, Not, Or

Selections = Mapping[str, Callable[[], Condition]]
"""By name, a function that reads the selection: one that the condition does not name is not looked at."""

MAX_WORDS = 1_000
MAX_DEPTH = 50
_WORD = re.compile(r"\s*([()]|[\w.*?-]+|\S)")


def parse_condition(text: str, selections: Selections) -> Condition:
    """Return what a condition says.

    Raises:
        LeftOutError: it is ill-formed, names a selection that is not there, or one that cannot be read.
    """
    words = _WORD.findall(text)
    if len(words) > MAX_WORDS:
        raise LeftOutError(f"the condition has more than {MAX_WORDS:,} words")
    reader = _Reader(words, selections)
    found = reader.any_of(0)
    if reader.words:
        raise LeftOutError(f"`{reader.words[0]}` is not expected in the condition `{text}`")
    return found


class _Reader:
    def __init__(self, words: list[str], selections: Selections) -> None:
        self.words = words
        self.selections = selections

    def next(self) -> str:
        return self.words[0].lower() if self.words else ""

    def any_of(self, depth: int) -> Condition:
        items = [self.all_of(depth)]
        while self.next() == "or":
            self.words.pop(0)
            items.append(self.all_of(depth))
        return items[0] if len(items) == 1 else Or(tuple(items))

    def all_of(self, depth: int) -> Condition:
        items = [self.one(depth)]
        while self.next() == "and":
            self.words.pop(0)
            items.append(self.one(depth))
        return items[0] if len(items) == 1 else And(tuple(items))

    def one(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise LeftOutError("the condition is nested too deeply")
        if not self.words:
            raise LeftOutError("the condition ends where a selection is expected")
        word = self.words.pop(0)
        if word.lower() == "not":
            return Not(self.one(depth + 1), 0)
        if word == "(":
            found = self.any_of(depth + 1)
            if self.next() != ")":
                raise LeftOutError("a bracket of the condition is not closed")
            self.words.pop(0)
            return found
        if word.lower() in ("1", "all", "any") and self.next() == "of":
            self.words.pop(0)
            pattern = self.words.pop(0) if self.words else ""
            names = [name for name in self.selections if pattern.lower() == "them" or fnmatchcase(name, pattern)]
            if not names:
                raise LeftOutError(f"no selection is called `{pattern}`")
            found_all = tuple(self.selections[name]() for name in names)
            return And(found_all) if word.lower() == "all" else Or(found_all)
        if word not in self.selections:
            raise LeftOutError(f"the condition names `{word}`, which is not a selection of the filter")
        return self.selections[word]()
