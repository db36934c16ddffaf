"""What the parts of the grammar need of each other.

The grammar is one class in layers, each in its own module and each knowing those below it: cursor,
schemas, operands, expressions, pipelines, statements. A sub-query in an operand goes the other way,
so what is called upwards is declared here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from fpctl.kql.grammar.cursor import Cursor, new
from fpctl.kql.tree import Call, Expr, FunctionParameter, Pipeline, Statement, Subquery


class Grammar(Cursor, ABC):
    """A cursor that the upper layers complete."""

    __slots__ = ()

    @abstractmethod
    def expression(self) -> Expr:
        """Parse an expression."""

    @abstractmethod
    def named(self) -> Expr:
        """Parse `name = value`, `(a, b) = value`, or an expression."""

    @abstractmethod
    def query(self) -> Expr | Pipeline:
        """Parse what parentheses may contain: a pipeline, or a lone expression when no operator follows it."""

    @abstractmethod
    def pipeline(self) -> Pipeline:
        """Parse a query; a lone expression is a pipeline without operators."""

    @abstractmethod
    def at_operator(self) -> bool:
        """Return whether a tabular operator starts here, rather than an expression."""

    @abstractmethod
    def pipeline_from(self, source: Expr) -> Pipeline:
        """Parse the operators after a source."""

    @abstractmethod
    def body(self) -> Pipeline:
        """Parse a pipeline that has no source of its own, from its first operator."""

    @abstractmethod
    def starts_body(self) -> bool:
        """Return whether the next token is an operator's keyword, in a place where it cannot be a name."""

    @abstractmethod
    def one_operator(self) -> Pipeline:
        """Parse a single operator as a pipeline without a source."""

    @abstractmethod
    def entity_group(self) -> Call:
        """Parse `entity_group [path, ...]` or `entity_group('name')`."""

    @abstractmethod
    def function_parameter(self) -> FunctionParameter:
        """Parse `name: type [= default]` or `name: (schema)`."""

    @abstractmethod
    def statements(self, closing: str) -> tuple[Statement, ...]:
        """Parse statements up to the token `closing`."""

    @abstractmethod
    def table_literal(self) -> Subquery:
        """Parse `datatable`, `externaldata` and their kin."""

    def query_value(self) -> Expr:
        """Parse what parentheses may contain, as one node."""
        query = self.query()
        return new(Subquery, (query[0], query[1], query)) if isinstance(query, Pipeline) else query
