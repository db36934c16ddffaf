"""Finding the exclusions that cover, equal or overlap one another without comparing every pair.

An exclusion can only cover another if it covers one of its values: so each alternative is kept under
the values of the field in which it shares them with the fewest others, and looked up from the values
that could cover a value of the other. A pattern is kept under its longest piece without wildcards,
which is part of every value that it covers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from fpctl.audit.coverage.extent import Extent, Shape
from fpctl.fields.field import Key
from fpctl.fields.registry import FIELDS, NARROW, TELL_ORDER

NEAR = 40
"""The most exclusions sharing a value that are compared for an overlap."""


class Covered(NamedTuple):
    """`wide` covers `narrow`; `both` if also the other way round."""

    wide: Extent
    narrow: Extent
    both: bool


class Overlap(NamedTuple):
    """Exclusions that can suppress the same events as `extent`, such as those with a value that `holder` names.

    `holder` is `extent` or the first of the others.
    """

    extent: Extent
    others: tuple[Extent, ...]
    holder: Extent
    field: str
    key: Key


class Index:
    """The alternatives of exclusions by their values."""

    def __init__(self, extents: Sequence[Extent]) -> None:
        self.extents = extents
        shared: Counter[tuple[str, Key]] = Counter()
        for extent in extents:
            for shape in extent.shapes:
                for field, given in shape.fields.items():
                    shared.update((field, key) for key in given.keys)
        self._exact: dict[tuple[str, Key], list[int]] = {}
        self._pieces: dict[str, dict[str, list[int]]] = {}
        self._conditions: dict[str, list[int]] = {}
        for number, extent in enumerate(extents):
            for shape in extent.shapes:
                self._keep(number, shape, shared)

    def _keep(self, number: int, shape: Shape, shared: Counter[tuple[str, Key]]) -> None:
        if not shape.fields:
            self._conditions.setdefault(shape.where or "", []).append(number)
            return
        order = TELL_ORDER
        field = min(shape.fields, key=lambda f: (max(shared[f, k] for k in shape.fields[f].keys), order.index(f)))
        known = FIELDS[field]
        for key in shape.fields[field].keys:
            self._exact.setdefault((field, key), []).append(number)
        for key in shape.fields[field].patterns:
            self._pieces.setdefault(field, {}).setdefault(known.piece(key), []).append(number)

    def candidates(self, shape: Shape) -> set[int]:
        """Return the exclusions that may have an alternative which covers this one: all that have, and few others."""
        found: set[int] = set(self._conditions.get(shape.where, ())) if shape.where is not None else set()
        for field, given in shape.fields.items():
            known = FIELDS[field]
            # What covers the alternative covers each of its values.
            key = min(given.keys)
            for wide in known.above(key):
                found.update(self._exact.get((field, wide), ()))
            pieces = self._pieces.get(field)
            if pieces:
                for piece in _parts(known.text(key), pieces):
                    found.update(pieces[piece])
        return found


def _parts(text: str, pieces: dict[str, list[int]]) -> set[str]:
    """Return the pieces that a text contains."""
    lengths = {len(piece) for piece in pieces}
    if len(lengths) * len(text) > len(pieces):
        return {piece for piece in pieces if piece in text}
    return {
        part for length in lengths for at in range(len(text) - length + 1) if (part := text[at : at + length]) in pieces
    }


def covered(extents: Sequence[Extent], placed_alike: Callable[[Extent, Extent], bool]) -> Iterator[Covered]:
    """Yield, for each exclusion that another covers, the one with the lowest id that does.

    Of those that cover each other, all but the one with the lowest id count as covered by it.

    Args:
        placed_alike: returns whether an exclusion that covers another has its clauses where the other has them.
    """
    index = Index(extents)
    for number, narrow in enumerate(extents):
        for other in sorted(index.candidates(narrow.shapes[0])):
            wide = extents[other]
            if other == number or not wide.covers(narrow) or not placed_alike(wide, narrow):
                continue
            both = narrow.covers(wide)
            if both and wide.id > narrow.id:
                continue
            yield Covered(wide, narrow, both)
            break


def overlaps(extents: Sequence[Extent]) -> Iterator[Overlap]:
    """Yield, for each exclusion, the others with lower ids that can suppress the same events as it.

    Of exclusions with the same value only the first `NEAR` are compared, and of a list the first `NEAR` values.
    """
    by_high: dict[int, list[int]] = {}
    shared = _shared(extents)
    for low, high in sorted(shared):
        by_high.setdefault(high, []).append(low)
    for high, lows in sorted(by_high.items()):
        number, field, key = shared[lows[0], high]
        yield Overlap(extents[high], tuple(extents[low] for low in lows), extents[number], field, key)


def _shared(extents: Sequence[Extent]) -> dict[tuple[int, int], tuple[int, str, Key]]:
    """Return the pairs that can suppress the same events, each with a value that shows it and whose value it is."""
    holders = _holders(extents)
    shared: dict[tuple[int, int], tuple[int, str, Key]] = {}
    for number, extent in enumerate(extents):
        for shape, field, key in _narrow_values(extent, NEAR):
            for wide in FIELDS[field].above(key):
                for other in holders.get((field, wide), ())[:NEAR]:
                    low, high = sorted((other, number), key=lambda n: extents[n].id)
                    if low != high and (low, high) not in shared and _meet(extents[other], extent, shape):
                        shared[low, high] = (number, field, key)
    return shared


def _holders(extents: Sequence[Extent]) -> dict[tuple[str, Key], list[int]]:
    """Return the exclusions that name each value of a narrow field."""
    holders: dict[tuple[str, Key], list[int]] = {}
    for number, extent in enumerate(extents):
        for _, field, key in _narrow_values(extent):
            known = holders.setdefault((field, key), [])
            if not known or known[-1] != number:
                known.append(number)
    return holders


def _narrow_values(extent: Extent, most: int | None = None) -> Iterator[tuple[Shape, str, Key]]:
    """Yield each value of a narrow field with its alternative; of a list in order the first `most`."""
    for shape in extent.shapes:
        for field in NARROW:
            if field in shape.fields:
                for key in sorted(shape.fields[field].keys)[:most]:
                    yield shape, field, key


def _meet(other: Extent, extent: Extent, shape: Shape) -> bool:
    return other.overlaps_in_time(extent) and any(wide.meets(shape) for wide in other.shapes)
