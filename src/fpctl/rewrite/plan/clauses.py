"""What stands in one gap: the exclusions placed there, and the clauses that say them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from fpctl.rewrite.folding import FoldedClause, fold
from fpctl.rewrite.folding.hit_groups import Tally
from fpctl.rewrite.placement.result import Place
from fpctl.rewrite.predicate import Dialect, Predicate
from fpctl.rewrite.predicate.render import rendered, rendered_negation

READABLE = 10
"""Up to so many exclusions of a gap get a clause each; more share lists."""


@dataclass(frozen=True)
class Clause:
    """One exclusion at one gap. `fields` are those that it matches on."""

    exclusion: str
    place: Place
    predicate: Predicate
    fields: tuple[str, ...] = ()

    @cached_property
    def text(self) -> str:
        """The clause as it stands when the exclusion has one of its own: `| where not(...)`."""
        return self.predicate.clause()

    @cached_property
    def condition(self) -> str:
        """The condition under which it takes a row out."""
        return self.predicate.render()


@dataclass(frozen=True, slots=True)
class Line:
    """One clause of a gap: its text without marker, its condition, whose it is, and the fields that these match on."""

    exclusions: tuple[str, ...]
    text: str
    condition: str
    about: str


@dataclass(frozen=True)
class GapClauses:
    """The exclusions of one gap, in order of their ids.

    `folds` is False where each is to have a clause of its own, however many they are; `always` shares
    lists however few they are.
    """

    place: Place
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
        return fold(members, self.place.resolution.time_column, sites=self.dialect is Dialect.STANDARD)

    def tally(self) -> Tally:
        """Return how the exclusions are counted by groups."""
        ids = tuple(clause.exclusion for clause in self.clauses)
        return Tally(ids, self.folded, self.place.resolution.time_column)

    def lines(self) -> list[Line]:
        """Return the clauses in the order in which they stand.

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


def by_gap(clauses: Iterable[Clause], dialect: Dialect, *, folds: bool = True) -> tuple[GapClauses, ...]:
    """Return clauses by their gap, in the order in which the gaps stand in the text."""
    ordered = sorted(clauses, key=lambda clause: (*_order(clause.place), clause.exclusion))
    gaps: list[GapClauses] = []
    for _, group in groupby(ordered, key=lambda clause: _order(clause.place)):
        members: Sequence[Clause] = tuple(group)
        gaps.append(GapClauses(members[0].place, tuple(members), dialect, folds))
    return tuple(gaps)


def _order(place: Place) -> tuple[int, bool, int]:
    """Return what orders gaps: where a bare leg ends a union, the gap in the leg comes before the one behind it."""
    return place.gap.offset, place.wraps is None, place.gap.index


def _about(clauses: Iterable[Clause]) -> str:
    return ", ".join(sorted({field for clause in clauses for field in clause.fields}))
