"""Rules: all of them, and one: its query with clauses in place, warnings at their lines, runs, rows, tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fpctl.report.highlight import Piece, highlighted
from fpctl.repository.apply import RuleOutcome
from fpctl.rules.formats.registry import LoadedRule
from fpctl.text.source import SourceText
from fpctl.web.pages.rendering import not_found, page
from fpctl.web.security.sign_in import TheConsole, Viewer
from fpctl.web.work.kept_rows import LONGEST_VALUE, entities
from fpctl.web.work.rule_key import rule_key
from fpctl.web.work.snapshot import Snapshot

router = APIRouter(include_in_schema=False)

PAGE = 50
RUNS = 10


@dataclass(frozen=True, slots=True)
class QueryLine:
    """A line of the base query with all that is known about it.

    Attributes:
        clauses: clauses that follow it, each with the ids of its exclusions.
        remarks: refusals and warnings that are about this line, as (kind, text).
        columns: the columns at the insertion point that ends on this line; None where there is none.
    """

    number: int
    pieces: list[Piece]
    clauses: tuple[tuple[str, tuple[str, ...]], ...]
    remarks: tuple[tuple[str, str], ...]
    columns: str | None


@router.get("/rules")
def rules(request: Request, visitor: Viewer, console: TheConsole, q: str = "", start: int = 0) -> Response:
    """Show the rules that a search finds: in id, name, path, tactics, techniques or table."""
    snapshot = console.snapshots.now()
    words = q.casefold().split()
    every = snapshot.memo.get("rules", lambda: _in_order(snapshot))
    found = [one for one, text in every if all(word in text for word in words)]
    start = max(start, 0)
    judged = console.snapshots.judged(wait=0.05)
    noise = judged.view.noise if judged is not None else {}
    shown = [(rule_key(one), one.rule, noise.get(one.rule.id)) for one in found[start : start + PAGE]]
    return page(
        request, "rules.html.j2", visitor, rules=shown, count=len(found), q=q, start=start, size=PAGE,
        problems=[one for one in snapshot.repository.problems if one.severity == "error"][:50],
    )  # fmt: skip


def _in_order(snapshot: Snapshot) -> list[tuple[LoadedRule, str]]:
    """Return the rules in the order of their names, each with the text that is searched."""
    rules = sorted(snapshot.repository.rules.rules, key=lambda one: (one.rule.name.casefold(), one.rule.path))
    return [(one, _searched(one)) for one in rules]


def _searched(loaded: LoadedRule) -> str:
    rule = loaded.rule
    parts = [rule.id, rule.name, rule.path, *getattr(rule, "tactics", ()), *getattr(rule, "techniques", ())]
    return "\n".join(str(part) for part in parts).casefold()


@router.get("/rules/{key}")
def rule(request: Request, visitor: Viewer, console: TheConsole, key: str) -> Response:
    """Show one rule."""
    snapshot = console.snapshots.now()
    loaded = snapshot.rule(key)
    if loaded is None:
        return not_found(request, visitor, f"There is no rule {key}.")
    outcome = console.snapshots.outcome(loaded)
    today = console.snapshots.today()
    lines, elsewhere = snapshot.memo.get(("lines", rule_key(loaded), today), lambda: query_lines(outcome))
    exclusions = snapshot.reaching(loaded)
    return page(
        request, "rule.html.j2", visitor, key=rule_key(loaded), rule=loaded.rule, outcome=outcome, lines=lines,
        elsewhere=elsewhere, runs=console.history.runs(rule=loaded.rule.id, limit=RUNS),
        cases=snapshot.tests.cases_of(loaded),
        exclusions=[(one, snapshot.repository.state(one.exclusion, today)) for one in exclusions],
        last=console.runs.rows_of(rule_key(loaded)),
    )  # fmt: skip


@router.get("/rules/{key}/rows")
def rows(request: Request, visitor: Viewer, console: TheConsole, key: str) -> Response:
    """Show the rows of a rule's last run, their cells to be ticked for an exclusion."""
    snapshot = console.snapshots.now()
    loaded = snapshot.rule(key)
    if loaded is None:
        return not_found(request, visitor, f"There is no rule {key}.")
    found = console.runs.rows_of(rule_key(loaded))
    fields = entities(snapshot, loaded, found.names, console.snapshots.today()) if found is not None else {}
    return page(
        request, "rows.html.j2", visitor, key=rule_key(loaded), rule=loaded.rule, found=found, fields=fields,
        longest=LONGEST_VALUE,
    )  # fmt: skip


def query_lines(outcome: RuleOutcome) -> tuple[list[QueryLine], list[tuple[str, str]]]:
    """Return the lines of the base query with clauses, remarks and columns, and the remarks that are about no line."""
    tuned = outcome.tuned
    base = tuned.base if tuned is not None else outcome.rule.query
    clauses: dict[int, list[tuple[str, tuple[str, ...]]]] = {}
    remarks: dict[int, list[tuple[str, str]]] = {}
    elsewhere: list[tuple[str, str]] = []
    columns: dict[int, str] = {}
    if tuned is not None:
        source = SourceText(base)
        for insertion in tuned.plan.insertions:
            line = source.line_column(max(insertion.offset - 1, 0))[0]
            clauses.setdefault(line, []).append((insertion.clause.strip(), insertion.exclusions))
        for place, kind, text in _remarks(outcome):
            if place is None:
                elsewhere.append((kind, text))
            else:
                remarks.setdefault(place, []).append((kind, text))
        for pipeline in tuned.analysis.pipelines:
            for point in pipeline.points:
                line = source.line_column(max(point.offset - 1, 0))[0]
                columns[line] = _columns(point.scope.columns, open_=point.scope.open)
    elif outcome.error is not None:
        elsewhere.append(("failed", str(outcome.error)))
    lines = [
        QueryLine(number, pieces, tuple(clauses.get(number, ())), tuple(remarks.get(number, ())), columns.get(number))
        for number, pieces in enumerate(highlighted(base.rstrip("\n")), 1)
    ]
    return lines, elsewhere


def _remarks(outcome: RuleOutcome) -> Iterable[tuple[int | None, str, str]]:
    assert outcome.tuned is not None
    plan = outcome.tuned.plan
    for warning in plan.warnings:
        yield warning.line, "warning", warning.message
    for skip in plan.skips:
        if skip.reason in ("draft", "retired", "expired", "not-yet-valid", "shadow"):
            continue
        kind = "failed" if skip.finding else "note"
        yield skip.line, kind, f"{skip.exclusion} is not applied: {skip.message}"


def _columns(columns: Mapping[str, Any], *, open_: bool, most: int = 40) -> str:
    names = [f"{name}: {column.type}" for name, column in columns.items()]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    unknown = "; further columns are not known" if open_ else ""
    return f"{len(names)} columns here: {', '.join(names[:most])}{more}{unknown}"
