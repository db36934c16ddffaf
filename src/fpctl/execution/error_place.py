"""Where in the rule a query failed: a place in the text that was sent, found again in the base query and the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fpctl.engine.interface import EngineError
from fpctl.errors import FpctlError, Location
from fpctl.files import read_text
from fpctl.rewrite.output.markers import find_clauses, strip
from fpctl.rewrite.plan.planner import TunedQuery
from fpctl.rules.formats.registry import LoadedRule, read_rule_file
from fpctl.rules.text.query_text import Edit, merge_edits, merge_spans
from fpctl.text.source import SourceText


@dataclass(frozen=True, slots=True)
class LocatedError:
    """Why a query failed.

    Attributes:
        message: what the engine says, and where that is in the base query, or in which exclusions' clause.
        offset: 0-based, in the base query; None where the place is not known, or is in a clause.
    """

    message: str
    offset: int | None


def located_error(error: EngineError, sent: str, tuned: TunedQuery) -> LocatedError:
    """Return the error of a query with its place in the base query.

    Args:
        sent: the text that failed: the tuned query, or one that begins like it. In what follows there is no place.
    """
    if error.offset is None or not tuned.tuned.startswith(sent[: error.offset + 1]):
        return LocatedError(error.message, None)
    edits = merge_edits(tuned.edits)
    offset = base_offset(error.offset, edits)
    if offset is None:
        ids = _exclusions_at(error.offset, tuned.tuned)
        of = f" of {', '.join(ids)}" if ids else ""
        return LocatedError(f"{error.message} (in the clause{of} that fpctl put in)", None)
    line, column = SourceText(tuned.base).line_column(offset)
    return LocatedError(f"{error.message} (line {line}, column {column} of the query)", offset)


def base_offset(offset: int, edits: Sequence[Edit]) -> int | None:
    """Return an offset of the tuned query as one of the base query; None where it is in inserted text.

    Args:
        edits: what was inserted, merged and sorted.
    """
    inserted = 0
    for edit in edits:
        start = edit.offset + inserted
        if offset < start:
            break
        if offset < start + len(edit.text):
            return None
        inserted += len(edit.text)
    return offset - inserted


def place_in_file(loaded: LoadedRule, base: str, offset: int) -> tuple[Location, str]:
    """Return where an offset of the base query stands in the rule's file, and the line of the query with a caret.

    Args:
        loaded: the rule, with or without the clauses that its file has.
    """
    written = _as_written(loaded, base)
    at = offset
    for start, end in merge_spans(span for clause in find_clauses(written.rule.query) for span in clause.spans()):
        if start > at:
            break
        at += end - start
    return written.text.file_location(min(at, len(written.rule.query))), SourceText(base).caret(offset)


def _as_written(loaded: LoadedRule, base: str) -> LoadedRule:
    """Return the rule as its file has it: what is planned has no clauses, and the file may have some."""
    try:
        rules = read_rule_file(read_text(Path(loaded.path)), loaded.path, loaded.rule.path).rules
        return next(one for one in rules if one.rule.id == loaded.rule.id and strip(one.rule.query) == base)
    except (FpctlError, StopIteration):  # it has changed meanwhile
        return loaded


def _exclusions_at(offset: int, tuned: str) -> tuple[str, ...]:
    return next((clause.exclusions for clause in find_clauses(tuned) if clause.start <= offset < clause.end), ())
