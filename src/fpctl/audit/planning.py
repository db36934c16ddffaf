"""The plans of all rules that exclusions in force reach: each rule is planned once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fpctl.errors import FpctlError, KqlSyntaxError, Location
from fpctl.exclusions.model import Exclusion
from fpctl.repository.approval_snapshot import place_of
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.model import Plan, PlanWarning, Skip
from fpctl.rewrite.plan.planner import Planner
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
    """By exclusion whose approval says where its clause stood, where it stands now, in the same words."""

    def at_line(self, line: int | None) -> Location:
        """Return where a line of the base query stands in the rule's file."""
        if line is None or self.base != self.loaded.rule.query:
            # With clauses in the file its lines are others than those of the base query.
            return Location(self.loaded.path, self.loaded.line)
        return self.loaded.text.file_location(SourceText(self.base).line_starts()[line - 1])


def plan_rules(
    index: ExclusionIndex,
    exclusions: Sequence[Exclusion],
    planner: Planner,
    progress: Callable[[int, int], None] | None = None,
) -> dict[int, PlannedRule]:
    """Return, by rule index, the plan of each rule that an exclusion in force on the planner's day reaches."""
    active = [exclusion for exclusion in exclusions if exclusion.state(planner.today) == "active"]
    wanted = index.by_rule(active)
    found: dict[int, PlannedRule] = {}
    for done, (rule, pairs) in enumerate(wanted.items(), 1):
        found[rule] = _planned(index.rules[rule], pairs, planner)
        if progress is not None:
            progress(done, len(wanted))
    return found


def _planned(loaded: LoadedRule, pairs: Sequence[tuple[Exclusion, bool]], planner: Planner) -> PlannedRule:
    try:
        tuned = planner.plan(loaded.rule, pairs, newline=loaded.text.newline)
    except KqlSyntaxError as error:
        at = loaded.text.file_location(min(error.offset, len(loaded.rule.query)))
        located = FpctlError(error.message, at, error.hint)
        return PlannedRule(loaded, loaded.rule.query, None, located)
    except FpctlError as error:
        return PlannedRule(loaded, loaded.rule.query, None, error)
    plan = tuned.plan
    places: dict[str, set[str]] = {}
    for insertion in plan.insertions:
        for id in insertion.exclusions:
            places.setdefault(id, set()).add(insertion.pipeline)
    clauses: dict[str, list[Clause]] = {}
    # Only where there is something to compare with: a rule may have thousands.
    approved = {one.id for one, _ in pairs if one.approval is not None and loaded.rule.id in one.approval.places}
    for clause in tuned.clauses if approved else ():
        if clause.exclusion in approved:
            clauses.setdefault(clause.exclusion, []).append(clause)
    warnings: dict[str, list[PlanWarning]] = {}
    for warning in plan.warnings:
        if warning.exclusion is not None:
            warnings.setdefault(warning.exclusion, []).append(warning)
    return PlannedRule(
        loaded, tuned.base, plan, None,
        {skip.exclusion: skip for skip in plan.skips},
        {id: frozenset(found) for id, found in places.items()},
        {id: tuple(found) for id, found in warnings.items()},
        {id: place_of(found) for id, found in clauses.items()},
    )  # fmt: skip
