"""What holds for every query: applying twice changes nothing, stripping gives the base back, order is indifferent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fpctl.errors import KqlSyntaxError
from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.output.markers import find_clauses, strip
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.plan.verify import verify
from fpctl.rules.model import Rule, read_rule
from oracle.second_reader import complaint
from rewrite.semantics.estate import FIELDS, TABLES
from rewrite.semantics.pipelines import queries

PLANNER = Planner(TABLES, FIELDS, date(2026, 11, 24))
EXCLUSIONS = tuple(
    Exclusion.model_validate({"id": f"fp-{n}", "rules": ["*"], "broad": True, "approved_by": "a test", **content})
    for n, content in enumerate(
        (
            {"match": {"device": ["build01", "web*.contoso.com"]}, "expires": "2027-05-24"},
            {"match": {"device": "build01", "process": "msiexec.exe"}},
            {"match": {"url": "contoso.com"}, "expires": "2027-05-24"},
            {"match": {"account": "ann"}, "placement": "source"},
            {"match": {"device": "db1"}, "placement": "result"},
            {"match": {"device": "db1", "where": "ProcessId > 4"}},
            {"match": {"device": "db1"}, "window": {"weekly": ["sun 02:00-04:00"], "timezone": "UTC"}},
            {"match": {"port": "443"}, "status": "draft"},
        )
    )
)
LAYOUTS = {
    "as it is": lambda text: text,
    "on one line": lambda text: " ".join(text.split("\n")),
    "with carriage returns": lambda text: text.replace("\n", "\r\n"),
    "without a last newline": lambda text: text.rstrip("\n"),
    "with comments": lambda text: text.replace("\n", " // why | where x // not fpctl\n"),
    "indented": lambda text: "\t" + text.replace("\n", "\n  \t"),
}
texts = st.builds(lambda text, layout: LAYOUTS[layout](text), queries(), st.sampled_from(sorted(LAYOUTS)))
some = st.permutations(EXCLUSIONS).flatmap(lambda order: st.integers(1, len(order)).map(lambda n: order[:n]))
many = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])


def rule_of(text: str) -> Rule:
    rule, _ = read_rule({}, text, "query.kql", "query", "query")
    return rule


def plan(text: str, exclusions: Sequence[Exclusion] = EXCLUSIONS) -> TunedRule:
    return PLANNER.plan(rule_of(text), [(exclusion, False) for exclusion in exclusions])


@many
@given(texts, some)
def test_applying_again_changes_nothing(text: str, exclusions: Sequence[Exclusion]) -> None:
    tuned = plan(text, exclusions)
    again = plan(tuned.tuned, exclusions)
    assert again.base == text
    assert again.tuned == tuned.tuned
    assert again.plan == tuned.plan


@many
@given(texts, some)
def test_stripping_gives_the_base_back(text: str, exclusions: Sequence[Exclusion]) -> None:
    tuned = plan(text, exclusions)
    assert strip(tuned.tuned) == text
    assert strip(text) == text
    assert bool(find_clauses(tuned.tuned)) == bool(tuned.plan.insertions)


@many
@given(texts, some)
def test_every_character_of_the_base_is_kept_in_its_order(text: str, exclusions: Sequence[Exclusion]) -> None:
    tuned = plan(text, exclusions)
    rest = iter(tuned.tuned)
    assert all(character in rest for character in text)


@many
@given(texts, st.permutations(EXCLUSIONS), st.permutations(EXCLUSIONS))
def test_the_order_of_the_exclusions_does_not_matter(
    text: str, one: Sequence[Exclusion], other: Sequence[Exclusion]
) -> None:
    first, second = plan(text, one), plan(text, other)
    assert (first.tuned, first.plan) == (second.tuned, second.plan)


@many
@given(texts, some)
def test_the_tuned_query_passes_every_check(text: str, exclusions: Sequence[Exclusion]) -> None:
    tuned = plan(text, exclusions)
    verify(tuned)
    assert complaint(tuned) is None


@many
@given(texts, some)
def test_every_exclusion_is_placed_or_refused(text: str, exclusions: Sequence[Exclusion]) -> None:
    tuned = plan(text, exclusions)
    placed = {name for insertion in tuned.plan.insertions for name in insertion.exclusions}
    refused = {skip.exclusion for skip in tuned.plan.skips}
    assert placed | refused == {exclusion.id for exclusion in exclusions}
    assert not placed & refused


DEPTH = 10_000
DEEP = {
    "parentheses": f"DeviceProcessEvents | where {'(' * DEPTH}ProcessId{')' * DEPTH} > 1",
    "negations": f"DeviceProcessEvents | where {'not(' * DEPTH}true{')' * DEPTH}",
    "sub-queries": f"{'(' * DEPTH}DeviceProcessEvents{' | take 1)' * DEPTH}",
    "joins": "DeviceProcessEvents" + " | join (DeviceProcessEvents" * DEPTH + ") on DeviceName" * DEPTH,
    "unions": "union (" * DEPTH + "DeviceProcessEvents" + ")" * DEPTH,
    "functions": "let f = () {" * DEPTH + "DeviceProcessEvents" + "}; f()" * DEPTH,
    "lists": f"DeviceProcessEvents | where AccountName in {'(' * DEPTH}'a'{')' * DEPTH}",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_nesting_of_ten_thousand_is_an_error_and_no_crash(text: str) -> None:
    with pytest.raises(KqlSyntaxError):
        plan(text)


LONG = {
    "operators": "DeviceProcessEvents" + "\n| where ProcessId != 0" * 45_000,
    "values": f"DeviceProcessEvents\n| where AccountName in ({', '.join(repr(f'user{n:07}') for n in range(75_000))})",
    "lets": "".join(f"let a{n} = DeviceProcessEvents | where ProcessId == {n};\n" for n in range(18_000))
    + "a0 | where AccountName == ''",
    "chain of lets": "let a0 = DeviceProcessEvents;\n"
    + "".join(f"let a{n} = a{n - 1} | where ProcessId != {n};\n" for n in range(1, 60))
    + "a59\n// "
    + "x" * 1_000_000,
    "legs": "union "
    + ", ".join(
        f"(DeviceProcessEvents | where AccountName != '{'x' * 900}' | project AccountName)" for _ in range(1_000)
    ),
    "conditions": "DeviceProcessEvents\n| where " + " or ".join(f"ProcessId == {n}" for n in range(55_000)),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_text_of_a_megabyte_is_rewritten(text: str) -> None:
    assert len(text) >= 950_000
    tuned = plan(text, EXCLUSIONS[:2])
    assert tuned.plan.insertions
    assert strip(tuned.tuned) == text
