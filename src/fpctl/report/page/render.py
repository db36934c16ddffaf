"""An estate as one HTML page: styles, script and charts inside, nothing from a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from fpctl import __version__
from fpctl.report.charts import daily_chart, load_charts, noise_chart
from fpctl.report.diff import clause_diff
from fpctl.report.estate import DECISION_TITLES, Decision, Estate
from fpctl.report.highlight import Piece, highlighted
from fpctl.report.overview import OverviewEntry
from fpctl.repository.apply import RuleOutcome
from fpctl.rewrite.plan.model import Plan, PlanWarning, Skip

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_OF_A_KIND, MOST_RULES, MOST_EXCLUSIONS, MOST_FINDINGS, MOST_QUERIES = 50, 200, 300, 200, 120
"""Rows of the page's tables; what is left out is counted, with a note where it is listed."""
LONGEST_LINE = 2_000
"""Characters of a query's line that are shown: a clause may list a thousand values."""


class QueryLine(NamedTuple):
    """A line of a tuned query, as coloured pieces; `clause` where fpctl put it in."""

    pieces: list[Piece]
    clause: bool


@dataclass(frozen=True, slots=True)
class QueryView:
    """One rule's tuned query with what the plan says about it."""

    name: str
    path: str
    clauses: int
    lines: tuple[QueryLine, ...]
    diff: tuple[str, ...]
    skips: tuple[Skip, ...]
    warnings: tuple[PlanWarning, ...]
    error: str | None


class MapCell(NamedTuple):
    """A cell of the map: its text, and how dark it is, 0 to 4."""

    text: str
    heat: int


class MapRow(NamedTuple):
    """A rule of the map."""

    name: str
    cells: list[MapCell]


def render(estate: Estate) -> str:
    """Return the page."""
    shown = [outcome for outcome in estate.outcomes if outcome.tuned is None or _concerned(outcome.tuned.plan)]
    views = [view for outcome in shown[:MOST_QUERIES] if (view := query_view(outcome)) is not None]
    columns, rows = hit_map(estate)
    return (
        environment()
        .get_template("estate.html.j2")
        .render(
            estate=estate,
            decisions=by_kind(estate.decisions),
            titles=DECISION_TITLES,
            most=MOST_OF_A_KIND,
            most_rules=MOST_RULES,
            most_exclusions=MOST_EXCLUSIONS,
            most_findings=MOST_FINDINGS,
            noise_chart=_safe(noise_chart(estate.rules)),
            daily_chart=_safe(daily_chart(estate.days, estate.series)),
            map_columns=columns,
            map_rows=rows,
            queries=views,
            more_queries=max(len(shown) - MOST_QUERIES, 0),
            hits=hits_text,
            css=_safe(asset("report.css")),
            script=_safe(asset("report.js")),
            version=__version__,
        )
    )


def load() -> None:
    """Load what a page is rendered with: worth doing while other processes plan."""
    environment().get_template("estate.html.j2")
    load_charts()


@cache
def environment() -> Environment:
    """Return the templates of the report; every value is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("fpctl.report.page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


@cache
def asset(name: str) -> str:
    """Return the text of a style sheet or script of the page."""
    return (resources.files("fpctl.report.page") / "assets" / name).read_text("utf-8")


def _safe(markup: str | None) -> Any:
    from markupsafe import Markup

    return None if markup is None else Markup(markup)


def by_kind(decisions: Iterable[Decision]) -> list[tuple[str, list[Decision]]]:
    """Return decisions, which are in order of their kind, as groups."""
    return [(kind, list(found)) for kind, found in groupby(decisions, key=lambda one: one.kind)]


def hits_text(entry: OverviewEntry, which: str) -> str:
    """Return an exclusion's hits (`rows` or `unique`) as words: unknown is not zero."""
    if entry.hits is None or not entry.hits.runs:
        return "–"
    count = getattr(entry.hits, which)
    return "unknown" if count is None else f"{count:,}"


def query_view(outcome: RuleOutcome) -> QueryView | None:
    """Return what the page shows of one rule; None where no exclusion is about it and nothing is wrong."""
    tuned = outcome.tuned
    if tuned is None:
        return QueryView(outcome.rule.name, outcome.rule.path, 0, (), (), (), (), str(outcome.error))
    plan = tuned.plan
    if not _concerned(plan):
        return None
    skips = tuple(_told(plan))
    lines = tuple(tuned_lines(tuned.base, tuned.tuned)) if plan.insertions else ()
    return QueryView(
        outcome.rule.name,
        outcome.rule.path,
        len(plan.insertions),
        lines,
        tuple(_cut(line) for line in clause_diff(outcome)),
        skips,
        plan.warnings,
        None if outcome.error is None else str(outcome.error),
    )


def _told(plan: Plan) -> Iterator[Skip]:
    """Yield the exclusions that are left out for another reason than their own state."""
    return (skip for skip in plan.skips if skip.reason not in ("draft", "retired", "expired", "not-yet-valid"))


def _concerned(plan: Plan) -> bool:
    return bool(plan.insertions) or any(True for _ in _told(plan))


def tuned_lines(base: str, tuned: str) -> Iterable[QueryLine]:
    """Yield the lines of a tuned query, coloured; those that the base query does not have are clauses."""
    known: dict[str, int] = {}
    for line in base.split("\n"):
        line = line.rstrip("\r")
        known[line] = known.get(line, 0) + 1
    lines = tuned.split("\n")
    shown = [_shortened(line) for line in lines]
    for pieces, line, kept in zip(highlighted("\n".join(shown)), lines, shown, strict=True):
        plain = line.rstrip("\r")
        clause = known.get(plain, 0) == 0
        if not clause:
            known[plain] -= 1
        if len(kept) < len(line):
            pieces.append(Piece("comment", f" … {len(line) - len(kept):,} more characters"))
        yield QueryLine(pieces, clause)


def _shortened(line: str) -> str:
    """Return as much of a line as is shown, cut after a value of a list where there is one."""
    if len(line) <= LONGEST_LINE:
        return line
    at = line.rfind('", ', 0, LONGEST_LINE)
    return line[: at + 3] if at > 0 else line[:LONGEST_LINE]


def _cut(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]} … {len(line) - LONGEST_LINE:,} more characters"


def hit_map(estate: Estate) -> tuple[tuple[str, ...], list[MapRow]]:
    """Return the exclusions of the map's columns, and its rows."""
    rules, exclusions = estate.map_axes()
    names: Mapping[str, str] = {one.rule: one.name for one in estate.rules}
    cells = {(cell.rule, cell.exclusion): cell for cell in estate.cells}
    largest = max((cell.rows or 0 for cell in estate.cells), default=0)
    rows: list[MapRow] = []
    for rule in rules:
        row: list[MapCell] = []
        for exclusion in exclusions:
            cell = cells.get((rule, exclusion))
            if cell is None:
                row.append(MapCell("", 0))
            elif cell.rows is None:
                row.append(MapCell("unknown", 0))
            else:
                row.append(MapCell(f"{cell.rows:,}", _heat(cell.rows, largest)))
        rows.append(MapRow(names.get(rule, rule), row))
    return exclusions, rows


def _heat(rows: int, largest: int) -> int:
    """Return 0 to 4 by orders of magnitude below the largest: a map of plain shares would show one cell."""
    if rows <= 0 or largest <= 0:
        return 0
    share = rows / largest
    return 4 if share > 0.3 else 3 if share > 0.03 else 2 if share > 0.003 else 1
