"""How a value can move when rows are missing, and how aggregates and functions change that.

Everything here is a list of what is known to be safe. A function that is not listed can move a value either way, and
so can add alerts.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum


class Monotonicity(Enum):
    """How the value of a column moves when rows of its group are removed."""

    FALLS = "falls"
    """A number or time gets smaller; a truth value can only become false."""
    RISES = "rises"
    """A number or time gets larger; a truth value can only become true."""
    SHRINKS = "shrinks"
    """A set, list or bag loses elements."""
    LOSES_PARTS = "loses parts"
    """A text that was made of such elements loses some of them."""
    EITHER = "either"
    UNCOVERED = "uncovered"
    """It rises, because what was subtracted is missing: the second argument of `set_difference`."""


FALLS, RISES, SHRINKS, LOSES_PARTS, EITHER, UNCOVERED = Monotonicity
OPPOSITE = {FALLS: RISES, RISES: FALLS}

FALLING = frozenset(
    {
        "count", "countif", "dcount", "dcountif", "count_distinct", "count_distinctif", "max", "maxif", "hll", "hll_if",
    }
)  # fmt: skip
"""Aggregates whose value can only fall without some rows."""
_SUMS = frozenset({"sum", "sumif"})
"""Aggregates whose value can only fall where no row contributes less than zero."""
_SHRINKING = frozenset(
    {
        "make_set", "make_list", "make_set_if", "make_list_if", "makeset", "makelist", "make_bag", "make_bag_if",
        "make_dictionary", "make_list_with_nulls", "buildschema",
    }
)  # fmt: skip
"""Aggregates whose value can only lose elements."""
_RISING = frozenset({"min", "minif"})
_INCREASING = frozenset(
    {
        "toint", "tolong", "todouble", "toreal", "todecimal", "floor", "ceiling", "round", "bin", "tobool",
        "todatetime", "totimespan", "coalesce", "dcount_hll",
    }
)  # fmt: skip
"""Functions that rise with their first argument; the others are constants."""
_KEEPS_ELEMENTS = frozenset(
    {"array_sort_asc", "array_sort_desc", "bag_keys", "parse_json", "todynamic", "set_union", "coalesce"}
)
"""Functions that lose elements where their first argument does."""
_SIZES = frozenset({"array_length", "strlen"})
_TEXTS = frozenset({"tostring", "strcat_array"})


def of_aggregate(name: str, *, non_negative: bool) -> Monotonicity | None:
    """Return how an aggregate moves when rows of its group are missing; None where that is not known.

    Args:
        non_negative: what is aggregated is never less than zero.
    """
    if name in FALLING or (name in _SUMS and non_negative):
        return FALLS
    if name in _RISING:
        return RISES
    return SHRINKS if name in _SHRINKING else None


def applied(name: str, moves: Monotonicity) -> Monotonicity:
    """Return how the result of a function moves whose first argument moves so, and whose others are constants."""
    if moves in (FALLS, RISES) and name in _INCREASING:
        return moves
    if moves is SHRINKS:
        if name in _KEEPS_ELEMENTS:
            return SHRINKS
        if name in _SIZES:
            return FALLS
        if name in _TEXTS:
            return LOSES_PARTS
    if moves is UNCOVERED and name in _SIZES | _KEEPS_ELEMENTS:
        return UNCOVERED
    return EITHER


def together(found: Sequence[Monotonicity | None]) -> Monotonicity:
    """Return how values move that are added: as all of them do."""
    moving = {moves for moves in found if moves is not None}
    return moving.pop() if len(moving) == 1 and moving <= {FALLS, RISES} else EITHER
