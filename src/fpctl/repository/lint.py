"""What is wrong with rules themselves: syntax, and references to columns, tables and functions that are not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from fpctl.errors import KqlSyntaxError, Location, Problem
from fpctl.repository.apply import kept_clauses
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.formats.registry import LoadedRule

QUERY_LIMIT = 10_000
"""Characters of a Sentinel analytics rule's query (learn.microsoft.com/azure/sentinel/scheduled-rules-overview)."""


def lint(
    rules: Sequence[LoadedRule], planner: Planner, *, progress: Callable[[int, int], None] | None = None
) -> list[Problem]:
    """Return the problems of rules, in the order of the rules and of their text.

    Syntax faults are errors. What the schema does not know is a warning with the nearest known name:
    public rules do refer to columns that do not exist, and a team has tables of its own.
    """
    found: list[Problem] = []
    for done, loaded in enumerate(rules, 1):
        found.extend(_lint(loaded, planner))
        if progress is not None:
            progress(done, len(rules))
    return found


def local_obstacles(
    rules: Sequence[LoadedRule],
    planner: Planner,
    now: datetime,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Problem]:
    """Return what keeps rules from being tried on the local engine: one problem for each rule that cannot be.

    Tables are taken as the schema declares them, whether there is data or not.

    Args:
        now: what `now()` is, naive in UTC.
    """
    found: list[Problem] = []
    for done, loaded in enumerate(rules, 1):
        problem = _obstacle(loaded, planner, now)
        if problem is not None:
            found.append(problem)
        if progress is not None:
            progress(done, len(rules))
    return found


def _obstacle(loaded: LoadedRule, planner: Planner, now: datetime) -> Problem | None:
    from fpctl.compiler.coverage import obstacle

    rule = loaded.rule
    try:
        base = planner.read(rule)
    except KqlSyntaxError as error:
        at = loaded.text.file_location(min(error.offset, len(rule.query)))
        return Problem("syntax", error.message, at, error.hint, "error", error.caret)
    refusal = obstacle(base.query, base.tables, now)
    if refusal is None:
        return None
    offset = 0 if refusal.offset is None else base.file_offset(min(refusal.offset, len(base.query.text)))
    return Problem(f"local-{refusal.code}", refusal.message, loaded.text.file_location(offset), refusal.hint, "warning")


def _lint(loaded: LoadedRule, planner: Planner) -> list[Problem]:
    rule = loaded.rule
    try:
        base = planner.read(rule)
    except KqlSyntaxError as error:
        at = loaded.text.file_location(min(error.offset, len(rule.query)))
        return [Problem("syntax", error.message, at, error.hint, "error", error.caret)]

    def place(offset: int) -> Location:
        """Return where an offset of the base query is in the file, which may have clauses."""
        return loaded.text.file_location(base.file_offset(offset))

    problems = kept_clauses(loaded)
    problems += [Problem(p.code, p.message, place(p.offset), p.hint, "warning") for p in base.analysis.problems]
    results = base.query.results()
    if not results:
        problems.append(
            Problem(
                "no-query",
                "the text only contains definitions; no query returns a result",
                loaded.text.file_location(0),
            )
        )
    if len(results) > 1:
        at = place(results[1].start)
        hint = "put each query into its own rule"
        problems.append(Problem("several-queries", f"the rule holds {len(results)} queries", at, hint, "warning"))
    if rule.kind in ("scheduled", "nrt") and len(rule.query) > QUERY_LIMIT:
        problems.append(
            Problem(
                "query-length",
                f"the query has {len(rule.query):,} characters; an analytics rule may have {QUERY_LIMIT:,}",
                loaded.text.file_location(0),
                "move lists to a watchlist or a saved function",
            )
        )
    if results and rule.required_columns():
        last = base.analysis.columns_of(results[-1].pipeline).points[-1].scope
        at = loaded.text.file_location(len(rule.query))
        problems += [
            Problem(
                "mapped-column",
                f"the rule's mappings need the column {column}, which the query does not return",
                at,
                None,
                "warning",
            )
            for column in sorted(rule.required_columns())
            if column not in last.columns and not last.open
        ]
    return sorted(problems, key=lambda p: (p.at.line or 0, p.at.column or 0, p.code))
