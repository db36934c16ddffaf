"""The plans of all rules that active exclusions reach: each rule is planned once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from fpctl.errors import FpctlError, Location
from fpctl.exclusions.model import Exclusion
from fpctl.repository.apply import RuleOutcome
from fpctl.repository.approval_snapshot import standing
from fpctl.repository.exclusion_index import ExclusionIndex, Selected
from fpctl.rewrite.plan.model import Plan, PlanWarning, Skip
from fpctl.rules.formats.registry import LoadedRule
from fpctl.text.source import SourceText


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule's plan, or the error for which there is none."""

    loaded: LoadedRule
    base: str
    plan: Plan | None
    error: FpctlError | None = None
    skips: Mapping[str, Skip] = field(default_factory=dict)
    places: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By exclusion, the pipelines in which it has a clause."""
    warnings: Mapping[str, tuple[PlanWarning, ...]] = field(default_factory=dict)
    stands: Mapping[str, str] = field(default_factory=dict)
    """By exclusion whose approval says where its clause was, where it is now, in the same words."""

    def at_line(self, line: int | None) -> Location:
        """Return where a line of the base query is in the rule's file."""
        if line is None or self.base != self.loaded.rule.query:
            # With clauses in the file its lines are others than those of the base query.
            return Location(self.loaded.path, self.loaded.line)
        return self.loaded.text.file_location(SourceText(self.base).line_starts()[line - 1])


def plan_rules(
    index: ExclusionIndex, exclusions: Sequence[Exclusion], today: date, outcomes: Iterable[RuleOutcome]
) -> dict[int, PlannedRule]:
    """Return, by rule index, the plan of each rule that an exclusion active on a day reaches.

    Args:
        exclusions: those that are looked at; the others of a plan are left out of what is returned.
        outcomes: what planning on that day came to for each rule of the index, in its order.
    """
    active = [exclusion for exclusion in exclusions if exclusion.state(today) == "active"]
    wanted = index.by_rule(active)
    return {
        rule: _planned(index.rules[rule], wanted[rule], outcome)
        for rule, outcome in enumerate(outcomes)
        if rule in wanted
    }


def _planned(loaded: LoadedRule, pairs: Selected, outcome: RuleOutcome) -> PlannedRule:
    tuned = outcome.tuned
    if tuned is None:
        return PlannedRule(loaded, loaded.rule.query, None, outcome.error)
    plan, ids = tuned.plan, {exclusion.id for exclusion, _ in pairs}
    places: dict[str, set[str]] = {}
    for insertion in plan.insertions:
        for id in insertion.exclusions:
            places.setdefault(id, set()).add(insertion.pipeline)
    # Only where there is something to compare with: a rule may have thousands.
    approved = {one.id for one, _ in pairs if one.approval is not None and loaded.rule.id in one.approval.places}
    stands = standing(outcome) if approved else {}
    warnings: dict[str, list[PlanWarning]] = {}
    for warning in plan.warnings:
        if warning.exclusion is not None:
            warnings.setdefault(warning.exclusion, []).append(warning)
    return PlannedRule(
        loaded, tuned.base, plan, None,
        {skip.exclusion: skip for skip in plan.skips if skip.exclusion in ids},
        {id: frozenset(found) for id, found in places.items()},
        {id: tuple(found) for id, found in warnings.items()},
        {id: place for id, place in stands.items() if id in approved},
    )  # fmt: skip
