"""A place in the token lists, with the questions every part of the grammar asks of it."""

from __future__ import annotations

from typing import ClassVar, NoReturn

from fpctl.errors import KqlSyntaxError
from fpctl.kql.grammar.syntax_errors import too_deep, unexpected
from fpctl.kql.literals import string_value
from fpctl.kql.tokens import DECLARED_NAME_KINDS, END, KEYWORDS, LONG, NAME, NAME_KINDS, STRING, Tokens
from fpctl.kql.tree import Name, Wildcard

new = tuple.__new__
"""`new(Name, (start, end, value))` makes a node at half the cost of `Name(start, end, value)`."""

LIST_ENDS = frozenset((")", "]", "}", "|", ";", END))
"""Where a comma-separated list may end whatever is around it."""

MAX_NESTING = 120
"""How many brackets may be open at once. The deepest of 2,300 public queries has 12; a path may have as many steps.

A limit of our own, well inside what Python's stack takes, so that a text means the same whoever
calls the parser, and so that whoever walks its tree may recurse.
"""


class Cursor:
    """The token lists and the index of the next token."""

    __slots__ = ("at", "depth", "ends", "kinds", "starts", "texts", "tokens")
    operator_words: ClassVar[frozenset[str]] = frozenset()
    """The keywords of operators that messages may mention; the layer that knows them says which."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.texts = tokens.texts
        self.starts = tokens.starts
        self.ends = tokens.ends
        self.at = 0
        self.depth = 0

    # ------------------------------------------------------------------ errors and depth

    def unexpected(self, expected: str, index: int | None = None) -> KqlSyntaxError:
        """Return the error that the token at `index` (by default the next) is not what was expected."""
        return unexpected(self.tokens, self.at if index is None else index, expected, self.operator_words)

    def descend(self) -> None:
        """Go one bracket deeper; the caller takes it off `depth` again.

        Raises:
            KqlSyntaxError: that would be too deep.
        """
        self.depth += 1
        if self.depth > MAX_NESTING:
            self.fail_deep()

    def fail_deep(self) -> NoReturn:
        raise too_deep(self.tokens, self.at)

    # ------------------------------------------------------------------ single tokens

    def take(self, kind: str) -> bool:
        """Step over the next token if it is of this kind."""
        if self.kinds[self.at] == kind:
            self.at += 1
            return True
        return False

    def expect(self, kind: str, after: str = "") -> int:
        """Step over the next token, which must be of this kind; return its index."""
        at = self.at
        if self.kinds[at] != kind:
            raise self.unexpected(f"`{kind}`{after and ' ' + after}")
        self.at = at + 1
        return at

    def end(self) -> int:
        """Return the offset after the token that was stepped over last."""
        return self.ends[self.at - 1]

    def adjacent(self, index: int) -> bool:
        """Return whether nothing is between the token at `index` and the one before it."""
        return self.starts[index] == self.ends[index - 1]

    def run(self, index: int, marks: str) -> int:
        """Return the index after the one-character tokens `marks`, written together at `index`; 0 if they are not."""
        for offset, mark in enumerate(marks):
            if self.kinds[index + offset] != mark or (offset and not self.adjacent(index + offset)):
                return 0
        return index + len(marks)

    # ------------------------------------------------------------------ names

    def bracketed_end(self, index: int) -> int:
        """Return the index after `['a name']` or `{placeholder}` at `index`; 0 if there is none."""
        kinds = self.kinds
        if kinds[index] == "[":
            index += 1
            if kinds[index] != STRING:
                return 0
            while kinds[index] == STRING:
                index += 1
            return index + 1 if kinds[index] == "]" else 0
        return self.braced_end(index)

    def braced_end(self, index: int) -> int:
        """Return the index after a client's placeholder `{name}` or `{name[0]}`, without spaces; 0 if there is none."""
        kinds, start = self.kinds, index
        if kinds[index] != "{" or (kinds[index + 1] != NAME and kinds[index + 1] not in KEYWORDS):
            return 0
        index += 2
        if kinds[index] == "[":
            index += 2 if kinds[index + 1] == "-" else 1
            if kinds[index] != LONG or kinds[index + 1] != "]":
                return 0
            index += 2
        if kinds[index] != "}":
            return 0
        return index + 1 if all(map(self.adjacent, range(start + 1, index + 1))) else 0

    def name_end(self, index: int, kinds: frozenset[str] = NAME_KINDS) -> int:
        """Return the index after a name at `index`, bracketed or not; 0 if there is none."""
        kind = self.kinds[index]
        if kind in kinds:
            return index + 1
        return self.bracketed_end(index) if kind in ("[", "{") else 0

    def name_at(self, index: int, end: int) -> Name:
        """Return the name that `name_end` found from `index` to `end`."""
        start, stop = self.starts[index], self.ends[end - 1]
        if end == index + 1:
            return new(Name, (start, stop, self.texts[index]))
        text = self.tokens.source.text
        if self.kinds[index] == "{":
            return new(Name, (start, stop, text[start:stop]))
        return new(Name, (start, stop, string_value(text[self.starts[index + 1] : self.ends[end - 2]])))

    def name(self, what: str = "a name") -> Name:
        """Step over a name."""
        return self._name(NAME_KINDS, what)

    def declared_name(self, what: str = "a name") -> Name:
        """Step over a name where something is being named; more keywords are names there."""
        return self._name(DECLARED_NAME_KINDS, what)

    def _name(self, kinds: frozenset[str], what: str) -> Name:
        at = self.at
        end = self.name_end(at, kinds)
        if not end:
            raise self.unexpected(what)
        self.at = end
        return self.name_at(at, end)

    def wildcard_end(self, index: int) -> int:
        """Return the index after a pattern such as `*`, `Device*` or `*_s` at `index`; 0 if there is none."""
        kinds = self.kinds
        if kinds[index] == "*":
            end = index + 1
        elif kinds[index] in DECLARED_NAME_KINDS and kinds[index + 1] == "*" and self.adjacent(index + 1):
            end = index + 2
        else:
            return 0
        while (kinds[end] in DECLARED_NAME_KINDS or kinds[end] in ("*", LONG)) and self.adjacent(end):
            end += 1
        return end

    def wildcard(self, end: int) -> Wildcard:
        """Step over the pattern that `wildcard_end` found."""
        start, stop = self.starts[self.at], self.ends[end - 1]
        self.at = end
        return new(Wildcard, (start, stop, self.tokens.source.text[start:stop]))
