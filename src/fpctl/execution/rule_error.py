"""Where in the rule a query failed: a place in the text that was sent, found again in the base query and the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fpctl.engine.interface import EngineError
from fpctl.errors import FpctlError, Location
from fpctl.files import read_text
from fpctl.rewrite.output.markers import find_clauses, strip, stripped
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.formats.registry import LoadedRule, read_rule_file
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


def located_error(error: EngineError, sent: str, tuned: TunedRule) -> LocatedError:
    """Return the error of a query with its place in the base query.

    Args:
        sent: the text that failed: the tuned query, or one that begins like it. In what follows there is no place.
    """
    if error.offset is None or not tuned.tuned.startswith(sent[: error.offset + 1]):
        return LocatedError(error.message, None)
    offset = tuned.edited.source_offset(error.offset)
    if offset is None:
        ids = _exclusions_at(error.offset, tuned.tuned)
        of = f" of {', '.join(ids)}" if ids else ""
        return LocatedError(f"{error.message} (in the clause{of} that fpctl put in)", None)
    line, column = SourceText(tuned.base).line_column(offset)
    return LocatedError(f"{error.message} (line {line}, column {column} of the query)", offset)


def place_in_file(loaded: LoadedRule, base: str, offset: int) -> tuple[Location, str]:
    """Return where an offset of the base query is in the rule's file, and the line of the query with a caret.

    Args:
        loaded: the rule, with or without the clauses that its file has.
    """
    written = _as_written(loaded, base)
    at = stripped(written.rule.query).source_offset(offset)
    assert at is not None, "stripping inserts nothing"
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
