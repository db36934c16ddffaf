"""Rows that are referred to in every way that KQL has: the plan tells of everything that its clauses do."""

from __future__ import annotations

from hypothesis import HealthCheck, event, given, settings

from rewrite.semantics.estate import Estate
from rewrite.semantics.references import cases
from rewrite.semantics.verdict import NotRunError, judge


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(cases())
def test_the_plan_tells_of_everything_that_a_clause_does(drawn: tuple[str, Estate, str]) -> None:
    text, data, placement = drawn
    try:
        verdict = judge(text, data, placement)
    except NotRunError as error:
        event(f"not run: {str(error)[:40]}")
        return
    event(verdict.outcome)
    assert not verdict.faults, verdict.tuned
