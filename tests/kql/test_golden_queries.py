"""The golden queries: one at least per statement, operator, source and row of the lexical rules."""

from __future__ import annotations

import pytest

from fpctl.errors import KqlSyntaxError
from fpctl.kql.lexer import tokenize
from fpctl.kql.operators.table import SUGGESTED
from fpctl.kql.parser import parse
from fpctl.kql.tokens import END
from fpctl.kql.tree import children, walk
from kql.outline import golden


@pytest.mark.parametrize("query", golden("accepted"))
def test_a_legal_query_parses(query: str) -> None:
    assert parse(query).text == query


@pytest.mark.parametrize("query", golden("rejected"))
def test_an_illegal_query_is_refused_at_a_place_inside_it(query: str) -> None:
    with pytest.raises(KqlSyntaxError) as refusal:
        parse(query, "rule.kql")
    error = refusal.value
    assert 0 <= error.offset <= len(query)
    assert error.at is not None
    assert error.at.path == "rule.kql"
    line = query.split("\n")[(error.at.line or 0) - 1]
    assert error.caret == f"    {line}\n    {' ' * ((error.at.column or 0) - 1)}^"


@pytest.mark.parametrize("query", golden("accepted"))
def test_every_node_is_a_run_of_whole_tokens_inside_its_parent(query: str) -> None:
    tokens = tokenize(query)
    starts, ends = set(tokens.starts), set(tokens.ends)
    for node in walk(parse(query)):
        assert node.start in starts, node
        assert node.end in ends or node.start == node.end, node
        for child in children(node):
            assert node.start <= child.start <= child.end <= node.end, (node, child)


def test_the_golden_queries_use_every_operator() -> None:
    used = {
        kind
        for parameter in golden("accepted")
        for kind in tokenize(parameter.values[0]).kinds  # type: ignore[attr-defined]
        if kind != END
    }
    assert SUGGESTED - used == set()
