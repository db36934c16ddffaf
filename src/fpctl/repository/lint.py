"""What is wrong with rules themselves: syntax, and references to columns, tables and functions that are not there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fpctl.errors import KqlSyntaxError, Problem
from fpctl.kql.binder import analyse
from fpctl.kql.parser import parse
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.planner import Planner, time_column_of
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


def _lint(loaded: LoadedRule, planner: Planner) -> list[Problem]:
    rule = loaded.rule
    try:
        base = strip(rule.query)
        query = parse(base, loaded.path)
    except KqlSyntaxError as error:
        at = loaded.text.file_location(min(error.offset, len(rule.query)))
        return [Problem("syntax", error.message, at, error.hint, "error", error.caret)]
    # Places are those of the file as it is: with clauses in it, problems are looked for in the whole text.
    if base != rule.query:
        query = parse(rule.query, loaded.path)
    analysis = analyse(query, planner.tables_for(time_column_of(rule.query)))
    problems = [
        Problem(p.code, p.message, loaded.text.file_location(p.offset), p.hint, "warning") for p in analysis.problems
    ]
    results = query.results()
    if not results:
        problems.append(
            Problem("no-query", "the text only defines names; no query gives a result", loaded.text.file_location(0))
        )
    if len(results) > 1:
        place = loaded.text.file_location(results[1].start)
        hint = "put each query into a rule of its own"
        problems.append(Problem("several-queries", f"the rule holds {len(results)} queries", place, hint, "warning"))
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
        last = analysis.columns_of(results[-1].pipeline).points[-1].scope
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
