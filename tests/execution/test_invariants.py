"""A run whose result cannot come from its clauses is an error: tried with faults planted in the tuned query."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fpctl.engine.interface import Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from fpctl.execution.run import RunResult, run_rule
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.tuning.impact import impact

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TABLE = "DeviceProcessEvents"
EVENTS = [
    {"DeviceName": device, "FileName": name, "ProcessId": number, "Timestamp": "2026-11-23T10:00:00Z"}
    for number, (device, name) in enumerate([("a", "x.exe"), ("a", "y.exe"), ("b", "x.exe"), ("c", "z.exe")])
]
ROWS = f"{TABLE}\n| where ProcessId >= 0\n| project DeviceName, FileName, Timestamp"
GROUPS = f"{TABLE}\n| where ProcessId >= 0\n| summarize n = count() by DeviceName"
FEW = f"{GROUPS}\n| where n < 2"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder: Path = tmp_path_factory.mktemp("data")
    (folder / f"{TABLE}.jsonl").write_text("\n".join(map(json.dumps, EVENTS)))
    opened = LocalEngine(folder, now=NOW, tables=Tables.packaged())
    yield opened
    opened.close()


def planner() -> Planner:
    tables = Tables.packaged()
    return Planner(tables, FieldMap.packaged(None, tables), NOW.date())


def exclusion(device: str) -> Exclusion:
    content = {"id": "fp-1", "rules": ["r"], "match": {"device": device}, "expires": date(2027, 5, 1)}
    return Exclusion.model_validate(content)


def tuned(query: str, device: str) -> TunedRule:
    return planner().plan(Rule("r", "r", query, "r.kql", "bare"), [(exclusion(device), True)])


def run(planned: TunedRule, engine: LocalEngine) -> RunResult:
    return run_rule(Rule("r", "r", planned.base, "r.kql", "bare"), planned, engine, with_base=True)


def continued(planned: TunedRule, operators: str) -> TunedRule:
    """Return a tuned rule with a fault: its text does more than its clauses do."""
    return replace(planned, tuned=f"{planned.tuned}\n{operators}")


@pytest.mark.parametrize("query", [ROWS, GROUPS, FEW])
@pytest.mark.parametrize("device", ["a", "none"])
def test_a_sound_run_breaks_no_invariant(query: str, device: str, engine: LocalEngine) -> None:
    result = run(tuned(query, device), engine)
    assert (result.status, result.error) == ("ok", None)
    assert result.rows_suppressed == (2 if device == "a" else 0)


@pytest.mark.parametrize("query", [ROWS, GROUPS])
def test_rows_lost_without_a_hit_are_an_error(query: str, engine: LocalEngine) -> None:
    result = run(continued(tuned(query, "none"), "| where DeviceName != 'b'"), engine)
    assert result.status == "failed"
    assert "suppressed no event, but the result differs" in (result.error or "")
    assert {hit.rows for hit in result.hits} == {None}


def test_a_value_that_changes_without_a_hit_is_an_error(engine: LocalEngine) -> None:
    result = run(continued(tuned(GROUPS, "none"), "| extend n = n + 1"), engine)
    assert result.status == "failed"


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        (ROWS, '| union (print DeviceName = "planted", FileName = "q.exe", Timestamp = datetime(2026-11-23))'),
        (GROUPS, '| union (print DeviceName = "planted", n = 1)'),
    ],
)
def test_a_row_that_the_base_query_does_not_return_is_an_error(query: str, fault: str, engine: LocalEngine) -> None:
    result = run(continued(tuned(query, "a"), fault), engine)
    assert result.status == "failed"
    assert result.error == "the tuned query returns 1 row that the base query does not return"


def test_an_effect_warning_allows_new_rows(engine: LocalEngine) -> None:
    planned = tuned(f"{TABLE}\n| where ProcessId >= 0\n| summarize n = count() by FileName\n| where n < 2", "a")
    assert "effect" in {warning.code for warning in planned.plan.warnings}
    result = run(continued(planned, '| union (print FileName = "planted", n = 1)'), engine)
    assert result.status == "ok"


@pytest.mark.parametrize("tail", ["| take 2", "| top 2 by Timestamp", "| sample 2"])
def test_a_query_that_picks_any_rows_proves_nothing(tail: str, engine: LocalEngine) -> None:
    result = run(continued(tuned(f"{ROWS}\n{tail}", "none"), "| where DeviceName == 'no'"), engine)
    assert result.status == "ok"


def test_a_preview_says_so_too(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Planner.plan

    def faulty(self: Planner, rule: Rule, exclusions: object, **options: object) -> TunedRule:
        found = whole(self, rule, exclusions, **options)  # type: ignore[arg-type]
        return continued(found, "| where DeviceName != 'b'") if found.edits else found

    monkeypatch.setattr(Planner, "plan", faulty)
    span = Timespan(NOW - timedelta(days=2), NOW)
    rule = Rule("r", "r", ROWS, "r.kql", "bare")
    found = impact(exclusion("none"), rule, True, [], planner(), engine, span, daily_alerts=False)
    assert "suppressed no event, but the result differs" in (found.error or "")


@pytest.mark.parametrize(
    "query",
    [
        f"{TABLE} | where ProcessId >= 0 | count",
        f"{TABLE} | where ProcessId >= 0 | summarize n = count(), names = make_set(FileName)",
        f"let counts = {TABLE} | where ProcessId >= 0 | summarize n = count() by FileName; counts | where n > 0",
        f"let counts = {TABLE} | where ProcessId >= 0 | summarize n = count() by FileName; counts | project m = n * 2",
    ],
)
def test_a_number_that_changes_is_no_added_row(query: str, engine: LocalEngine) -> None:
    result = run(tuned(query, "b"), engine)
    assert (result.status, result.error, result.rows_suppressed) == ("ok", None, 1)


@pytest.mark.parametrize(
    "query",
    [
        f"{TABLE} | where ProcessId >= 0 | count",
        f"let counts = {TABLE} | where ProcessId >= 0 | summarize n = count() by FileName; counts | where n > 0",
    ],
)
def test_a_number_that_changes_without_a_hit_is_an_error(query: str, engine: LocalEngine) -> None:
    result = run(continued(tuned(query, "none"), "| where 1 == 0"), engine)
    assert result.status == "failed"
