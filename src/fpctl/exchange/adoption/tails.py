"""The terms of a rule that suppress events: what is negated in the `where` operators of its outermost pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fpctl.exchange.adoption.logic import is_negative
from fpctl.kql import tree
from fpctl.kql.analysis import Analysis
from fpctl.kql.binder import Scope
from fpctl.kql.operators.model import HandsOn
from fpctl.kql.operators.table import spec_of


class Tail(NamedTuple):
    """A term that takes events out.

    Attributes:
        operator: the `where` it is in, and `number`, the place of that operator, from 0.
        place: which of the operator's terms it is, from 0; `terms` are all of them.
        scope: the columns visible there.
        result: the rows there are no longer events, and what follows leaves each of them as it is.
        movable: the rows are events, or `result` is set; else the term means something at this place only.
    """

    operator: tree.Where
    number: int
    place: int
    terms: tuple[tree.Expr, ...]
    scope: Scope
    result: bool
    movable: bool

    @property
    def term(self) -> tree.Expr:
        """The term itself."""
        return self.terms[self.place]


def tails(query: tree.Query, analysis: Analysis) -> Iterator[Tail]:
    """Yield the terms of the outermost pipeline that are written as negations, in order."""
    results = query.results()
    if len(results) != 1:
        return
    pipeline = results[0].pipeline
    points = analysis.columns_of(pipeline).points
    for number, operator in enumerate(pipeline.operators):
        if not isinstance(operator, tree.Where) or number >= len(points):
            continue
        scope = points[number].scope
        rest = pipeline.operators[number + 1 :]
        result = not scope.rowwise and all(spec_of(one).hands_on is HandsOn.EACH for one in rest)
        terms = _terms(operator.predicate)
        for place, term in enumerate(terms):
            if is_negative(term):
                yield Tail(operator, number, place, terms, scope, result, scope.rowwise or result)


def inner_negations(query: tree.Query, analysis: Analysis) -> Iterator[tuple[str, tree.Expr]]:
    """Yield the negated terms of all other pipelines, each with the path of its pipeline."""
    outermost = {id(statement.pipeline) for statement in query.results()} if len(query.results()) == 1 else set()
    for pipeline in analysis.pipelines:
        if id(pipeline.node) in outermost:
            continue
        for operator in pipeline.node.operators:
            if isinstance(operator, tree.Where):
                yield from ((pipeline.path, term) for term in _terms(operator.predicate) if is_negative(term))


def _terms(predicate: tree.Expr) -> tuple[tree.Expr, ...]:
    if isinstance(predicate, tree.Binary) and set(predicate.ops) == {"and"}:
        return predicate.operands
    return (predicate,)
