"""Pieces that several operators share: orderings, and pipelines in parentheses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.grammar.cursor import new

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

ORDERS = frozenset(("asc", "desc", "granny-asc", "granny-desc"))


def name_follows(p: Expressions, at: int) -> bool:
    """Return whether a name or a hint is at an index: what follows `evaluate` where it is the operator."""
    return bool(p.name_end(at)) or p.texts[at] in ("hint.distribution", "hint.remote", "kind")


def by_follows(p: Expressions, at: int) -> bool:
    """Return whether `by` or a parameter is at an index: what follows `reduce` where it is the operator."""
    return p.kinds[at] == "by" or p.texts[at].startswith("hint") or p.texts[at] == "kind"


def ordered(p: Expressions) -> tree.Ordered:
    """Parse `expression [asc|desc] [nulls first|last]`."""
    value = p.named()
    order = nulls = None
    kind = p.kinds[p.at]
    if kind in ORDERS:
        order = kind
        p.at += 1
    if p.take("nulls"):
        nulls = p.kinds[p.at]
        if nulls not in ("first", "last"):
            raise p.unexpected("`first` or `last` after `nulls`")
        p.at += 1
    return new(tree.Ordered, (value[0], p.ends[p.at - 1], value, order, nulls))


def ordered_list(p: Expressions) -> tuple[tree.Ordered, ...]:
    """Parse one ordering or several, separated by commas."""
    items = [ordered(p)]
    while p.take(","):
        items.append(ordered(p))
    return tuple(items)


def body(p: Expressions) -> tree.Pipeline:
    """Parse `( operators )`, the body of mv-apply and its like."""
    p.expect("(", "and a sub-query")
    p.descend()
    pipeline = p.body()
    p.expect(")", "to close the sub-query")
    p.depth -= 1
    return pipeline
