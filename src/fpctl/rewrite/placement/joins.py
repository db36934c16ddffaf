"""What a join does to the rows of either side: the sign of each side, and whose rows come out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from fpctl.kql import tree


class Polarity(Enum):
    """What removing rows in a position does to the result."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    OPAQUE = "opaque"

    def through(self, edge: Polarity) -> Polarity:
        """Return the polarity of a position reached from one of polarity `self` through an edge."""
        if edge is Polarity.POSITIVE:
            return self
        if self is Polarity.POSITIVE:
            return edge
        # Two inversions do not make a safe place: between them something may count the rows.
        return Polarity.OPAQUE

    def flipped(self) -> Polarity:
        """Return the polarity under a `not`."""
        if self is Polarity.POSITIVE:
            return Polarity.NEGATIVE
        return Polarity.POSITIVE if self is Polarity.NEGATIVE else Polarity.OPAQUE


JOIN_LEFT: Mapping[str, Polarity] = {
    "inner": Polarity.POSITIVE,
    "innerunique": Polarity.POSITIVE,
    "leftouter": Polarity.POSITIVE,
    "leftsemi": Polarity.POSITIVE,
    "leftanti": Polarity.POSITIVE,
    "anti": Polarity.POSITIVE,
    "leftantisemi": Polarity.POSITIVE,
    "rightsemi": Polarity.POSITIVE,
    # The right row stays and its left cells become empty: a different row, not a missing one.
    "rightouter": Polarity.OPAQUE,
    "fullouter": Polarity.OPAQUE,
    "rightanti": Polarity.NEGATIVE,
    "rightantisemi": Polarity.NEGATIVE,
}
JOIN_RIGHT: Mapping[str, Polarity] = {
    "inner": Polarity.POSITIVE,
    "innerunique": Polarity.POSITIVE,
    "rightouter": Polarity.POSITIVE,
    "rightsemi": Polarity.POSITIVE,
    "rightanti": Polarity.POSITIVE,
    "rightantisemi": Polarity.POSITIVE,
    "leftsemi": Polarity.POSITIVE,
    "leftouter": Polarity.OPAQUE,
    "fullouter": Polarity.OPAQUE,
    "leftanti": Polarity.NEGATIVE,
    "anti": Polarity.NEGATIVE,
    "leftantisemi": Polarity.NEGATIVE,
}
RIGHT_ROWS_FLOW = frozenset({"inner", "innerunique", "rightouter", "rightsemi", "rightanti", "rightantisemi"})
"""Join kinds whose output rows carry the right row."""


def join_kind(node: tree.Join | tree.Lookup) -> str:
    """Return the kind of a join as written, or its default (innerunique; leftouter for lookup)."""
    for parameter in node.parameters:
        if parameter.name == "kind" and isinstance(parameter.value, (tree.Name, tree.Wildcard)):
            return parameter.value.value if isinstance(parameter.value, tree.Name) else parameter.value.pattern
    return "innerunique" if isinstance(node, tree.Join) else "leftouter"
