"""The outcome of placing a clause: the insertion points that were chosen, or a refusal that says why. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from fpctl.kql import tree
from fpctl.kql.binder.scope import InsertionPoint
from fpctl.kql.operators.model import Polarity
from fpctl.rewrite.placement.effects import Effect
from fpctl.rewrite.placement.resolution import Resolution
from fpctl.rewrite.reasons import SkipReason


@dataclass(frozen=True, slots=True)
class Placement:
    """One insertion point chosen for a clause."""

    pipeline: tree.Pipeline
    path: str
    point: InsertionPoint
    resolution: Resolution
    effects: tuple[Effect, ...]
    wraps: int | None = None
    """Where the opening parenthesis goes, for a union leg that has no pipeline of its own yet."""
    partial_groups: tuple[Effect, ...] = ()
    """Effects that there are only while a group loses some of its rows: around the day on which a clause stops."""


class PlacementRefusal(NamedTuple):
    """Why a clause cannot be placed. `offset` is the place that forbids it, in the base query."""

    reason: SkipReason
    message: str
    offset: int | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class PlacementResult:
    """The insertion points of a clause.

    `left_out` are parts of the query that could not take it: their events still fire. `joined` are tables whose
    events are in the same row as the tested ones, and are not tested.
    """

    placements: tuple[Placement, ...]
    left_out: tuple[PlacementRefusal, ...] = ()
    joined: tuple[str, ...] = ()


Outcome = PlacementResult | PlacementRefusal

_RANK: tuple[SkipReason, ...] = (
    "no-table", "field-not-in-table", "unknown-column", "columns-dropped", "column-redefined", "column-ambiguous",
    "after-aggregation", "unsupported-position", "placement-unavailable", "both-polarities", "inverting-position",
)  # fmt: skip


def more_telling(a: PlacementRefusal | None, b: PlacementRefusal) -> PlacementRefusal:
    """Return the more informative refusal; on a tie, the first."""
    if a is None:
        return b
    return b if _RANK.index(b.reason) > _RANK.index(a.reason) else a


def both_ways(where: str, offset: int) -> PlacementRefusal:
    """Return the refusal of rows that are used both to detect and in a way that fewer rows invert."""
    return PlacementRefusal(
        "both-polarities",
        f"these rows are used in two ways, one of them {where}: without them that use can let other rows through",
        offset,
        "end the rule with the columns the exclusion needs, or write the two uses as separate `let`s",
    )


def inverted(where: str, polarity: Polarity, offset: int) -> PlacementRefusal:
    """Return the refusal of a position in which fewer rows make a larger or another result."""
    if polarity is Polarity.NEGATIVE:
        why = f"this is {where}: rows removed here let other rows through and would create alerts"
    else:
        why = f"this is {where}: without these rows the result holds different rows, not fewer"
    return PlacementRefusal(
        "inverting-position", why, offset, "keep the columns the exclusion needs in the detecting part of the rule"
    )


def distinct(placements: Iterable[Placement]) -> tuple[Placement, ...]:
    """Return the places without repeats (a `let` used by two legs is one place), in order of offset."""
    seen: dict[tuple[int, int], Placement] = {}
    for placement in placements:
        key = (placement.point.offset, placement.point.index)
        if key in seen:
            merged = {e.offset: e for e in (*seen[key].effects, *placement.effects)}
            partial = {e.offset: e for e in (*seen[key].partial_groups, *placement.partial_groups)}
            seen[key] = replace(
                seen[key],
                effects=tuple(merged[o] for o in sorted(merged)),
                partial_groups=tuple(partial[o] for o in sorted(partial) if o not in merged),
            )
        else:
            seen[key] = placement
    return tuple(seen[key] for key in sorted(seen))
