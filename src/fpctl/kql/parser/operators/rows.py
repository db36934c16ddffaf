"""Operators that keep, drop or order rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import new
from fpctl.kql.parser.parameters import parameters
from fpctl.kql.tokens import NAME
from fpctl.kql.tree import Count, Ordered, Sample, SampleDistinct, Sort, Take, Top, Where

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

ORDERS = frozenset(("asc", "desc", "granny-asc", "granny-desc"))


def where(p: Expressions) -> Where:
    at = p.at
    p.at = at + 1
    if p.kinds[at + 2] == "=" or p.texts[at + 1] == "hint":
        parameters(p)
    predicate = p.named()
    return new(Where, (p.starts[at], p.ends[p.at - 1], p.texts[at], predicate))


def count(p: Expressions) -> Count:
    at = p.at
    p.at = at + 1
    if p.kinds[at + 1] == "(":
        raise p.unexpected("`|` or the end after the operator `count`")
    alias = None
    if p.take("as"):
        name = p.expect(NAME, "after `count as`")
        alias = p.name_at(name, name + 1)
    return new(Count, (p.starts[at], p.end(), p.texts[at], alias))


def take(p: Expressions) -> Take:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    number = p.named()
    return new(Take, (p.starts[at], p.end(), p.texts[at], found, number))


def sample(p: Expressions) -> Sample:
    at = p.at
    p.at = at + 1
    parameters(p)
    number = p.named()
    return new(Sample, (p.starts[at], p.end(), p.texts[at], number))


def sample_distinct(p: Expressions) -> SampleDistinct:
    at = p.at
    p.at = at + 1
    parameters(p)
    number = p.named()
    p.expect("of", "in `sample-distinct`")
    item = p.named()
    return new(SampleDistinct, (p.starts[at], p.end(), p.texts[at], number, item))


def ordered(p: Expressions) -> Ordered:
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
    return new(Ordered, (value[0], p.ends[p.at - 1], value, order, nulls))


def ordered_list(p: Expressions) -> tuple[Ordered, ...]:
    """Parse one ordering or several, separated by commas."""
    items = [ordered(p)]
    while p.take(","):
        items.append(ordered(p))
    return tuple(items)


def sort(p: Expressions) -> Sort:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    p.expect("by", f"after `{p.texts[at]}`")
    items = ordered_list(p)
    return new(Sort, (p.starts[at], p.end(), p.texts[at], found, items))


def top(p: Expressions) -> Top:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    number = p.named()
    p.expect("by", "in `top`")
    by = ordered(p)
    return new(Top, (p.starts[at], p.end(), p.texts[at], found, number, by))
