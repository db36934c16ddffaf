"""What all checks look at: the repository, the policy, the day, and what earlier runs recorded.

What several checks need is worked out once, when the first of them asks.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.audit.planning import PlannedRule, plan_rules
from fpctl.errors import Location
from fpctl.exclusions.completeness import in_effect
from fpctl.exclusions.model import Alternative
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.risk.score import Risk
from fpctl.exclusions.risk.shared_names import SharedNames, shared_names
from fpctl.fields.registry import FIELDS
from fpctl.history.records import HitTotals, StoredDrift, StoredRun
from fpctl.policy import Policy
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.assessment import risk_for
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.repository.model import Repository
from fpctl.repository.narrowness import BroadForRule, broad_alternatives
from fpctl.risk_weights import RiskWeights
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.test_cases import RuleTestCache

if TYPE_CHECKING:
    from fpctl.audit.coverage.extent import Extent
    from fpctl.audit.coverage.search import Covered


@dataclass(frozen=True, slots=True)
class RunHistory:
    """What the history knows: hits by exclusion, the last runs of each rule, and what these noticed to have changed."""

    hits: Mapping[str, HitTotals]
    runs: Sequence[StoredRun] = ()
    drift: Sequence[StoredDrift] = ()


class AuditContext:
    """One audit.

    Args:
        repository: rules, exclusions and schema.
        policy: what is asked of exclusions.
        today: the day of the audit.
        recorded: from the history; None where there is none, and then usage is not checked.
        root: the exclusions folder, for its lists.
        outcomes: what planning came to for each rule with all exclusions, asked for when the first check needs it;
            None to plan here.
        weights: of the risk score.
    """

    def __init__(
        self,
        repository: Repository,
        policy: Policy,
        today: date,
        recorded: RunHistory | None = None,
        root: Path | None = None,
        outcomes: Callable[[], Iterable[RuleOutcome]] | None = None,
        weights: RiskWeights | None = None,
    ) -> None:
        self.repository = repository
        self.policy = policy
        self.today = today
        self.recorded = recorded
        self.root = root
        self._outcomes = outcomes
        self._weights = weights or RiskWeights()

    @cached_property
    def kept(self) -> tuple[LoadedExclusion, ...]:
        """The exclusions that are not retired and not expired: active, planned, in shadow or drafts."""
        return tuple(
            loaded
            for loaded in self.repository.exclusions.exclusions
            if loaded.exclusion.state(self.today) not in ("retired", "expired")
        )

    @cached_property
    def by_id(self) -> Mapping[str, LoadedExclusion]:
        """The same by id."""
        return {loaded.id: loaded for loaded in self.kept}

    @cached_property
    def reviewed(self) -> tuple[LoadedExclusion, ...]:
        """Those of them that are no longer drafts."""
        return tuple(loaded for loaded in self.kept if loaded.exclusion.status != "draft")

    @property
    def rules(self) -> Sequence[LoadedRule]:
        """The rules, in the order of the repository."""
        return self.repository.rules.rules

    @cached_property
    def index(self) -> ExclusionIndex:
        """Which exclusion reaches which rules."""
        return ExclusionIndex(rules=self.rules)

    @cached_property
    def plans(self) -> Mapping[int, PlannedRule]:
        """The plan of each rule that an active exclusion reaches."""
        kept = [in_effect(loaded.exclusion, self.repository.enforced) for loaded in self.kept]
        if self._outcomes is not None:
            return plan_rules(self.index, kept, self.today, self._outcomes())
        planner = self.repository.planner(self.today)
        return plan_rules(self.index, kept, self.today, tune(self.rules, kept, planner, verified=False))

    @cached_property
    def extents(self) -> Sequence[Extent]:
        """What each exclusion that is active or planned suppresses, in the order of ids."""
        from fpctl.audit.coverage.extent import extent

        found = (
            extent(loaded, self.index.rules_of(loaded.exclusion), self.today)
            for loaded in self.kept
            if loaded.exclusion.status == "active"
        )
        return tuple(one for one in found if one is not None)

    @cached_property
    def covered(self) -> Sequence[Covered]:
        """Exclusions that another covers, where the plans agree."""
        from fpctl.audit.coverage.search import covered

        return tuple(one for one in covered(self.extents, self._placed_alike))

    def _placed_alike(self, wide: Extent, narrow: Extent) -> bool:
        """Return whether, wherever `narrow` has a clause, `wide` has one in the same pipeline and for all columns."""
        for index in self.index.rules_of(narrow.loaded.exclusion):
            planned = self.plans.get(index)
            places = planned.places.get(narrow.id) if planned is not None else None
            if planned is None or not places:
                continue
            if not places <= planned.places.get(wide.id, frozenset()):
                return False
            if any(warning.code.startswith("partial-") for warning in planned.warnings.get(wide.id, ())):
                return False
        return True

    @cached_property
    def risks(self) -> Mapping[str, Risk]:
        """The risk of each exclusion that is not retired and not over; no events are looked at."""
        cases = RuleTestCache()
        planner = self.repository.planner(self.today)
        return {
            loaded.id: risk_for(
                loaded.exclusion,
                [self.rules[index] for index in self.index.rules_of(loaded.exclusion)],
                planner,
                self.shared_names,
                self._weights,
                cases=cases,
            )
            for loaded in self.kept
        }

    @cached_property
    def broad(self) -> Mapping[str, Mapping[int, BroadForRule]]:
        """By exclusion, its alternatives that are broad in the tables of a rule that it reaches."""
        planner = self.repository.planner(self.today)
        return {
            loaded.id: broad_alternatives(
                loaded.exclusion,
                [self.rules[index].rule for index in self.index.rules_of(loaded.exclusion)],
                planner,
            )
            for loaded in self.kept
        }

    @cached_property
    def shared_names(self) -> SharedNames:
        """The shipped lists of hosts, programs and folders with those of the policy."""
        return shared_names(self.policy.forbidden)


def alternatives(loaded: LoadedExclusion) -> Iterator[tuple[int, Alternative]]:
    """Yield the alternatives of an exclusion's match with their numbers."""
    yield from enumerate(loaded.exclusion.match)


def at_value(loaded: LoadedExclusion, number: int, field: str, value: str | None = None) -> Location:
    """Return where a value of the match is: in the exclusion's file, or on its line of a list file."""
    key = f"match.{number}.{field}"
    exact = f"{key}={value}"
    if value is not None and exact not in loaded.places and (listed := loaded.at_listed(key, value)) is not None:
        return listed[0]
    return loaded.at_key(exact if exact in loaded.places else key if key in loaded.places else "match")


def fix_command(loaded: LoadedExclusion, number: int, field: str, value: str) -> str:
    """Return the command that mends a value of the match: of the exclusion, or of the list that gives it."""
    key = f"match.{number}.{field}"
    if f"{key}={value}" not in loaded.places and (listed := loaded.at_listed(key, value)) is not None:
        return f"fpctl lists remove {shlex.quote(listed[1])} {shlex.quote(value)}"
    return f"fpctl edit {loaded.id}"


def selector_at(loaded: LoadedExclusion, index: ExclusionIndex, rule: int) -> Location:
    """Return the place of the selector that reaches a rule."""
    for number, text in enumerate(loaded.exclusion.rules):
        if rule in index.selected(text):
            return loaded.at_key(f"rules.{number}")
    return loaded.at_key("rules")


def days(count: int) -> str:
    """Return `1 day` or `12 days`."""
    return f"{count:,} day{'' if count == 1 else 's'}"


def anchored(alternative: Alternative) -> bool:
    """Return whether an alternative names something that an attacker on any machine cannot choose."""
    return any(FIELDS[field].anchored(values) for field, values in alternative.fields().items())
