"""Operators that make groups of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import LIST_ENDS, new
from fpctl.kql.parser.operators.rows import ordered
from fpctl.kql.parser.parameters import parameters
from fpctl.kql.tokens import LITERAL_TYPES
from fpctl.kql.tree import (
    Distinct,
    Expr,
    MakeSeries,
    Named,
    Parameter,
    Reduce,
    SeriesAggregate,
    Summarize,
    TopHitters,
    TopNested,
    TopNestedClause,
)

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

_REDUCE = frozenset(("threshold", "characters"))


def summarize(p: Expressions) -> Summarize:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    kinds = p.kinds
    aggregates: tuple[Expr, ...] = ()
    by: tuple[Expr, ...] = ()
    if kinds[p.at] != "by" and kinds[p.at] not in LIST_ENDS:
        aggregates = p.named_list()
    if p.take("by"):
        by = _keys(p)
    return new(Summarize, (p.starts[at], p.ends[p.at - 1], p.texts[at], found, aggregates, by))


def _keys(p: Expressions) -> tuple[Expr, ...]:
    """Parse the keys after `by`; the last may be followed by `bin=1h`, the spelling from before `bin(Time, 1h)`."""
    keys: list[Expr] = []
    while True:
        if _at_legacy_bin(p):
            raise p.unexpected("a key before `bin=`")
        keys.append(p.named())
        if p.kinds[p.at] != ",":
            break
        p.at += 1
    if _at_legacy_bin(p):
        at = p.at
        p.at = at + 2
        value = p.expression()
        keys.append(new(Named, (p.starts[at], p.end(), (p.name_at(at, at + 1),), value)))
    return tuple(keys)


def _at_legacy_bin(p: Expressions) -> bool:
    kinds, at = p.kinds, p.at
    return kinds[at] == "bin" and kinds[at + 1] == "=" and kinds[at + 2] in LITERAL_TYPES


def distinct(p: Expressions) -> Distinct:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    items: list[Expr] = []
    while True:
        items.append(p.star() if p.kinds[p.at] == "*" else p.named())
        if not p.take(","):
            return new(Distinct, (p.starts[at], p.end(), p.texts[at], found, tuple(items)))


def make_series(p: Expressions) -> MakeSeries:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    aggregates = [_series_aggregate(p)]
    while p.take(","):
        aggregates.append(_series_aggregate(p))
    p.expect("on", "in `make-series`")
    on = p.named()
    low = high = step = None
    if p.take("in"):
        p.expect("range", "after `in`")
        p.expect("(", "after `range`")
        bounds = () if p.kinds[p.at] == ")" else p.named_list()
        p.expect(")", "to close `range(`")
        low, high, step = (*bounds, None, None, None)[:3]
    else:
        if p.kinds[p.at] not in ("from", "to", "step"):
            raise p.unexpected("`from`, `to` or `step` in `make-series`")
        if p.take("from"):
            low = p.expression()
        if p.take("to"):
            high = p.expression()
        p.expect("step", "in `make-series`")
        step = p.expression()
    by = p.named_list() if p.take("by") else ()
    span = (p.starts[at], p.end(), p.texts[at])
    return new(MakeSeries, (*span, found, tuple(aggregates), on, low, high, step, by))


def _series_aggregate(p: Expressions) -> SeriesAggregate:
    value = p.named()
    default = None
    if p.take("default"):
        p.expect("=", "after `default`")
        default = p.named()
    return new(SeriesAggregate, (value[0], p.end(), value, default))


def reduce(p: Expressions) -> Reduce:
    at = p.at
    p.at = at + 1
    found = parameters(p, _REDUCE, before_equals=False)
    p.expect("by", "after `reduce`")
    item = p.named()
    options: list[Parameter] = []
    if p.take("with"):
        options += _one_option(p)
        while options and p.take(","):
            option = _one_option(p)
            if not option:
                raise p.unexpected("`threshold` or `characters`")
            options += option
    return new(Reduce, (p.starts[at], p.end(), p.texts[at], found, item, tuple(options)))


def _one_option(p: Expressions) -> tuple[Parameter, ...]:
    return parameters(p, _REDUCE, before_equals=False, most=1)


def top_hitters(p: Expressions) -> TopHitters:
    at = p.at
    p.at = at + 1
    number = p.named()
    p.expect("of", "in `top-hitters`")
    item = p.named()
    by = p.named() if p.take("by") else None
    return new(TopHitters, (p.starts[at], p.end(), p.texts[at], number, item, by))


def top_nested(p: Expressions) -> TopNested:
    at = p.at
    clauses = [_top_nested_clause(p)]
    while p.take(","):
        if p.kinds[p.at] != "top-nested":
            raise p.unexpected("`top-nested` after `,`")
        clauses.append(_top_nested_clause(p))
    return new(TopNested, (p.starts[at], p.end(), p.texts[at], tuple(clauses)))


def _top_nested_clause(p: Expressions) -> TopNestedClause:
    at = p.at
    p.at = at + 1
    number = None
    if p.kinds[p.at] != "of" or p.kinds[p.at + 1] == "=":
        number = p.named()
    p.expect("of", "in `top-nested`")
    item = p.named()
    others = None
    if p.take("with"):
        p.expect("others", "after `with`")
        p.expect("=", "after `others`")
        others = p.literal() or p.expression()
    p.expect("by", "in `top-nested`")
    by = ordered(p)
    return new(TopNestedClause, (p.starts[at], p.end(), number, item, others, by))
