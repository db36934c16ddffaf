"""Pipelines: a source and the operators after it."""

from __future__ import annotations

from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.expressions import Expressions, as_source
from fpctl.kql.grammar.sources import table_literal
from fpctl.kql.grammar.syntax_errors import not_an_operator
from fpctl.kql.operators.table import BY_KEYWORD, PARSERS, SUGGESTED
from fpctl.kql.tokens import KEYWORD_NAMES
from fpctl.kql.tree import Expr, Operator, Pipeline, Source, Subquery


class Pipelines(Expressions):
    """The part of the grammar that is made of pipes."""

    __slots__ = ()
    operator_words = SUGGESTED

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
        return kind in PARSERS and not (kind in ("count", "range") and after == "(")

    def one_operator(self) -> Pipeline:
        first = self._operator()
        return new(Pipeline, (first[0], first[1], None, (first,)))

    def at_operator(self) -> bool:
        keyword = self.kinds[self.at]
        if keyword not in PARSERS:
            return False
        if keyword not in KEYWORD_NAMES:
            return True
        # `count`, `take` and others are names too, and are taken for one unless what follows shows otherwise.
        begins = BY_KEYWORD[keyword].begins
        return begins is not None and begins(self, self.at + 1)

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
        if sources and BY_KEYWORD[first.keyword].source:
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
        parse = PARSERS.get(self.kinds[self.at])
        if parse is None:
            raise not_an_operator(self.tokens, self.at, SUGGESTED)
        return parse(self)
