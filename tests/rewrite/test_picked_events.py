"""`placement: result` behind an aggregate that picks an event: the plan says that the row stands for others too."""

from __future__ import annotations

from datetime import date

import pytest

from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables


def tuned(query: str, placement: str = "result") -> TunedRule:
    tables = Tables.packaged()
    exclusion = Exclusion.model_validate(
        {"id": "fp-1", "rules": ["r"], "match": {"device": "build01"}, "placement": placement}
    )
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    return planner.plan(Rule("r", "r", query, "r.kql", "bare"), [(exclusion, True)])


def picked(found: TunedRule) -> list[tuple[int | None, str]]:
    return [(one.line, one.message) for one in found.plan.warnings if one.code == "picked-event"]


@pytest.mark.parametrize(
    "aggregate",
    ["arg_max(Timestamp, *)", "arg_min(Timestamp, DeviceName)", "take_any(DeviceName)"],
)
def test_a_column_that_one_event_gives_is_named(aggregate: str) -> None:
    found = tuned(f"DeviceProcessEvents\n| where FileName == 'x'\n| summarize {aggregate} by AccountName")
    ((line, message),) = picked(found)
    assert line == 3
    assert message.startswith(
        "each row here stands for all events of the same AccountName, and DeviceName is that of one"
    )
    assert "| where not(" in found.tuned


def test_a_column_that_the_query_groups_by_is_not_picked() -> None:
    assert picked(tuned("DeviceProcessEvents\n| summarize arg_max(Timestamp, *) by DeviceName")) == []


def test_an_aggregation_inside_a_let_is_found() -> None:
    head = "let seen = DeviceProcessEvents\n| summarize arg_max(Timestamp, *) by AccountName;"
    query = f"{head}\nseen\n| where FileName == 'x'"
    assert [line for line, _ in picked(tuned(query))] == [2]


def test_a_clause_before_the_aggregation_says_nothing() -> None:
    assert picked(tuned("DeviceProcessEvents\n| summarize arg_max(Timestamp, *) by AccountName", "auto")) == []


def test_a_value_that_any_computes_is_no_column_of_the_event() -> None:
    found = tuned("DeviceProcessEvents\n| summarize any(DeviceName) by AccountName")
    assert [skip.reason for skip in found.plan.skips] == ["placement-unavailable"]
