"""What a target takes, and how clauses are made to fit: in fewer words, with values elsewhere, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from fpctl.rewrite.placement.result import Place
from fpctl.rewrite.plan.clauses import GapClauses, Line
from fpctl.rewrite.plan.external_lists import Companion, Store
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
class Wording:
    """How clauses are said.

    Attributes:
        folds: many exclusions share lists; False gives each a clause of its own.
        fits: keep within the budget of the rule's target; for a text that is to be saved there.
        store: where lists go for which there is no room.
    """

    folds: bool = True
    fits: bool = False
    store: Store = "watchlist"


ANY_LENGTH = Wording()

Lines = list[tuple[Place, Line]]
Length = Callable[[Lines], int]
"""Returns the characters of the query with these clauses."""


def budget_of(rule: Rule) -> Budget:
    """Return the budget of a rule's query."""
    return ANALYTICS_RULE if rule.kind in ("scheduled", "nrt") else UNLIMITED


@dataclass(frozen=True, slots=True)
class Fit:
    """Clauses that fit.

    Attributes:
        gaps: what stands in them; without what was left out.
        lines: the clauses.
        companion: the lists that had to go elsewhere, None where none had to.
        left_out: the exclusions for which there was no room, sorted.
        needed: characters that the query would have had with these.
    """

    gaps: tuple[GapClauses, ...]
    lines: Lines
    companion: Companion | None = None
    left_out: tuple[str, ...] = ()
    needed: int = 0


def fit(gaps: Sequence[GapClauses], rule: Rule, budget: Budget, length: Length, store: Store) -> Fit:
    """Return the clauses of a rule so that its query keeps within its budget.

    A clause each where that fits; else common lists, however few the exclusions; else the lists in a
    companion; else without those exclusions that no list can hold, the last by id first.
    """
    plain = _inline(gaps)
    if budget.characters is None or length(plain) <= budget.characters:
        return Fit(tuple(gaps), plain)
    folding = [replace(gap, folds=True, always=True) for gap in gaps]
    folded = _inline(folding)
    if length(folded) <= budget.characters:
        return Fit(tuple(folding), folded)
    whole = _elsewhere(folding, rule, store)
    needed = length(whole.lines)
    if needed <= budget.characters:
        return whole
    bulky = sorted({id for gap in folding for one in gap.folded if one.tested for id in one.exclusions})
    every = sorted({clause.exclusion for gap in folding for clause in gap.clauses})
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
    return Fit((), [], None, tuple(every), needed)


def _inline(gaps: Iterable[GapClauses]) -> Lines:
    return [(gap.place, line) for gap in gaps for line in gap.lines()]


def _without(gaps: Iterable[GapClauses], exclusions: Iterable[str]) -> list[GapClauses]:
    gone = frozenset(exclusions)
    left = [replace(gap, clauses=tuple(c for c in gap.clauses if c.exclusion not in gone)) for gap in gaps]
    return [gap for gap in left if gap.clauses]


def _elsewhere(gaps: Sequence[GapClauses], rule: Rule, store: Store) -> Fit:
    companion = Companion(rule.id, store)
    lines: Lines = []
    for gap in gaps:
        for clause, line in zip(gap.folded, gap.lines(), strict=True):
            term = companion.taking(clause)
            text = f"| where {rendered_negation(term, gap.dialect)}"
            lines.append((gap.place, replace(line, text=text, condition=rendered(term, gap.dialect))))
    return Fit(tuple(gaps), lines, companion if companion.lists else None)
