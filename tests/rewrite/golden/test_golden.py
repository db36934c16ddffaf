"""What becomes of each golden case is what its `expected.txt` says."""

from __future__ import annotations

import pytest

from fpctl.errors import KqlSyntaxError
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.plan.verify import verify
from oracle.second_reader import complaint
from rewrite.golden.cases import Case, cases

CASES = cases()
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_there_are_cases() -> None:
    assert len(CASES) >= 150


@each
def test_outcome(case: Case) -> None:
    shown = case.expected.read_bytes().decode("utf-8")
    assert case.outcome() == shown, "if this is meant: python scripts/regenerate_golden.py, and read the difference"


@each
def test_the_tuned_query_passes_every_check_and_strips_to_the_base(case: Case) -> None:
    try:
        tuned = case.tuned()
    except KqlSyntaxError:
        assert case.expected.read_text(encoding="utf-8").startswith("not KQL")
        return
    verify(tuned)
    assert complaint(tuned) is None
    assert tuned.base == case.base
    assert strip(tuned.tuned) == tuned.base
    assert bool(tuned.edits) == bool(tuned.plan.insertions)
