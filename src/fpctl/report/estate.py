"""The whole estate on one page: totals, noise by rule, suppressed events by day, what needs a decision.

Everything here is a value, worked out once from a repository, an audit's findings, the outcomes of planning and what
the history recorded. `report.page` draws it, `report.csv_tables` writes it as CSV. A number that is not known is None
and is shown as unknown, never as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from fpctl.audit.finding import Finding
from fpctl.exclusions.risk.score import Risk
from fpctl.history.daily_series import DayHits
from fpctl.history.records import HitTotals, RuleHits, StoredRun
from fpctl.report.overview import Overview
from fpctl.repository.apply import RuleOutcome

EXPIRES_SOON = 30
"""Days before its end from which an exclusion is one that expires soon."""
SERIES = 7
"""How many exclusions have a colour of their own in the chart by day; the others are one series."""
MAP_RULES, MAP_EXCLUSIONS = 25, 25
"""The map shows the noisiest rules and the exclusions that suppress most; the CSV has all of them."""

DecisionKind = Literal["draft", "unapproved", "expires", "stale", "risky", "redundant", "drifted"]

STALE_FINDINGS = frozenset({"never-hit", "idle"})
REDUNDANT_FINDINGS = frozenset({"duplicate", "subsumed", "never-alone"})
DECISION_TITLES: Mapping[DecisionKind, str] = {
    "draft": "Drafts waiting for approval",
    "unapproved": "Active without approval",
    "expires": "Expire soon",
    "stale": "Suppressed nothing for a long time",
    "risky": "High risk",
    "redundant": "Redundant",
    "drifted": "Rule changed since the approval",
}
"""What each kind of decision is called on the page, in the order of the page."""


@dataclass(frozen=True, slots=True)
class RuleNoise:
    """What the last complete run of one rule saw at its clauses.

    Attributes:
        events: events that reached the clauses; None where that is not known.
        suppressed: those of them that exclusions suppressed; None where not known.
        results: rows of the tuned rule's result.
        last: when that run began; None where there is none.
        failed: why the newest run is not complete, where it is not; `failed_run` is that run's number.
    """

    rule: str
    name: str
    path: str
    exclusions: int
    events: int | None = None
    suppressed: int | None = None
    results: int | None = None
    last: datetime | None = None
    failed: str | None = None
    failed_run: int | None = None

    @property
    def remaining(self) -> int | None:
        """Events that were left after the clauses; None where not known."""
        if self.events is None or self.suppressed is None:
            return None
        return self.events - self.suppressed

    @property
    def needs_attention(self) -> bool:
        """Whether the newest run failed, or ran with exclusions and does not know what they suppressed."""
        return self.failed is not None or (self.exclusions > 0 and self.last is not None and self.suppressed is None)


@dataclass(frozen=True, slots=True)
class Series:
    """Suppressed events of one exclusion (or of all others together), one number for each day of `Estate.days`."""

    name: str
    values: tuple[int | None, ...]

    @property
    def total(self) -> int:
        """The sum of the days that are known."""
        return sum(value or 0 for value in self.values)


@dataclass(frozen=True, slots=True)
class Decision:
    """Something about one exclusion that a person should decide, with the command that does it or begins to."""

    kind: DecisionKind
    exclusion: str
    title: str
    message: str
    command: str | None


@dataclass(frozen=True, slots=True)
class RecordedFacts:
    """What the history says of a time: totals, each rule's last runs, and suppressed events by day.

    Attributes:
        by_rule: what each exclusion suppressed in each rule.
        busiest: what the exclusions suppressed that suppressed most, with their days, the busiest first.
        runs: by rule, its newest run, and its newest complete run where that is another, the newest first.
    """

    since: date
    by_rule: tuple[RuleHits, ...] = ()
    busiest: tuple[HitTotals, ...] = ()
    runs: Mapping[str, tuple[StoredRun, ...]] = field(default_factory=dict)
    by_day: tuple[DayHits, ...] = ()


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything that the page shows, as of `on`."""

    on: date
    overview: Overview
    rules: tuple[RuleNoise, ...]
    days: tuple[date, ...]
    series: tuple[Series, ...]
    cells: tuple[RuleHits, ...]
    decisions: tuple[Decision, ...]
    findings: tuple[Finding, ...]
    outcomes: tuple[RuleOutcome, ...]
    problems: int = 0

    @property
    def recorded(self) -> bool:
        """Whether any run was recorded."""
        return self.overview.recorded

    def totals(self) -> dict[str, int | None]:
        """Return the numbers at the head of the page by name; None where a number is not known."""
        known = [one for one in self.rules if one.events is not None and one.suppressed is not None]
        states = self.overview.states()
        return {
            "rules": len(self.rules),
            "exclusions": len(self.overview.entries),
            "active": states.get("active", 0),
            "events": sum(one.events or 0 for one in known) if known else None,
            "suppressed": sum(one.suppressed or 0 for one in known) if known else None,
            "findings": len(self.findings),
            "decisions": len(self.decisions),
        }

    def map_axes(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the rules and the exclusions of the map, those with most hits first."""
        rules: dict[str, int] = {}
        exclusions: dict[str, int] = {}
        for cell in self.cells:
            rules[cell.rule] = rules.get(cell.rule, 0) + (cell.rows or 0)
            exclusions[cell.exclusion] = exclusions.get(cell.exclusion, 0) + (cell.rows or 0)
        return largest(rules, MAP_RULES), largest(exclusions, MAP_EXCLUSIONS)


def largest(counts: Mapping[str, int], most: int) -> tuple[str, ...]:
    """Return the names with the largest counts, the largest first."""
    return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:most])


def estate(
    overview: Overview,
    outcomes: Sequence[RuleOutcome],
    findings: Sequence[Finding],
    facts: RecordedFacts | None,
    *,
    problems: int = 0,
) -> Estate:
    """Return the estate.

    Args:
        overview: the exclusions of the day with state, hits and risk.
        outcomes: what planning came to for each rule.
        findings: of the audit, the gravest first.
        facts: from the history; None where there is none.
        problems: how many authored files could not be read.
    """
    days, series = _by_day(facts, overview.on) if facts is not None else ((), ())
    noise = sorted(
        (_noise(outcome, facts) for outcome in outcomes),
        key=lambda one: (-(one.events or 0), one.name.casefold(), one.rule),
    )
    return Estate(
        overview.on,
        overview,
        tuple(noise),
        days,
        series,
        facts.by_rule if facts is not None else (),
        tuple(decisions(overview, findings)),
        tuple(findings),
        tuple(outcomes),
        problems,
    )


def _noise(outcome: RuleOutcome, facts: RecordedFacts | None) -> RuleNoise:
    rule = outcome.rule
    placed: set[str] = set()
    if outcome.tuned is not None:
        placed = {id for insertion in outcome.tuned.plan.insertions for id in insertion.exclusions}
    bare = RuleNoise(rule.id, rule.name, rule.path, len(placed))
    runs = facts.runs.get(rule.id, ()) if facts is not None else ()
    if not runs:
        return bare
    complete = next((run for run in runs if run.status == "ok"), None)
    newest = runs[0]
    noted = replace(bare, last=newest.started)
    if newest.status != "ok":
        noted = replace(noted, failed=newest.error, failed_run=newest.id)
    if complete is None:
        return noted
    return replace(
        noted,
        events=complete.rows_before,
        suppressed=complete.rows_suppressed,
        results=complete.result_rows,
        last=complete.started,
    )


def _by_day(facts: RecordedFacts, on: date) -> tuple[tuple[date, ...], tuple[Series, ...]]:
    """Return the days from the first with a run on, and one series for each of the busiest exclusions."""
    all_days = {one.day: one.rows for one in facts.by_day if one.day <= on}
    if not all_days:
        return (), ()
    first = min(all_days)
    days = tuple(first + timedelta(days=n) for n in range((on - first).days + 1))
    series: list[Series] = []
    for total in facts.busiest:
        own = {one.day: one.rows for one in total.trend}
        series.append(Series(total.exclusion, tuple(own.get(day) for day in days)))
    rest = tuple(
        None if all_days.get(day) is None else max((all_days[day] or 0) - sum(one.values[n] or 0 for one in series), 0)
        for n, day in enumerate(days)
    )
    if any(rest):
        series.append(Series("all others", rest))
    return days, tuple(series)


def decisions(overview: Overview, findings: Iterable[Finding]) -> list[Decision]:
    """Return what a person should decide, in the order of `DECISION_TITLES` and then by exclusion."""
    found: dict[tuple[DecisionKind, str], Decision] = {}
    titles = {entry.loaded.id: entry.loaded.exclusion.title for entry in overview.entries}

    def add(kind: DecisionKind, id: str, message: str, command: str | None) -> None:
        found.setdefault((kind, id), Decision(kind, id, titles.get(id, ""), message, command))

    for entry in overview.entries:
        id, exclusion = entry.loaded.id, entry.loaded.exclusion
        if entry.state == "draft":
            add("draft", id, _waiting(exclusion.owner, exclusion.reason), f"fpctl approve {id}")
        elif entry.state == "active" and not (exclusion.approved_by or "").strip():
            add("unapproved", id, "it suppresses events, but no approval is recorded", f"fpctl approve {id}")
        if entry.state == "active" and entry.days_left is not None and entry.days_left <= EXPIRES_SOON:
            message = f"expires on {exclusion.expires}, in {_days(entry.days_left)}"
            add("expires", id, message, f"fpctl renew {id} --until 180d")
        if entry.risk.level == "high":
            add("risky", id, _risk_words(entry.risk), f"fpctl redteam {id}")
        for drift in entry.drift:
            add("drifted", id, drift.message, f"fpctl preview {id}")
    for finding in findings:
        if finding.exclusion is None or finding.exclusion not in titles:
            continue
        if finding.slug in STALE_FINDINGS:
            add("stale", finding.exclusion, finding.message, finding.fix)
        elif finding.slug in REDUNDANT_FINDINGS:
            add("redundant", finding.exclusion, finding.message, finding.fix)
    order = {kind: number for number, kind in enumerate(DECISION_TITLES)}
    return sorted(found.values(), key=lambda one: (order[one.kind], one.exclusion))


def _waiting(owner: str | None, reason: str | None) -> str:
    by = f"recorded by {owner}" if owner else "nobody is named as owner"
    return f"{by}; {'its reason is on record' if reason else 'it gives no reason'}"


def _risk_words(risk: Risk) -> str:
    return f"risk {risk.score} of 100"


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"
