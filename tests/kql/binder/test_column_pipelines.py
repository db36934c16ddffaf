"""Any operators after one another: they are analysed, and as Microsoft's binder does."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from fpctl.errors import KqlSyntaxError
from fpctl.kql.analysis import Analysis, analyse
from fpctl.kql.parser import parse
from kql.binder.binder_cases import BINDER_DIFFERS, ENVIRONMENT, TABLES, cases, typed
from oracle.bridge import Oracle, errors

NOTHING_CAN_FOLLOW = ("fork", "facet", "consume")

OPERATORS = sorted(
    case["query"].removeprefix("Door | ")
    for case in cases()
    if case["query"].startswith("Door | ")
    and ";" not in case["query"]
    and case["name"] not in BINDER_DIFFERS
    and not case["query"].removeprefix("Door | ").startswith(NOTHING_CAN_FOLLOW)
)

SOURCES = (
    "Door",
    "union Door, Log",
    "union Door, (Log | extend Level = Code)",
    "Door | join kind=inner Log on Badge",
    "Log | extend Level = toint(Code), Tags = parse_json(Owner)",
    "Nowhere",
)

pipelines = st.tuples(st.sampled_from(SOURCES), st.lists(st.sampled_from(OPERATORS), min_size=1, max_size=4)).map(
    lambda parts: " | ".join([parts[0], *parts[1]])
)


def analysed(query: str) -> Analysis:
    try:
        return analyse(parse(query), ENVIRONMENT)
    except KqlSyntaxError:
        assume(False)
        raise


@given(pipelines)
@settings(max_examples=300)
def test_any_pipeline_is_analysed(query: str) -> None:
    points = analysed(query).pipelines[0].points
    assert [point.index for point in points] == list(range(len(points)))
    for point in points:
        assert all(column.name == name for name, column in point.scope.columns.items())
        assert point.scope.kept <= point.scope.branches.keys()
        assert not point.scope.rowwise or point.scope.kept == point.scope.branches.keys()
        origins = {origin for column in point.scope.columns.values() for origin in column.origins}
        assert all(origin.table in point.scope.branches[origin.branch] for origin in origins)


@pytest.mark.node
@given(query=pipelines)
@example(query="Door | summarize arg_max(At, *) by bin(At, 1h) | join kind=inner Log on Badge | distinct At1, At2")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_pipeline_that_binds_has_the_binders_columns(query: str, oracle: Oracle) -> None:
    found = analysed(query)
    diagnostics, theirs = oracle.points(query, TABLES)
    # Once a row is open the binder keeps it open, even after a project, and adds every name that it meets.
    assume(not errors(diagnostics))
    assume(not any(point.open for point in theirs.values()))
    # Some operators leave two columns of one name there; ours are told apart.
    assume(all(len(dict(point.columns)) == len(point.columns) for point in theirs.values()))
    for pipeline in found.pipelines:
        for point in pipeline.points:
            if point.offset in theirs:
                assert tuple(typed(point.scope).items()) == theirs[point.offset].columns
    assert [problem for problem in found.problems if problem.code == "unknown-column"] == []
