"""Rows that are referred to in every way that KQL has: none appears without a warning."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from fpctl.engine.interface import EngineError
from fpctl.rewrite.plan.verify import verify
from rewrite.semantics.estate import EXCLUSIONS, Estate, estate
from rewrite.semantics.references import queries
from rewrite.semantics.test_generated_queries import comparable

estates = st.builds(estate, st.integers(0, 5), st.integers(0, len(EXCLUSIONS) - 1))


INCOMPLETE = ("partial-union", "partial-fields", "mixed-sources", "untested-values")
"""Warnings that some named rows are left."""


class NotRunError(Exception):
    """A query that the local engine does not run."""


def gained(text: str, estate: Estate) -> tuple[str, Counter[tuple[Any, ...]]]:
    """Return what became of a query, and the rows that its result gains although the plan does not warn.

    Raises:
        NotRunError: the local engine does not run it.
    """
    tuned = estate.plan(text)
    verify(tuned)
    if not tuned.clauses:
        return "not placed", Counter()
    if any(warning.code == "effect" for warning in tuned.plan.warnings):
        return "warned", Counter()
    try:
        before = estate.run(text)
    except Exception as error:
        # What it cannot run it refuses, or its translator fails on: that is another test's subject.
        raise NotRunError(f"{type(error).__name__}: {error}") from error
    try:
        after = estate.run(tuned.tuned)
    except EngineError as error:
        if "cannot run column_ifexists" not in error.message:
            raise
        raise NotRunError(error.message) from error
    new = comparable(tuned, after) - comparable(tuned, before)
    if new:
        return "rows appear", new
    if not text.startswith("union") or any(warning.code in INCOMPLETE for warning in tuned.plan.warnings):
        return "only fewer rows", new
    wanted = estate.run_without(text)
    return ("the named rows are gone", new) if after == wanted else ("other rows are gone", wanted - after)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(queries(), estates)
def test_no_row_appears_unless_the_plan_warns(text: str, estate: Estate) -> None:
    try:
        outcome, new = gained(text, estate)
    except NotRunError as error:
        event(f"not run: {str(error)[:40]}")
        return
    event(outcome)
    assert not new, text
