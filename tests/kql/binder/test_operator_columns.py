"""What each operator does to the columns: names, order and types, as Microsoft's binder has them."""

from __future__ import annotations

from typing import Any

import pytest

from fpctl.kql import tree
from fpctl.kql.parser import parse
from kql.binder.binder_cases import TABLES, cases, last_scope, points, typed
from oracle.bridge import Oracle, errors

CASES = cases()
SETTLED = [case for case in CASES if not case.get("ours")]
"""Those on which the binder has the last word: no error, no open table, and no reason in BINDER_DIFFERS."""


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_columns_at_the_end(case: dict[str, Any]) -> None:
    scope = last_scope(case["query"])
    assert list(typed(scope).items()) == list(case["columns"].items())
    assert scope.open == case.get("open", False)


@pytest.mark.node
@pytest.mark.parametrize("case", SETTLED, ids=[case["name"] for case in SETTLED])
def test_every_gap_is_the_binders(case: dict[str, Any], oracle: Oracle) -> None:
    diagnostics, theirs = oracle.points(case["query"], TABLES)
    assert errors(diagnostics) == []
    found = [point for point in points(case["query"]) if point.offset in theirs]
    assert found
    for point in found:
        assert tuple(typed(point.scope).items()) == theirs[point.offset].columns


def test_every_operator_of_the_tree_has_a_case() -> None:
    met = {type(node) for case in CASES for node in tree.walk(parse(case["query"]))}
    operators = {*tree.Operator.__args__, *tree.SourceOperator.__args__}  # type: ignore[attr-defined]
    assert operators - met <= {tree.MacroExpand}
