"""What a target takes, and how clauses are made to fit: in fewer words, with values elsewhere, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.clauses import Line, PointClauses
from fpctl.rewrite.plan.external_lists import ExternalLists, Store
from fpctl.rewrite.predicate.render import rendered, rendered_negation
from fpctl.rules.model import Rule


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a rule's query may be. `target` names what says so; `characters` is None where nothing does."""

    target: str
    characters: int | None


ANALYTICS_RULE = Budget("a Sentinel analytics rule", 10_000)
"""learn.microsoft.com/azure/sentinel/scheduled-rules-overview"""
UNLIMITED = Budget("the target", None)
"""Neither the Log Analytics and Graph APIs nor Kusto document a length. Lists are bounded in `fold.listing`,
depth in `predicate.render`."""


@dataclass(frozen=True, slots=True)
class ClauseStyle:
    """How clauses are written.

    Attributes:
        folds: many exclusions share lists; False gives each a clause of its own.
        fits: keep within the budget of the rule's target; for a text that is to be saved there.
        store: where lists go for which there is no room.
    """

    folds: bool = True
    fits: bool = False
    store: Store = "watchlist"


ANY_LENGTH = ClauseStyle()

Lines = list[tuple[Placement, Line]]
Length = Callable[[Lines], int]
"""Returns the characters of the query with these clauses."""


def budget_of(rule: Rule) -> Budget:
    """Return the budget of a rule's query."""
    return ANALYTICS_RULE if rule.kind in ("scheduled", "nrt") else UNLIMITED


@dataclass(frozen=True, slots=True)
class SizeFit:
    """Clauses that fit.

    Attributes:
        insertion points: what is in them; without what was left out.
        lines: the clauses.
        external: the lists that had to go elsewhere, None where none had to.
        left_out: the exclusions for which there was no room, sorted.
        needed: characters that the query would have had with these.
    """

    points: tuple[PointClauses, ...]
    lines: Lines
    external: ExternalLists | None = None
    left_out: tuple[str, ...] = ()
    needed: int = 0


def fit(points: Sequence[PointClauses], rule: Rule, budget: Budget, length: Length, store: Store) -> SizeFit:
    """Return the clauses of a rule so that its query keeps within its budget.

    A clause each where that fits; else common lists, however few the exclusions; else the lists kept
    externally; else without those exclusions that no list can hold, the last by id first.
    """
    plain = _inline(points)
    if budget.characters is None or length(plain) <= budget.characters:
        return SizeFit(tuple(points), plain)
    folding = [replace(point, folds=True, always=True) for point in points]
    folded = _inline(folding)
    if length(folded) <= budget.characters:
        return SizeFit(tuple(folding), folded)
    whole = _elsewhere(folding, rule, store)
    needed = length(whole.lines)
    if needed <= budget.characters:
        return whole
    bulky = sorted({id for point in folding for one in point.folded if one.tested for id in one.exclusions})
    every = sorted({clause.exclusion for point in folding for clause in point.clauses})
    for candidates in (bulky, every):
        low, high = 0, len(candidates)
        while low < high:  # how many of the candidates stay
            middle = (low + high + 1) // 2
            attempt = _elsewhere(_without(folding, candidates[middle:]), rule, store)
            low, high = (middle, high) if length(attempt.lines) <= budget.characters else (low, middle - 1)
        left_out = tuple(candidates[low:])
        found = _elsewhere(_without(folding, left_out), rule, store)
        if length(found.lines) <= budget.characters:
            return replace(found, left_out=left_out, needed=needed)
    return SizeFit((), [], None, tuple(every), needed)


def _inline(points: Iterable[PointClauses]) -> Lines:
    return [(point.placement, line) for point in points for line in point.lines()]


def _without(points: Iterable[PointClauses], exclusions: Iterable[str]) -> list[PointClauses]:
    gone = frozenset(exclusions)
    left = [replace(point, clauses=tuple(c for c in point.clauses if c.exclusion not in gone)) for point in points]
    return [point for point in left if point.clauses]


def _elsewhere(points: Sequence[PointClauses], rule: Rule, store: Store) -> SizeFit:
    external = ExternalLists(rule.id, store)
    lines: Lines = []
    for point in points:
        for clause, line in zip(point.folded, point.lines(), strict=True):
            term = external.taking(clause)
            text = f"| where {rendered_negation(term, point.dialect)}"
            lines.append((point.placement, replace(line, text=text, condition=rendered(term, point.dialect))))
    return SizeFit(tuple(points), lines, external if external.lists else None)
