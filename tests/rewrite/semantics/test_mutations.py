"""The generated queries find what goes wrong without a rule: `mutations.py` tries all, these show soon."""

from __future__ import annotations

import pytest

from rewrite.semantics.mutations import MUTATIONS, seeds_needed

QUICK = {
    "a leg is wrapped although `withsource` names it": 15,
    "no warning names what could not be filtered": 15,
    "`placement: source` looks into lists first": 10,
    "`invoke` is harmless": 5,
}
"""Mutations, with the queries within which a fault has to show."""


@pytest.mark.parametrize("name", QUICK)
def test_a_rule_that_is_taken_back_shows(name: str) -> None:
    assert seeds_needed(MUTATIONS[name], QUICK[name]) is not None
