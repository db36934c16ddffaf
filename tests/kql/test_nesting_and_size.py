"""Texts no person writes: nested without end, or very long."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from fpctl.errors import KqlSyntaxError
from fpctl.kql.parser import parse
from fpctl.kql.tree import Binary, Membership, Path, QueryStatement, walk

DEPTH = 10_000

NESTED = {
    "parentheses": "print " + "(" * DEPTH + "1" + ")" * DEPTH,
    "parentheses that stay open": "print " + "(" * DEPTH,
    "calls": "print " + "f(" * DEPTH + "1" + ")" * DEPTH,
    "signs": "print " + "-(" * DEPTH + "1" + ")" * DEPTH,
    "operators of every level": "print " + "a == 1 + 2 * (b has (" * DEPTH,
    "brackets": "print " + "[" * DEPTH,
    "indexes": "print a" + "[a" * DEPTH + "]" * DEPTH,
    "path steps": "print a" + ".b" * DEPTH,
    "path steps of a table": "union a" + ".b" * DEPTH,
    "JSON arrays": "print dynamic(" + "[" * DEPTH + "1" + "]" * DEPTH + ")",
    "JSON objects": "print dynamic(" + '{"a":' * DEPTH + "1" + "}" * DEPTH + ")",
    "lists": "T | where " + "a in (" * DEPTH,
    "ranges": "T | where " + "a between (" * DEPTH,
    "joins": "T " + "| join (T " * DEPTH + ") on a" * DEPTH,
    "unions": "union " + "(union " * DEPTH,
    "toscalar": "print " + "toscalar(" * DEPTH,
    "function bodies": "let f = () { " * DEPTH + "T" + " };" * DEPTH,
    "mv-apply": "T | " + "mv-apply a on (" * DEPTH,
    "partitions": "T | " + "partition by a { T | " * DEPTH,
    "forks": "T | " + "fork (" * DEPTH,
    "facets": "T | " + "facet by a with " * DEPTH,
    "macro-expand": "macro-expand G as X (" * DEPTH,
    "schemas": "datatable (a: " + "(a: " * DEPTH,
    "graphs": "E | " + "make-graph a --> b partitioned-by c (" * DEPTH,
    "contextual tables": "__contextual_datatable " * DEPTH,
}


@pytest.mark.parametrize("query", NESTED.values(), ids=NESTED.keys())
def test_endless_nesting_is_an_error_of_the_query(query: str) -> None:
    with pytest.raises(KqlSyntaxError, match="nests too deeply"):
        parse(query)


@pytest.mark.parametrize("query", NESTED.values(), ids=NESTED.keys())
def test_endless_nesting_is_an_error_of_the_query_on_a_full_stack_too(query: str) -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        else:
            parse(query)

    frame, used = sys._getframe(), 0
    while frame.f_back:
        frame, used = frame.f_back, used + 1
    with pytest.raises(KqlSyntaxError, match="nests too deeply"):
        deep(sys.getrecursionlimit() - used - 100)


@pytest.mark.parametrize(
    "query",
    [
        "print " + "(" * 100 + "1" + ")" * 100,
        "print " + "f(" * 100 + "1" + ")" * 100,
        "T " + "| join (T " * 60 + ") on a" * 60,
        "print a" + ".b" * 100,
    ],
)
def test_deep_but_finite_nesting_parses(query: str) -> None:
    assert parse(query).end == len(query)


def test_a_long_disjunction_is_one_flat_node() -> None:
    query = "T | where " + " or ".join(f"a == 'v{number}'" for number in range(20_000))
    statement = parse(query).statements[0]
    assert isinstance(statement, QueryStatement)
    (where,) = statement.pipeline.operators
    assert isinstance(where.predicate, Binary)  # type: ignore[union-attr]
    assert len(where.predicate.operands) == 20_000  # type: ignore[union-attr]


def test_a_list_of_100_000_values() -> None:
    query = "T | where a in (" + ", ".join(f"'v{number}'" for number in range(100_000)) + ")"
    (found,) = [node for node in walk(parse(query)) if isinstance(node, Membership)]
    assert len(found.items) == 100_000


def test_a_pipeline_of_10_000_operators() -> None:
    statement = parse("T" + " | where a == 1" * 10_000).statements[0]
    assert isinstance(statement, QueryStatement)
    assert len(statement.pipeline.operators) == 10_000


def steps(function: Callable[[], object]) -> int:
    """Return how many lines of the parser ran: work done, told without a clock."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        function()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "text",
    [
        "T | where a has 'x' and b == 1\n| extend c = f(a, b)\n| join kind=inner (U | take 1) on a;\n",
        "let a = dynamic([1, {'b': 2}]);\n",
        "print project-awayX, 1 + 2 * 3;\n",
    ],
)
def test_work_grows_with_length_and_no_faster(text: str) -> None:
    small = steps(lambda: parse(text * 20))
    large = steps(lambda: parse(text * 200))
    assert large < small * 11


def test_paths_are_nested_left_to_right() -> None:
    (outer, inner) = [node for node in walk(parse("print a.b.c")) if isinstance(node, Path)]
    assert outer.base is inner
