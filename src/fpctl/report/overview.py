"""What there is on a day, the riskiest first: each exclusion with its state, end, hits, risk and drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.risk.score import Risk
from fpctl.exclusions.risk.shared_names import SharedNames
from fpctl.execution.drift import CODES
from fpctl.history.records import HitTotals, StoredDrift
from fpctl.report.markdown import cell, said
from fpctl.repository.assessment import risk_for
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.rewrite.plan.planner import Planner
from fpctl.risk_weights import RiskWeights
from fpctl.rules.test_cases import RuleTestCache

OVER = ("retired", "expired")


@dataclass(frozen=True, slots=True)
class OverviewEntry:
    """One exclusion.

    Attributes:
        rules: how many rules it reaches.
        hits: what runs recorded; None where none had it.
        risk: its score; no events are looked at.
        drift: what the last run of each rule found to have changed.
    """

    loaded: LoadedExclusion
    state: str
    days_left: int | None
    rules: int
    hits: HitTotals | None
    risk: Risk
    drift: tuple[StoredDrift, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The exclusions that are not over on a day, the riskiest first. `over` counts those that are."""

    on: date
    entries: tuple[OverviewEntry, ...]
    over: int
    recorded: bool

    def states(self) -> dict[str, int]:
        """Return how many exclusions are in each state."""
        return dict(sorted(Counter(entry.state for entry in self.entries).items()))

    def levels(self) -> dict[str, int]:
        """Return how many exclusions have a risk of each level."""
        found = Counter(entry.risk.level for entry in self.entries)
        return {level: found[level] for level in ("high", "medium", "low")}


def overview(
    exclusions: Sequence[LoadedExclusion],
    index: ExclusionIndex,
    planner: Planner,
    known: SharedNames,
    weights: RiskWeights,
    hits: Mapping[str, HitTotals] | None = None,
    drift: Sequence[StoredDrift] = (),
    *,
    risks: Mapping[str, Risk] | None = None,
) -> Overview:
    """Return what there is.

    Args:
        index: of the rules.
        planner: plans for the day.
        hits: by exclusion, from the history; None where there is none.
        drift: of the last run of each rule.
        risks: by exclusion, where they are assessed already.
    """
    today = planner.today
    kept = [one for one in exclusions if one.exclusion.state(today) not in OVER]
    cases = RuleTestCache()
    drifted: dict[str, list[StoredDrift]] = {}
    for note in drift:
        drifted.setdefault(note.exclusion, []).append(note)
    entries = []
    for one in kept:
        own = [index.rules[number] for number in index.rules_of(one.exclusion)]
        expires = one.exclusion.expires
        entries.append(
            OverviewEntry(
                one,
                one.exclusion.state(today),
                (expires - today).days if expires is not None else None,
                len(own),
                (hits or {}).get(one.id),
                risks[one.id]
                if risks is not None
                else risk_for(one.exclusion, own, planner, known, weights, cases=cases),
                tuple(drifted.get(one.id, ())),
            )
        )
    ordered = sorted(entries, key=lambda entry: (-entry.risk.score, entry.loaded.id))
    return Overview(today, tuple(ordered), len(exclusions) - len(kept), hits is not None)


def to_dict(found: Overview) -> dict[str, Any]:
    """Return the documented JSON of an overview. A number that is not known is null."""
    return {
        "on": found.on,
        "states": found.states(),
        "risk": found.levels(),
        "over": found.over,
        "recorded": found.recorded,
        "exclusions": [
            {
                "id": entry.loaded.id,
                "title": entry.loaded.exclusion.title,
                "status": entry.state,
                "owner": entry.loaded.exclusion.owner,
                "expires": entry.loaded.exclusion.expires,
                "days_left": entry.days_left,
                "rules": entry.rules,
                "hits": _hits(entry.hits),
                "risk": entry.risk.to_dict(),
                "drift": [
                    {"rule": one.rule, "kind": one.kind, "code": CODES.get(one.kind), "message": one.message}
                    for one in entry.drift
                ],
            }
            for entry in found.entries
        ],
    }


def _hits(totals: HitTotals | None) -> dict[str, Any] | None:
    if totals is None:
        return None
    return {
        "rows": totals.rows, "unique": totals.unique, "runs": totals.runs, "unknown_runs": totals.unknown_runs,
        "last": totals.last,
    }  # fmt: skip


def to_markdown(found: Overview) -> str:
    """Return an overview as a page; nothing that an exclusion says can become markup there."""
    states = ", ".join(f"{count:,} {state}" for state, count in found.states().items()) or "none"
    levels = ", ".join(f"{count:,} {level}" for level, count in found.levels().items() if count) or "none"
    lines = [f"# Exclusions on {found.on}", "", f"{states}; {found.over:,} expired or retired. Risk: {levels}."]
    if not found.recorded:
        lines += ["", "No run has been recorded: hits are unknown."]
    if found.entries:
        lines += [
            "", "| exclusion | state | owner | ends | rules | hits | unique | last event | risk |",
            "|---|---|---|---|--:|--:|--:|---|--:|",
        ]  # fmt: skip
        lines += [_row(entry) for entry in found.entries]
        lines += ["", "## Risk factors"]
        for entry in found.entries:
            lines += ["", f"### {said(entry.loaded.id)}: {entry.risk.score} of 100, {entry.risk.level}", ""]
            lines += [f"- {one.points:+} {said(one.message)}" for one in entry.risk.factors] or ["- no points"]
    drifted = [one for entry in found.entries for one in entry.drift]
    if drifted:
        lines += ["", "## Drift in the last runs", ""]
        lines += [f"- {one.started.date()}: {said(one.message)} ({CODES.get(one.kind, one.kind)})" for one in drifted]
    return "\n".join(lines) + "\n"


def _row(entry: OverviewEntry) -> str:
    exclusion, hits = entry.loaded.exclusion, entry.hits
    named = cell(exclusion.id) + (f" {cell(exclusion.title)}" if exclusion.title else "")
    cells = [
        named,
        entry.state,
        cell(exclusion.owner) if exclusion.owner else "-",
        str(exclusion.expires or "never"),
        f"{entry.rules:,}",
        _count(hits.rows if hits is not None else None, hits),
        _count(hits.unique if hits is not None else None, hits),
        f"{hits.last:%Y-%m-%d}" if hits is not None and hits.last is not None else "-",
        f"{entry.risk.score} {entry.risk.level}",
    ]
    return f"| {' | '.join(cells)} |"


def _count(count: int | None, hits: HitTotals | None) -> str:
    if hits is None or not hits.runs:
        return "-"
    return "unknown" if count is None else f"{count:,}"
