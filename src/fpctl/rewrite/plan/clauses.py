"""What is placed at one insertion point: the exclusions placed there, and the clauses that say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from fpctl.rewrite.folding import FoldedClause, fold
from fpctl.rewrite.folding.hit_groups import HitAccumulator
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.model import Insertion
from fpctl.rewrite.predicate import Dialect, Predicate
from fpctl.rewrite.predicate.render import rendered, rendered_negation
from fpctl.text.source import SourceText

READABLE = 10
"""Up to this number, each exclusion of an insertion point gets its own clause; more share lists."""


@dataclass(frozen=True)
class Clause:
    """One exclusion at one insertion point. `fields` are those that it matches on."""

    exclusion: str
    placement: Placement
    predicate: Predicate
    fields: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The clause as it is written when the exclusion has one of its own: `| where not(...)`."""
        return self.predicate.clause()

    @cached_property
    def condition(self) -> str:
        """The condition under which it suppresses a row."""
        return self.predicate.render()


@dataclass(frozen=True, slots=True)
class Line:
    """One clause: its text without marker, its condition, its exclusions, and the fields that these match on."""

    exclusions: tuple[str, ...]
    text: str
    condition: str
    about: str


@dataclass(frozen=True)
class PointClauses:
    """The exclusions of one insertion point, in order of their ids.

    `folds` is False where each is to have a clause of its own, however many they are; `always` shares
    lists however few they are.
    """

    placement: Placement
    clauses: tuple[Clause, ...]
    dialect: Dialect
    folds: bool = True
    always: bool = False

    @property
    def many(self) -> bool:
        """Whether the exclusions are too many for a clause and a counting column each."""
        return len(self.clauses) > READABLE

    @cached_property
    def folded(self) -> tuple[FoldedClause, ...]:
        """The clauses that say the exclusions together."""
        members = [(clause.exclusion, clause.predicate.term) for clause in self.clauses]
        return fold(members, self.placement.resolution.time_column, sites=self.dialect is Dialect.STANDARD)

    def accumulator(self) -> HitAccumulator:
        """Return how the exclusions are counted by groups."""
        ids = tuple(clause.exclusion for clause in self.clauses)
        return HitAccumulator(ids, self.folded, self.placement.resolution.time_column)

    def lines(self) -> list[Line]:
        """Return the clauses in their order.

        Raises:
            DialectError: the dialect has no words for one.
        """
        if not (self.folds and (self.many or self.always)):
            return [Line((c.exclusion,), c.text, c.condition, _about([c])) for c in self.clauses]
        by_id = {clause.exclusion: clause for clause in self.clauses}
        return [
            Line(
                one.exclusions,
                f"| where {rendered_negation(one.term, self.dialect)}",
                rendered(one.term, self.dialect),
                _about(by_id[exclusion] for exclusion in one.exclusions),
            )
            for one in self.folded
        ]


def by_point(clauses: Iterable[Clause], dialect: Dialect, *, folds: bool = True) -> tuple[PointClauses, ...]:
    """Return clauses by their insertion point, in the order of the insertion points in the text."""
    ordered = sorted(clauses, key=lambda clause: (*_order(clause.placement), clause.exclusion))
    points: list[PointClauses] = []
    for _, group in groupby(ordered, key=lambda clause: _order(clause.placement)):
        members: Sequence[Clause] = tuple(group)
        points.append(PointClauses(members[0].placement, tuple(members), dialect, folds))
    return tuple(points)


def _order(placement: Placement) -> tuple[int, bool, int]:
    """Return the sort key of a point: where a bare leg ends a union, the point in the leg comes first."""
    return placement.point.offset, placement.wraps is None, placement.point.index


def anchor_of(placement: Placement) -> int:
    """Return where the operator before the insertion point begins, or the source."""
    index = placement.point.index
    return placement.pipeline.start if index == 0 else placement.pipeline.operators[index - 1].start


def line_of(placement: Placement, source: SourceText) -> int:
    """Return the 1-based line of the operator that an insertion point follows."""
    offset = placement.point.offset - 1 if placement.point.index == 0 else anchor_of(placement)
    return source.line_column(max(offset, 0))[0]


def insertion_of(placement: Placement, line: Line, source: SourceText) -> Insertion:
    """Return the plan's entry of one clause."""
    number = line_of(placement, source)
    where = f"after {placement.point.after}, line {number}"
    if placement.path != "main":
        where += f", in {placement.path}"
    return Insertion(line.exclusions, placement.point.offset, number, where, placement.path, line.text, line.condition)


def _about(clauses: Iterable[Clause]) -> str:
    return ", ".join(sorted({field for clause in clauses for field in clause.fields}))
