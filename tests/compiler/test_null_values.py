"""Null: what equality, order and the aggregates make of it (scalar-data-types/null-values)."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("int(null) == int(null)", None),
        ("int(null) == 5", False),
        ("int(null) != 5", True),
        ("int(null) < 5", None),
        ("not(int(null) > 5)", None),
        ("int(null) in (1, 2)", False),
        ("int(null) !in (1, 2)", True),
        ("int(null) between (1 .. 2)", None),
        ("int(null) + 1", None),
        ("bool(null) and false", False),
        ("bool(null) or true", True),
        ("isnull('')", False),
        ("isempty('')", True),
    ],
)
def test_null_in_expressions(value, expression, expected):
    assert value(expression) == expected


def test_where_drops_what_is_null_and_keeps_what_differs_from_a_value(run):
    rows = "datatable(x: int, s: string)[5, 'a', int(null), 'b']"
    assert run(f"{rows} | where x != 5 | project s") == [("b",)]
    assert run(f"{rows} | where x > 1 | project s") == [("a",)]
    assert run(f"{rows} | where not(x > 1) | project s") == []


def test_a_string_is_never_null_behind_an_outer_join(run):
    left = "datatable(k: string, v: long)['a', 1, 'b', 2]"
    right = "datatable(k: string, s: string, n: long)['a', 'one', 1]"
    joined = f"{left} | join kind=leftouter ({right}) on k"
    assert run(f"{joined} | where s == '' | project k, n, isnull(n), isempty(s)") == [("b", None, True, True)]
    assert run(f"{joined} | where s != '' | project k") == [("a",)]


def test_a_union_fills_strings_with_empty_text(run):
    assert run("union (datatable(a: string)['x']), (datatable(b: long)[1]) | where a == '' | project a, b") == [("", 1)]
