"""A rule with its plan and its tuned text, and the queries that count what its clauses suppress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.analysis import Analysis, analyse
from fpctl.kql.parser import parse
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.base_rule import BaseRule
from fpctl.rewrite.plan.clauses import Clause, PointClauses
from fpctl.rewrite.plan.external_lists import ExternalLists
from fpctl.rewrite.plan.model import Plan
from fpctl.rewrite.plan.size_fit import ANY_LENGTH, ClauseStyle
from fpctl.schema.tables import Tables
from fpctl.text.edits import Edit, EditedText

if TYPE_CHECKING:
    from fpctl.rewrite.output.counting import CountingQuery


@dataclass(frozen=True, slots=True)
class PlanDetails:
    """What a plan was made from: the base rule, the clauses at their insertion points, and the schema."""

    base_rule: BaseRule
    points: tuple[PointClauses, ...]
    tables: Tables
    shadows: tuple[Clause, ...] = ()
    """Exclusions that are only counted (`status: shadow`); the tuned text has none of them."""


@dataclass(frozen=True)
class TunedRule:
    """A rule's base query, its plan, and the tuned text.

    `base` is the text without any clause of fpctl, even if the rule file had some. `edits` turn
    `base` into `tuned`. `rebuild` returns the details: at hand where the rule was planned in this
    process, made again where another one did (`repository.parallel`).
    """

    plan: Plan
    base: str
    tuned: str
    edits: tuple[Edit, ...]
    rebuild: Callable[[], PlanDetails] = field(repr=False, compare=False)
    style: ClauseStyle = ANY_LENGTH
    external: ExternalLists | None = None
    """Lists for which the text has no room."""

    @cached_property
    def details(self) -> PlanDetails:
        """What the plan was made from."""
        return self.rebuild()

    @cached_property
    def edited(self) -> EditedText:
        """The way from `base` to `tuned`, with its map of offsets."""
        return EditedText(self.base, self.edits, self.tuned)

    @property
    def base_rule(self) -> BaseRule:
        """The base query with its tree and columns."""
        return self.details.base_rule

    @property
    def points(self) -> tuple[PointClauses, ...]:
        """The insertion points that have clauses, in order of offset."""
        return self.details.points

    @property
    def query(self) -> tree.Query:
        """The tree of `base`."""
        return self.base_rule.query

    @property
    def analysis(self) -> Analysis:
        """The columns at every insertion point of `base`."""
        return self.base_rule.analysis

    @property
    def tables(self) -> Tables:
        """The schema that the tuned text is read with, its external lists included."""
        return self.details.tables

    @cached_property
    def tuned_query(self) -> tree.Query:
        """The tree of `tuned`.

        Raises:
            KqlSyntaxError: it cannot be parsed, which is a fault of fpctl.
        """
        return parse(self.tuned) if self.edits else self.query

    @cached_property
    def tuned_analysis(self) -> Analysis:
        """The columns at every insertion point of `tuned`; see `tuned_query` for what is raised."""
        return analyse(self.tuned_query, self.tables) if self.edits else self.analysis

    @property
    def shadows(self) -> tuple[Clause, ...]:
        """The exclusions that are only counted, each at its insertion point."""
        return self.details.shadows

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Every exclusion at every insertion point where it is placed, in order."""
        return tuple(clause for point in self.points for clause in point.clauses)

    def counting_queries(self) -> list[CountingQuery]:
        """Return the counting queries, one per insertion point, in order of offset."""
        return [self._counting(point) for point in self.points]

    def shadow_queries(self) -> list[tuple[CountingQuery, frozenset[str]]]:
        """Return the counting queries of the shadow exclusions, one per insertion point, each with its ids.

        The active exclusions at the same insertion point are counted along, so that a hit is unique only
        if nothing suppresses the event yet.
        """
        at: dict[tuple[str, int, int], list[Clause]] = {}
        for clause in self.shadows:
            at.setdefault(_key(clause.placement), []).append(clause)
        found: list[tuple[CountingQuery, frozenset[str]]] = []
        for key, shadows in sorted(at.items()):
            here = [clause for clause in self.clauses if _key(clause.placement) == key]
            query = self._counting(PointClauses(shadows[0].placement, (*here, *shadows), shadows[0].predicate.dialect))
            found.append((query, frozenset(clause.exclusion for clause in shadows)))
        return found

    def _counting(self, point: PointClauses) -> CountingQuery:
        # Only runs count: rewriting does without.
        from fpctl.rewrite.output.counting import Counted, counting_query, grouped_counting_query

        if point.many:
            return grouped_counting_query(self.query, point.placement, point.accumulator(), self.edits)
        counted = [Counted(clause.exclusion, clause.condition) for clause in point.clauses]
        return counting_query(self.query, point.placement, counted, self.edits)


def _key(placement: Placement) -> tuple[str, int, int]:
    return placement.path, placement.point.offset, placement.point.index
