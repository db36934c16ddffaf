"""The exclusions of one insertion point to clauses: one for each shape, one for each exclusion that has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fpctl.fields.matching.term import Term, all_of, any_of
from fpctl.rewrite.folding.branch import Branch, Days, branches
from fpctl.rewrite.folding.key import Key
from fpctl.rewrite.folding.listing import Member, among_many, listing, within

LISTED_FROM = 3
"""With this many members, a shape with a rest gets lists; fewer share a guard with other shapes of their keys."""


@dataclass(frozen=True, slots=True)
class Tested:
    """A branch that is tested for itself: `term` holds on `days`."""

    exclusion: str
    term: Term
    days: Days


@dataclass(frozen=True, slots=True)
class FoldedClause:
    """What one clause tests.

    Attributes:
        exclusions: the exclusions that it stands for, sorted; one may have parts in several clauses.
        term: what suppresses a row.
        keys: the keys of its lists, or of its guard; none where each branch is tested for itself.
        undated: `term` regardless of the days on which its members hold.
        members: what its lists hold; empty where branches are tested for themselves.
        tested: those branches.
        guard: what holds for every row that one of `tested` matches, None for no such thing.
    """

    exclusions: tuple[str, ...]
    term: Term
    keys: tuple[Key, ...]
    undated: Term
    members: tuple[Member, ...] = ()
    tested: tuple[Tested, ...] = ()
    guard: Term | None = None


def fold(
    members: Sequence[tuple[str, Term]], time_column: str | None, *, sites: bool = True
) -> tuple[FoldedClause, ...]:
    """Return the clauses for exclusions at one insertion point, cheap ones first, the same for the same input.

    Args:
        members: each exclusion with what it matches there.
        time_column: the KQL of the event's time at the insertion point.
        sites: see `branches`.
    """
    shapes: dict[tuple[tuple[Key, ...], tuple[Term, ...]], list[Member]] = {}
    for exclusion, term in members:
        for branch in branches(term, time_column, sites=sites):
            shape = (tuple(key for key, _ in branch.keys), branch.rest)
            shapes.setdefault(shape, []).append(_member(exclusion, branch))
    listed: list[FoldedClause] = []
    guarded: dict[tuple[Key, ...], list[tuple[tuple[Term, ...], Member]]] = {}
    alone: dict[str, list[Tested]] = {}
    for (keys, rest), found in shapes.items():
        if not keys:
            for member in found:
                alone.setdefault(member.exclusion, []).append(Tested(member.exclusion, all_of(rest), member.days))
        elif rest and len(found) < LISTED_FROM:
            guarded.setdefault(keys, []).extend((rest, member) for member in found)
        else:
            listed.append(_listed(keys, rest, found, time_column))
    clauses = [
        *sorted(listed, key=_cost),
        *(_guarded(keys, guarded[keys], time_column) for keys in sorted(guarded, key=_ranks)),
        *(_tested((exclusion,), parts, (), None, time_column) for exclusion, parts in sorted(alone.items())),
    ]
    return tuple(clauses)


def _member(exclusion: str, branch: Branch) -> Member:
    return Member(exclusion, tuple(values for _, values in branch.keys), branch.days)


def _ranks(keys: Sequence[Key]) -> tuple[int, list[str]]:
    return max(key.rank for key in keys), [key.text for key in keys]


def _cost(clause: FoldedClause) -> tuple[object, ...]:
    return (*_ranks(clause.keys), clause.exclusions)


def _listed(
    keys: tuple[Key, ...], rest: tuple[Term, ...], members: list[Member], time_column: str | None
) -> FoldedClause:
    return FoldedClause(
        _ids(member.exclusion for member in members),
        all_of([listing(keys, members, time_column), *rest]),
        keys,
        all_of([listing(keys, members, time_column, dated=False), *rest]),
        tuple(members),
    )


def _guarded(
    keys: tuple[Key, ...], parts: list[tuple[tuple[Term, ...], Member]], time_column: str | None
) -> FoldedClause:
    """Return a clause whose rows are first looked up by their cheapest key, then tested branch by branch."""
    tested = [
        Tested(member.exclusion, all_of([listing(keys, [member], None), *rest]), member.days) for rest, member in parts
    ]
    guard = None
    if len(tested) > 1:
        guard = among_many(keys[0].text, {value for _, member in parts for value in member.values[0]})
    return _tested(_ids(one.exclusion for one in tested), tested, keys, guard, time_column)


def _tested(
    exclusions: tuple[str, ...],
    tested: list[Tested],
    keys: tuple[Key, ...],
    guard: Term | None,
    time_column: str | None,
) -> FoldedClause:
    dated = any_of([all_of([one.term, *within(one.days, time_column)]) for one in tested])
    undated = any_of([one.term for one in tested])
    guards = [] if guard is None else [guard]
    return FoldedClause(
        exclusions, all_of([*guards, dated]), keys, all_of([*guards, undated]), (), tuple(tested), guard
    )


def _ids(exclusions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(exclusions)))
