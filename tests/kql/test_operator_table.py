"""The table of operators: what the parser can produce is known to every stage."""

from __future__ import annotations

import pytest

from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.analysis import analyse
from fpctl.kql.binder import NoTables
from fpctl.kql.operators.model import RowEffect
from fpctl.kql.operators.table import BY_KEYWORD, OPERATORS, PARSERS, spec_of
from fpctl.kql.parser import parse
from fpctl.kql.tokens import KEYWORDS
from kql.outline import golden

AFTER_PIPE = {
    "print": "T | print x = 1",
    "range": "T | range x from 1 to 3 step 1",
    "find": "T | find in (T) where a == 1",
    "macro-expand": "T | macro-expand entity_group [cluster('c').database('d')] as X (X.T)",
}
"""What Microsoft's grammar takes after a pipe, and no engine runs there."""


def test_no_keyword_stands_for_two_operators() -> None:
    keywords = [keyword for spec in OPERATORS for keyword in spec.keywords]
    assert len(keywords) == len(set(keywords))


def test_every_keyword_of_an_operator_is_a_word_of_the_lexer() -> None:
    unknown = {keyword for keyword in BY_KEYWORD if keyword not in KEYWORDS}
    assert unknown == {"__executeAndCache", "__partitionby", "__contextual_datatable"} - KEYWORDS


def test_every_node_class_of_an_operator_is_in_the_unions_of_the_tree() -> None:
    piped = {spec.node for spec in OPERATORS}
    assert piped == set(tree.Operator.__args__)
    sources = {spec.node for spec in BY_KEYWORD.values() if spec.source}
    assert sources == set(tree.SourceOperator.__args__)


@pytest.mark.parametrize("query", golden("accepted"))
def test_every_operator_that_parses_has_its_entry(query: str) -> None:
    for node in tree.walk(parse(query)):
        if isinstance(node, (tree.Operator, tree.SourceOperator)):
            assert isinstance(node, spec_of(node).node)


def piped_operators(query: tree.Query) -> list[tree.Operator]:
    return [operator for node in tree.walk(query) if isinstance(node, tree.Pipeline) for operator in node.operators]


def runs(query: str) -> bool:
    """Whether an engine takes every operator of a query behind a pipe; the parser takes more."""
    return all(spec_of(operator).after_pipe for operator in piped_operators(parse(query)))


@pytest.mark.parametrize("query", [case for case in golden("accepted") if runs(str(case.values[0]))])
def test_rows_are_no_longer_events_after_a_barrier(query: str) -> None:
    for pipeline in analyse(parse(query), NoTables()).pipelines:
        operators = pipeline.node.operators
        for operator, point in zip(operators, pipeline.points[-len(operators) :], strict=False):
            if spec_of(operator).rows is RowEffect.BARRIER:
                assert not point.scope.rowwise
                assert not point.scope.kept


@pytest.mark.parametrize("keyword", sorted(AFTER_PIPE))
def test_a_source_after_a_pipe_is_refused_at_its_keyword(keyword: str) -> None:
    text = AFTER_PIPE[keyword]
    with pytest.raises(KqlSyntaxError, match=f"`{keyword}` can only begin a query") as refusal:
        analyse(parse(text), NoTables())
    assert text[refusal.value.offset :].startswith(keyword)


def test_every_operator_that_may_not_follow_a_pipe_is_tried() -> None:
    assert {keyword for keyword in PARSERS if not BY_KEYWORD[keyword].after_pipe} - {"inline_external_table"} == set(
        AFTER_PIPE
    )
