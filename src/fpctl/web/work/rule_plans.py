"""The plan of each rule, kept until the rule, its tables or an exclusion that reaches it changes.

A file that is saved changes the plans of one or two rules out of hundreds: the others are not worked out again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from fpctl.exclusions.model import Exclusion
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.approval_snapshot import standing
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.repository.model import Repository
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import PlanDetails
from fpctl.rules.formats.registry import LoadedRule
from fpctl.schema.tables import Tables


@dataclass(frozen=True, slots=True, eq=False)
class _Grounds:
    """What one rule's plan is made of."""

    loaded: LoadedRule
    exclusions: tuple[Exclusion, ...]
    tables: Tables
    today: date

    def same(self, other: _Grounds) -> bool:
        """Return whether the plan would be the same. Exclusions of unchanged files are the same objects."""
        return (
            self.tables is other.tables
            and self.today == other.today
            and len(self.exclusions) == len(other.exclusions)
            and all(mine is its for mine, its in zip(self.exclusions, other.exclusions, strict=True))
            and (self.loaded is other.loaded or self.loaded == other.loaded)
        )


class RulePlans:
    """Plans by the key of their rule. Safe to share between threads: one plans at a time."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[_Grounds, RuleOutcome]] = {}
        self._lock = threading.Lock()
        self._planner: Planner | None = None

    def outcome(
        self, key: str, loaded: LoadedRule, index: ExclusionIndex, repository: Repository, today: date
    ) -> RuleOutcome:
        """Return the outcome of planning one rule on a day.

        Args:
            key: stands for the rule.
            index: of the repository's exclusions.
        """
        exclusions = tuple(exclusion for exclusion, _ in index.of(loaded.rule))
        grounds = _Grounds(loaded, exclusions, repository.tables, today)
        kept = self._kept.get(key)
        if kept is not None and kept[0].same(grounds):
            return kept[1]
        with self._lock:
            planner = self._planner_of(repository, today)
            (outcome,) = tune([loaded], exclusions, planner, verified=False)
            light = _without_details(outcome, exclusions, repository, today)
        self._kept[key] = grounds, light
        return light

    def outcomes(
        self, rules: dict[str, LoadedRule], index: ExclusionIndex, repository: Repository, today: date
    ) -> Iterator[RuleOutcome]:
        """Yield the outcome of planning for every rule; plans of rules that are not there any more are forgotten."""
        for gone in self._kept.keys() - rules.keys():
            self._kept.pop(gone, None)
        for key, loaded in rules.items():
            yield self.outcome(key, loaded, index, repository, today)

    def _planner_of(self, repository: Repository, today: date) -> Planner:
        planner = self._planner
        if planner is None or planner.tables is not repository.tables or planner.today != today:
            planner = self._planner = repository.planner(today)
        return planner


def _without_details(
    outcome: RuleOutcome, exclusions: tuple[Exclusion, ...], repository: Repository, today: date
) -> RuleOutcome:
    """Return an outcome without its tree and columns, which are many times as large and are made again where asked."""
    if outcome.tuned is None:
        return outcome
    loaded, tables, streamed, fields = outcome.loaded, repository.tables, repository.streamed, repository.fields

    def rebuild() -> PlanDetails:
        planner = Planner(tables, fields, today, streamed=streamed)
        (again,) = tune([loaded], exclusions, planner, verified=False)
        assert again.tuned is not None, "the same rule is planned as before"
        return again.tuned.details

    light = replace(outcome.tuned, rebuild=rebuild)
    return replace(outcome, tuned=light, places=standing(outcome))
