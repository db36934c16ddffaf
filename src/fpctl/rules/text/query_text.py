"""A rule's query inside its file: the map from query offsets to file offsets, and edits through it.

A rule file is never dumped again. An edit of the query becomes an edit of the file at the mapped
place, written in the way the file writes its query (indented block, quoted string, ...); every
other character stays what it was, and taking the inserted text out again gives the same bytes.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fpctl.errors import FpctlError, Location, Problem
from fpctl.text.edits import Edit, apply_edits, deletion, insertion, joined_insertions, joined_spans
from fpctl.text.source import SourceText


class UnsafeEdit(FpctlError):
    """An edit that the file's way of writing the query cannot express. `problem` is the same as a value."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, problem.at, problem.hint)
        self.problem = problem


class RuleText(ABC):
    """A query and where each of its characters is in its file. Immutable.

    Attributes:
        query: the query as the engine would get it.
        path: the file's path as shown in messages.
        file_text: the whole file.
        newline: what ends a line in `query`; text to be inserted must use it.
    """

    __slots__ = ("file_text", "newline", "path", "query")

    def __init__(self, query: str, path: str, file_text: str, newline: str = "\n") -> None:
        self.query = query
        self.path = path
        self.file_text = file_text
        self.newline = newline

    @abstractmethod
    def file_offset(self, query_offset: int) -> int:
        """Return the file offset of a query offset; `len(query)` is a place too."""

    @abstractmethod
    def _insertion(self, offset: int, text: str) -> Edit:
        """Return the file edit that inserts `text` at a query offset."""

    def _deletion(self, start: int, end: int) -> tuple[int, int]:
        """Return the file span that holds a query span."""
        return self.file_offset(start), self.file_offset(end)

    def _objection(self, edits: Sequence[Edit], new_query: str) -> tuple[int, str, str] | None:
        """Return (query offset, message, hint) if the edits cannot be written in this file's style."""
        return None

    def file_location(self, query_offset: int) -> Location:
        """Return where a query offset is in the file."""
        return SourceText(self.file_text, self.path).location(self.file_offset(query_offset))

    def problem(self, edits: Iterable[Edit]) -> Problem | None:
        """Return why the edits cannot be written safely into this file, or None if they can."""
        merged = joined_insertions(edits)
        objection = self._objection(merged, apply_edits(self.query, merged))
        if objection is None:
            return None
        offset, message, hint = objection
        return Problem("unsafe-edit", message, self.file_location(offset), hint)

    def file_edits(self, edits: Iterable[Edit]) -> list[Edit]:
        """Return query edits as file edits, sorted; several rules of one file are edited by joining these lists.

        Raises:
            UnsafeEdit: an edit cannot be written in this file's style.
        """
        merged = joined_insertions(edits)
        problem = self.problem(merged)
        if problem is not None:
            raise UnsafeEdit(problem)
        return [self._insertion(edit.start, edit.text) for edit in merged]

    def insert(self, edits: Iterable[Edit]) -> str:
        """Return the whole file with the edits (query offsets) in it; only inserted characters differ.

        Raises:
            UnsafeEdit: an edit cannot be written in this file's style.
        """
        return apply_edits(self.file_text, self.file_edits(edits))

    def file_spans(self, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return query spans as file spans, sorted and merged."""
        return [self._deletion(start, end) for start, end in joined_spans(spans)]

    def remove(self, spans: Iterable[tuple[int, int]]) -> str:
        """Return the whole file without the query spans: the exact inverse of `insert`."""
        return apply_edits(self.file_text, [deletion(start, end) for start, end in self.file_spans(spans)])


class VerbatimText(RuleText):
    """A query that is in its file unchanged, from `start` on."""

    __slots__ = ("_start",)

    def __init__(self, query: str, path: str, file_text: str, start: int, newline: str) -> None:
        super().__init__(query, path, file_text, newline)
        self._start = start

    def file_offset(self, query_offset: int) -> int:
        """Return the file offset of a query offset."""
        return self._start + query_offset

    def _insertion(self, offset: int, text: str) -> Edit:
        return insertion(self._start + offset, text)


class _Line(NamedTuple):
    query: int
    start: int
    content: int
    """Offsets: of the line in the query, of the line in the file, of its first character after the indentation."""


# What YAML does not print, and what it takes for a line break besides the line feed.
_NOT_IN_BLOCK = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


class IndentedText(RuleText):
    """A query whose lines are indented in the file: a YAML literal block, or a fenced block in a list.

    Args:
        first_line: the file offset at which the query's first line begins, before its indentation.
        indent: how many spaces of indentation each line has, or None to take them from the query's first text.
        chomping: the block's `-` or `+`, `` for YAML's default; None if the text is not a YAML block.
        explicit: the block states its indentation, so that its first line may begin with a space.
    """

    __slots__ = ("_chomping", "_explicit", "_first_line", "_indent", "_lines")

    def __init__(
        self, query: str, path: str, file_text: str, first_line: int, indent: int | None, chomping: str | None,
        explicit: bool = False, newline: str = "\n",
    ) -> None:  # fmt: skip
        super().__init__(query, path, file_text, newline)
        self._first_line = first_line
        self._indent = first_indent(file_text, first_line) if indent is None else indent
        self._chomping = chomping
        self._explicit = explicit
        self._lines: list[_Line] = []

    def _map(self) -> list[_Line]:
        if self._lines:
            return self._lines
        lines, at, offset, text = [], self._first_line, 0, self.file_text
        shown = self.query.split("\n")
        last = len(shown) - 1
        for number, line in enumerate(shown):
            end = min(at + self._indent, len(text))
            content = at
            # After the query's last newline nothing of the file belongs to it.
            while content < end and text[content] == " " and (line or number < last or last == 0):
                content += 1
            if not text.startswith(line, content):
                place = SourceText(text, self.path).location(content)
                raise FpctlError("the query cannot be matched with its place in the file", place)
            lines.append(_Line(offset, at, content))
            at = content + len(line)
            at += 2 if text.startswith("\r\n", at) else 1
            offset += len(line) + 1
        self._lines = lines
        return lines

    def _line(self, query_offset: int) -> _Line:
        lines = self._map()
        return lines[bisect_right(lines, query_offset, key=lambda line: line.query) - 1]

    def file_offset(self, query_offset: int) -> int:
        """Return the file offset of a query offset."""
        line = self._line(query_offset)
        return line.content + query_offset - line.query

    def _insertion(self, offset: int, text: str) -> Edit:
        line = self._line(offset)
        pad, newline = " " * self._indent, self._newline_near(line.start)
        first, *rest = text.split("\n")
        if offset == line.query and rest and not rest[-1]:
            # Whole lines go before the line, its indentation included, so that they can be removed as lines.
            return insertion(
                line.start, "".join((pad + part if part else "") + newline for part in (first, *rest[:-1]))
            )
        follows = offset < len(self.query) and self.query[offset] != "\n"
        parts = [first]
        for number, part in enumerate(rest, 1):
            indented = part or (number == len(rest) and follows)
            parts += newline, pad if indented else "", part
        return insertion(line.content + offset - line.query, "".join(parts))

    def _newline_near(self, offset: int) -> str:
        if self._chomping is None:
            return "\n"
        end = self.file_text.find("\n", offset)
        if end < 0:
            end = self.file_text.rfind("\n", 0, offset)
        return "\r\n" if end > 0 and self.file_text[end - 1] == "\r" else "\n"

    def _deletion(self, start: int, end: int) -> tuple[int, int]:
        first, last = self._line(start), self._line(end)
        if start == first.query and end == last.query:
            return first.start, last.start
        return self.file_offset(start), self.file_offset(end)

    def _objection(self, edits: Sequence[Edit], new_query: str) -> tuple[int, str, str] | None:
        for offset, _, text in edits:
            line = self._line(offset)
            first = text.partition("\n")[0]
            short = line.content - line.start < self._indent
            if first and short and offset == line.query and not text.endswith("\n"):
                hint = "insert whole lines, or insert at the end of a line that is not empty"
                return offset, "text put on an empty line of an indented block cannot be removed exactly", hint
            if self._chomping is None:
                continue
            bad = _NOT_IN_BLOCK.search(text)
            if bad:
                message = f"the character U+{ord(bad.group()):04X} is not allowed in a YAML block"
                return offset, message, "escape it in the KQL literal"
        if self._chomping is None or not edits:
            return None
        lead, led = new_query.lstrip("\n")[:1], self.query.lstrip("\n")[:1]
        if not self._explicit and (lead == " " or (lead == "\t" and led != "\t")):
            message = "the block's first line would begin with white space, which YAML takes for indentation"
            return edits[0].start, message, "begin the inserted text with something else"
        ends = new_query.endswith("\n")
        if ends != self.query.endswith("\n") or (self._chomping == "" and new_query.endswith("\n\n")):
            message = "the block cannot end as the edited query does"
            return edits[-1].start, message, "insert before the query's last line break"
        return None


def first_indent(text: str, at: int) -> int:
    """Return the indentation of the first line that is not empty, as YAML counts it."""
    match = re.compile(r"(?:[ \t]*(?:\r\n|\n|\r))*( *)").match(text, at)
    return len(match.group(1)) if match else 0


class TextPiece(NamedTuple):
    """A part of a query and its place in the file: one character, in whatever encoding, or a longer verbatim part."""

    query: int
    file: int
    length: int


class EncodedText(RuleText):
    """A query that its file encodes: a JSON string, or a YAML scalar that is quoted, plain or folded.

    Subclasses say how: `_pieces` maps, `_encode` writes. Where the encoding depends on what is around,
    `_fragile` is set, and an edit is tried and read back before it is accepted.
    """

    __slots__ = ("_fragile", "_parts")

    def __init__(self, query: str, path: str, file_text: str) -> None:
        super().__init__(query, path, file_text)
        self._parts: tuple[list[TextPiece], int] | None = None
        self._fragile = False

    @abstractmethod
    def _pieces(self) -> tuple[list[TextPiece], int]:
        """Return the pieces that tile the query, and the file offset of the query's end."""

    @abstractmethod
    def _encode(self, offset: int, text: str) -> str:
        """Return `text` as the file writes it at a query offset."""

    def _reread(self, file_text: str) -> RuleText | None:
        """Return the same query read from a new file text, or None if it is no longer there."""
        return None

    def _map(self) -> tuple[list[TextPiece], int]:
        if self._parts is None:
            self._parts = pieces, _ = self._pieces()
            if sum(piece.length for piece in pieces) != len(self.query):
                place = SourceText(self.file_text, self.path).location(pieces[0].file if pieces else 0)
                raise FpctlError("the query cannot be matched with its place in the file", place)
        return self._parts

    def file_offset(self, query_offset: int) -> int:
        """Return the file offset of a query offset."""
        pieces, end = self._map()
        if query_offset >= len(self.query):
            return end
        piece = pieces[bisect_right(pieces, query_offset, key=lambda piece: piece.query) - 1]
        return piece.file + query_offset - piece.query

    def _insertion(self, offset: int, text: str) -> Edit:
        return insertion(self.file_offset(offset), self._encode(offset, text))

    def _objection(self, edits: Sequence[Edit], new_query: str) -> tuple[int, str, str] | None:
        if not self._fragile or not edits:
            return None
        again = self._reread(apply_edits(self.file_text, [self._insertion(edit.start, edit.text) for edit in edits]))
        if again is not None and again.query == new_query:
            spans, shift = [], 0
            for offset, _, text in edits:
                spans.append((offset + shift, offset + shift + len(text)))
                shift += len(text)
            if again.remove(spans) == self.file_text:
                return None
        hint = "write the query as a literal block: `query: |`"
        return edits[0].start, "the way the file writes its query cannot express this edit", hint
