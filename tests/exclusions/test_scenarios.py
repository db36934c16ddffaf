"""The scenarios: what they ask for identifies, and each worked example suppresses its benign event and no other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fpctl.exclusions.expiry import parse_until
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.scenarios.model import SCENARIO_IDS, Scenario, scenarios
from fpctl.repository.narrowness import broad_alternatives
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.schema.families import families, is_narrow
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.tuning.fixture import laid_out

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
WORKED = [one for one in scenarios() if one.example is not None]


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda one: one.id)
def test_what_a_scenario_always_names_identifies_in_some_family(scenario: Scenario) -> None:
    assert is_narrow(scenario.needs, families())
    assert parse_until(scenario.expiry, NOW.date()) > NOW.date()


def test_all_but_the_documented_five_have_a_worked_example() -> None:
    assert [one.id for one in WORKED] == list(SCENARIO_IDS[5:])
    assert [one.id for one in scenarios() if one.origin] == list(SCENARIO_IDS[:5])


@pytest.mark.parametrize("scenario", WORKED, ids=lambda one: one.id)
def test_a_worked_example_suppresses_its_benign_event_and_not_the_one_that_resembles_it(scenario: Scenario) -> None:
    example = scenario.example
    assert example is not None
    assert set(scenario.needs) <= set(example.match)
    tables = Tables.packaged()
    planner = Planner(tables, FieldMap.packaged(None, tables), NOW.date())
    rule = Rule("r", "worked", example.rule, "r.kql", "bare")
    match = {field: list(values) for field, values in example.match.items()}
    exclusion = Exclusion.model_validate({"id": "fp-1", "rules": ["r"], "match": match, "scenario": scenario.id})
    assert broad_alternatives(exclusion, [rule], planner) == {}
    tuned = planner.plan(rule, [(exclusion, True)])
    (clause,) = tuned.clauses
    (table,) = planner.read(rule).tables_read()
    kinds = tables.table(table) or {}

    def suppressed(row: dict[str, str]) -> bool:
        typed = {name: int(value) if kinds.get(name) in ("int", "long") else value for name, value in row.items()}
        with laid_out({table: [typed]}, [table], tables, NOW) as engine:
            return len(engine.query(f"{table}\n| where {clause.condition}").rows) == 1

    assert suppressed(example.benign)
    assert not suppressed(example.attack)
