"""Pipelines: a source and the operators after it."""

from __future__ import annotations

from fpctl.kql.parser.complaints import not_an_operator
from fpctl.kql.parser.cursor import new
from fpctl.kql.parser.expressions import Expressions, as_source
from fpctl.kql.parser.operators import OPERATORS, SOURCES, starts_operator
from fpctl.kql.parser.sources import table_literal
from fpctl.kql.tree import Expr, Operator, Pipeline, Source, Subquery


class Pipelines(Expressions):
    """The part of the grammar that is made of pipes."""

    __slots__ = ()

    def query(self) -> Expr | Pipeline:
        if self.at_operator():
            return self._from_operator()
        expression = self.expression()
        return self.pipeline_from(expression) if self.kinds[self.at] == "|" else expression

    def pipeline(self) -> Pipeline:
        """Parse a query; a lone expression is a pipeline without operators."""
        if self.at_operator():
            return self._from_operator()
        return self.pipeline_from(self.expression())

    def body(self) -> Pipeline:
        if self.kinds[self.at] == "__contextual_datatable":
            return self.pipeline_from(table_literal(self))
        return self._from_operator(sources=False)

    def starts_body(self) -> bool:
        kind, after = self.kinds[self.at], self.kinds[self.at + 1]
        return kind in OPERATORS and not (kind in ("count", "range") and after == "(")

    def one_operator(self) -> Pipeline:
        first = self._operator()
        return new(Pipeline, (first[0], first[1], None, (first,)))

    def at_operator(self) -> bool:
        return self.kinds[self.at] in OPERATORS and starts_operator(self)

    def pipeline_from(self, source: Expr) -> Pipeline:
        operators = self._operators_after()
        # A lone expression keeps its own shape; only what is piped must be a table.
        table: Source = as_source(source) if operators or isinstance(source, Subquery) else source
        return new(Pipeline, (source[0], self.ends[self.at - 1], table, operators))

    def table_literal(self) -> Subquery:
        return table_literal(self)

    def _from_operator(self, sources: bool = True) -> Pipeline:
        """Parse a pipeline whose first thing is an operator: a source (`union`), or a body's first step."""
        at = self.at
        first = self._operator()
        rest = self._operators_after()
        start, end = self.starts[at], self.ends[self.at - 1]
        if sources and isinstance(first, SOURCES):
            return new(Pipeline, (start, end, first, rest))
        return new(Pipeline, (start, end, None, (first, *rest)))

    def _operators_after(self) -> tuple[Operator, ...]:
        kinds = self.kinds
        operators: list[Operator] = []
        while kinds[self.at] == "|":
            self.at += 1
            operators.append(self._operator())
        return tuple(operators)

    def _operator(self) -> Operator:
        parse = OPERATORS.get(self.kinds[self.at])
        if parse is None:
            raise not_an_operator(self.tokens, self.at)
        return parse(self)
