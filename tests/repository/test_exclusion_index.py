"""Which exclusions select which rule."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fpctl.exclusions.model import Exclusion
from fpctl.repository.exclusion_index import ExclusionIndex
from fpctl.rules.model import Rule
from fpctl.rules.selector import selection

RULE = Rule("7F0E", "Odd Name", "DeviceInfo", "deep/odd.kql", "bare", tags=("noisy",), techniques=("T1059.001",))
SELECTORS = [
    "7f0e", "7F0E", "odd name", "Odd Name", "deep/odd.kql", "id:7f0e", "name:Odd Name", "path:deep/odd.kql", "deep/*",
    "*", "tag:noisy", "technique:T1059", "table:DeviceInfo", "other", "id:other", "tag:quiet", "name:7f0e",
]  # fmt: skip


def exclusion(number: int, rules: list[str]) -> Exclusion:
    return Exclusion.model_validate({"id": f"fp-{number:03}", "rules": rules, "match": {"device": ["build01"]}})


@given(st.lists(st.lists(st.sampled_from(SELECTORS), min_size=1, max_size=3), max_size=8))
def test_the_lookup_finds_what_trying_every_exclusion_finds(rules: list[list[str]]) -> None:
    exclusions = [exclusion(number, given) for number, given in enumerate(rules)]
    expected = [(e, how == "named") for e in exclusions if (how := selection(e.rules, RULE)) is not None]
    assert ExclusionIndex(exclusions).of(RULE) == expected
