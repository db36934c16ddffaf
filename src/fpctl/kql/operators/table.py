"""The table of operators: every list of keywords in fpctl is derived from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeGuard

from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.binder.context import BinderContext, barrier
from fpctl.kql.binder.scope import Scope
from fpctl.kql.operators import (
    aggregation,
    branches,
    calls,
    expansion,
    filters,
    graphs,
    joins,
    literals,
    outputs,
    projection,
    scanning,
    searches,
)
from fpctl.kql.operators.model import OperatorSpec, RowEffect
from fpctl.text.source import SourceText

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

OPERATORS: tuple[OperatorSpec, ...] = (
    *filters.OPERATORS,
    *projection.OPERATORS,
    *expansion.OPERATORS,
    *aggregation.OPERATORS,
    *joins.OPERATORS,
    *searches.OPERATORS,
    *branches.OPERATORS,
    *calls.OPERATORS,
    *scanning.OPERATORS,
    *graphs.OPERATORS,
    *literals.OPERATORS,
    *outputs.OPERATORS,
)

BY_KEYWORD: Mapping[str, OperatorSpec] = MappingProxyType(
    {keyword: spec for spec in (*OPERATORS, *literals.TABLE_LITERALS) for keyword in spec.keywords}
)
"""Every operator, and every table literal, by each of its keywords."""

PARSERS: Mapping[str, Callable[[Expressions], tree.Operator]] = {
    keyword: spec.parse for spec in OPERATORS for keyword in spec.keywords
}
"""By keyword the function that parses an operator; what may follow a `|` or begin a pipeline."""
SUGGESTED = frozenset(keyword for spec in OPERATORS if spec.suggested for keyword in spec.keywords)
"""Keywords that error messages may suggest."""


def spec_of(node: tree.Operator | tree.SourceOperator) -> OperatorSpec:
    """Return the entry of a node of the tree."""
    return BY_KEYWORD[node.keyword]


def is_operator(node: tree.Node) -> TypeGuard[tree.Operator | tree.SourceOperator]:
    """Return whether a node is an operator or a table literal, rather than an expression or a part of either."""
    return getattr(node, "keyword", None) in BY_KEYWORD


def bind(context: BinderContext, node: tree.Operator | tree.SourceOperator, scope: Scope | None) -> Scope:
    """Return what is visible after an operator; `scope` is what flows into it, None for a pipeline's source.

    Raises:
        KqlSyntaxError: it is after a `|` and may only begin a query.
    """
    spec = BY_KEYWORD[node.keyword]
    if scope is not None and not spec.after_pipe:
        source = SourceText(context.text)
        raise KqlSyntaxError(
            f"`{node.keyword}` can only begin a query: nothing can be piped into it",
            node.start,
            source.location(node.start),
            source.caret(node.start),
            f"remove what is before `{node.keyword}`, or combine the two with `union`",
        )
    result = spec.bind(context, node, scope)
    if spec.rows is RowEffect.BARRIER and (result.rowwise or result.kept):
        return barrier(result, result.columns, is_open=result.open)
    return result
