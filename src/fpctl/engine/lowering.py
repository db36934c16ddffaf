"""KQL that duckdb-kql lacks, rewritten into KQL that it has.

Works on fpctl's own tree and leaves everything else of the text as it is, so that a place in the
lowered text is a place in the user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fpctl.engine.interface import EngineError
from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.columns.environment import Environment
from fpctl.source import SourceText


class Edit(NamedTuple):
    """Replace `text[start:end]`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class LoweredQuery:
    """A query as the engine runs it.

    `text` is what is translated, `original` the user's query, `edits` what was replaced (offsets of the
    user's text, in order), `notes` what was lowered, by name, sorted.
    """

    text: str
    original: tree.Query
    edits: tuple[Edit, ...]
    notes: tuple[str, ...]

    def offset_of(self, line: int, column: int) -> int:
        """Return the offset in the user's text of a 1-based line and 0-based column of the lowered text."""
        starts = SourceText(self.text).line_starts()
        return self.original_offset(starts[min(line, len(starts)) - 1] + column)

    def original_offset(self, offset: int) -> int:
        """Return the offset in the user's text of an offset in the lowered text; of a replacement, its start."""
        shift = 0
        for edit in self.edits:
            at = edit.start + shift
            if offset < at:
                break
            if offset < at + len(edit.text):
                return edit.start
            shift += len(edit.text) - (edit.end - edit.start)
        return min(max(offset - shift, 0), len(self.original.text))


def lower(text: str, environment: Environment) -> LoweredQuery:
    """Return a query in the KQL that duckdb-kql has.

    Args:
        text: the user's query.
        environment: the tables, for what needs to know the columns.

    Raises:
        EngineError: `syntax`, the text is not KQL; `unsupported`, it uses what cannot be said otherwise.
    """
    from fpctl.kql.parser import parse

    try:
        query = parse(text)
    except KqlSyntaxError as error:
        raise EngineError(
            error.message, code="syntax", hint=error.hint, offset=error.offset, at=error.at, caret=error.caret
        ) from error
    return LoweredQuery(text, query, (), ())
