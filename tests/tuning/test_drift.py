"""Drift: what has changed under an exclusion since it was approved or last run."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from fpctl.catalog.exclusion import Exclusion
from fpctl.catalog.rule import Rule
from fpctl.rewrite.approval import base_hash
from fpctl.rewrite.plan import Plan
from fpctl.rewrite.planner import Planner
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.tuning.drift import changed_rules, device_class, lost_columns, moved, new_places, surge

QUERY = "DeviceNetworkEvents\n| where RemotePort == 443\n| project DeviceName, RemoteUrl"


def rule(query: str, id: str = "r") -> Rule:
    return Rule(id, id, query, f"{id}.kql", "bare")


def exclusion(**keys: Any) -> Exclusion:
    return Exclusion.model_validate({"id": "fp", "rules": ["*"], "match": {"device": "b1"}, **keys})


def plan(query: str) -> Plan:
    tables = Tables.packaged()
    planner = Planner(tables, FieldMap.packaged(None, tables), date(2026, 11, 24))
    return planner.plan(rule(query), [(exclusion(), True)]).plan


def test_rules_are_compared_with_what_the_approver_saw() -> None:
    approved = exclusion(approval={"rules": {"same": base_hash("A"), "edited": base_hash("B"), "gone": base_hash("C")}})
    found = changed_rules(approved, [rule("A", "same"), rule("B2", "edited"), rule("D", "new")])
    assert [(one.rule, one.kind) for one in found] == [
        ("edited", "rule-changed"), ("gone", "rule-gone"), ("new", "rule-new")
    ]  # fmt: skip


def test_clauses_that_fpctl_put_in_are_no_change() -> None:
    tuned = "T\n| where not(A == 1) // fpctl fp\n| take 1"
    approved = exclusion(approval={"rules": {"r": base_hash("T\n| take 1")}})
    assert changed_rules(approved, [rule(tuned)]) == []


def test_a_column_that_is_gone_is_told() -> None:
    assert lost_columns(exclusion(), plan(QUERY)) == []
    assert lost_columns(exclusion(), plan("EmailUrlInfo | where Url has 'a'"))[0].kind == "column-gone"


def test_a_clause_that_stands_elsewhere_has_moved_and_a_comment_moves_nothing() -> None:
    before = plan(QUERY)
    assert moved(exclusion(), before, plan("// a comment\n" + QUERY)) == []
    (found,) = moved(exclusion(), before, plan(f"let T = {QUERY};\nT | summarize count() by RemoteUrl"))
    assert (found.kind, found.rule) == ("moved", "r")


@pytest.mark.parametrize(
    ("earlier", "latest", "told"),
    [
        ([100, 120, 90], 1_100, True),
        ([100, 120, 90], 900, False),
        ([1, 2, 3], 99, False),
        ([100, 120], 5_000, False),
        ([0, 0, 0], 100, True),
    ],
    ids=["ten times", "nine times", "few", "too few runs", "from nothing"],
)
def test_a_surge_is_ten_times_the_median_of_enough_runs(earlier: list[int], latest: int, told: bool) -> None:
    assert (surge("fp", "r", earlier, latest) is not None) is told


def test_hits_of_a_new_kind_of_device_are_told() -> None:
    known = ["build01.contoso.com", "build02"]
    assert new_places("fp", "r", known, ["build17"]) is None
    found = new_places("fp", "r", known, ["build17", "fin-ws-017.contoso.com"])
    assert found is not None
    assert found.message.endswith("fin-ws")


@pytest.mark.parametrize(
    ("name", "kind"), [("fin-ws-017.contoso.com", "fin-ws"), ("BUILD01", "build"), ("dc", "dc"), ("10", "10")]
)
def test_a_kind_of_device_is_its_name_without_numbers(name: str, kind: str) -> None:
    assert device_class(name) == kind
