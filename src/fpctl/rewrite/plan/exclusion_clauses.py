"""What becomes of one exclusion in one rule: its clauses with their warnings, or a skip with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.kql import tree
from fpctl.rewrite.placement.placer import Placer
from fpctl.rewrite.placement.required_columns import RequiredColumnsError
from fpctl.rewrite.placement.result import Outcome, PlacementRefusal, PlacementResult
from fpctl.rewrite.plan.base_rule import BaseRule
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.exclusion_cache import ExclusionCache
from fpctl.rewrite.plan.model import PlanWarning, Skip
from fpctl.rewrite.plan.plan_warnings import match_warnings, placement_warnings
from fpctl.rewrite.predicate import Dialect, DialectError, PredicateError, TimeLimits, UtcRange
from fpctl.rules.model import Rule

WindowRange = Callable[[Rule, tree.Query], UtcRange]


@dataclass(frozen=True, slots=True)
class ExclusionClauses:
    """The clauses of one exclusion in one rule, and what a reader of the tuned query should know about them."""

    clauses: tuple[Clause, ...]
    warnings: tuple[PlanWarning, ...]


@dataclass(frozen=True, slots=True)
class ExclusionPlacer:
    """Places exclusions in one rule.

    Args:
        base: the rule.
        placer: finds the insertion points in its query.
        dialect: what the rule's target can run.
        known: what is worked out of exclusions once for all rules.
        windows_within: for an engine that cannot compute local times, the range of events that a rule reads.
        begun_by: clauses of exclusions that were created after this day name `created`; see `Planner`.
    """

    base: BaseRule
    placer: Placer
    dialect: Dialect
    known: ExclusionCache
    windows_within: WindowRange | None = None
    begun_by: date | None = None

    def place(self, exclusion: Exclusion, named: bool) -> ExclusionClauses | Skip:
        """Return the clauses of an active exclusion, or why there are none.

        Args:
            named: whether the exclusion names the rule itself, so that a skip is a finding.
        """
        try:
            alternatives, outcome = self._outcome(exclusion)
            if isinstance(outcome, PlacementRefusal):
                return self._refused(exclusion, outcome, named)
            return self._clauses(exclusion, alternatives, outcome)
        except RequiredColumnsError as error:
            return Skip(exclusion.id, "invalid-where", error.message, None, error.hint, named)
        except PredicateError as error:
            return Skip(exclusion.id, error.reason, error.message, None, error.hint, named)
        except DialectError as error:
            return Skip(exclusion.id, "dialect", error.message, None, error.hint, named)

    def _outcome(self, exclusion: Exclusion) -> tuple[tuple[Alternative, ...], Outcome]:
        """Return where an exclusion goes, with the alternatives of its match that can match here at all.

        An alternative that names a field which no table of the rule has can match no event of it; the
        others still can.
        """

        def outcome_of(alternatives: Sequence[Alternative]) -> Outcome:
            return self.placer.place(self.known.required(exclusion, alternatives), exclusion.placement)

        outcome = outcome_of(exclusion.match)
        unheld = isinstance(outcome, PlacementRefusal) and outcome.reason == "field-not-in-table"
        if unheld and len(exclusion.match) > 1:
            possible = tuple(one for one in exclusion.match if not isinstance(outcome_of([one]), PlacementRefusal))
            if possible:
                return possible, outcome_of(possible)
        return exclusion.match, outcome

    def _clauses(
        self, exclusion: Exclusion, alternatives: Sequence[Alternative], placed: PlacementResult
    ) -> ExclusionClauses:
        within = None
        if self.windows_within is not None and exclusion.window is not None:
            within = self.windows_within(self.base.rule, self.base.query)
        source = self.base.source
        clauses: list[Clause] = []
        warnings = list(match_warnings(exclusion, alternatives, placed, source))
        for placement in placed.placements:
            times = TimeLimits(
                window=exclusion.window,
                within=within,
                column=placement.resolution.time_column,
                starts=self._first_day(exclusion),
                expires=exclusion.expires,
            )
            bindings = placement.resolution.bindings
            predicate = self.known.predicate(exclusion, alternatives, bindings, times, self.dialect)
            clause = Clause(exclusion.id, placement, predicate, _fields(alternatives))
            if self.dialect is Dialect.NRT:
                clause.text  # noqa: B018  (raises now if the dialect cannot say it)
            clauses.append(clause)
            warnings.extend(placement_warnings(exclusion, placement, predicate, self.base))
        return ExclusionClauses(tuple(clauses), tuple(warnings))

    def _first_day(self, exclusion: Exclusion) -> date | None:
        """Return the day before which the clause suppresses no event, None where it has no lower bound."""
        created = exclusion.created
        return created if created is not None and self.begun_by is not None and created > self.begun_by else None

    def _refused(self, exclusion: Exclusion, refusal: PlacementRefusal, named: bool) -> Skip:
        line = self.base.source.line_column(refusal.offset)[0] if refusal.offset is not None else None
        return Skip(exclusion.id, refusal.reason, refusal.message, line, refusal.hint, named)


def inactive_skip(exclusion: Exclusion, state: str) -> Skip:
    """Return the skip of an exclusion that has no clause because of its status or its dates."""
    messages = {
        "draft": "is a draft; approve it to activate it",
        "retired": "is retired",
        "shadow": "is only counted (status: shadow)",
        "expired": f"expired on {exclusion.expires}",
        "not-yet-valid": f"starts on {exclusion.created}",
    }
    return Skip(exclusion.id, state, f"{exclusion.id} {messages[state]}")  # type: ignore[arg-type]


def _fields(alternatives: Sequence[Alternative]) -> tuple[str, ...]:
    named = {field for one in alternatives for field in one.fields()}
    raw = {"where"} if any(one.where is not None for one in alternatives) else set()
    return tuple(sorted(named | raw))
