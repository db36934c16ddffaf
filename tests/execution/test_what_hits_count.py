"""Hits are known wherever the rows at a clause can be queried, and a run says where an event counts several times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.model import Exclusion
from fpctl.execution.run import RunResult, run_rule
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TABLE = "DeviceProcessEvents"
EVENTS = [
    {"DeviceName": device, "FileName": name, "ProcessId": number, "Timestamp": "2026-11-23T10:00:00Z"}
    for number, (device, name) in enumerate([("a", "x.exe"), ("a", "y.exe"), ("b", "x.exe"), ("c", "z.exe")])
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    folder: Path = tmp_path_factory.mktemp("data")
    (folder / f"{TABLE}.jsonl").write_text("\n".join(map(json.dumps, EVENTS)))
    opened = LocalEngine(folder, now=NOW, tables=Tables.packaged())
    yield opened
    opened.close()


def run(query: str, engine: LocalEngine) -> RunResult:
    tables = Tables.packaged()
    planner = Planner(tables, FieldMap.packaged(None, tables), NOW.date())
    exclusion = Exclusion.model_validate(
        {"id": "fp-1", "rules": ["r"], "match": {"device": "a"}, "expires": date(2027, 5, 1)}
    )
    rule = Rule("r", "r", query, "r.kql", "bare")
    return run_rule(rule, planner.plan(rule, [(exclusion, True)]), engine)


def test_an_argument_that_is_defined_behind_the_function_is_no_obstacle(engine: LocalEngine) -> None:
    query = (
        "let seen = (least: long) {\nDeviceProcessEvents\n| where ProcessId >= least\n| summarize n = count()\n};\n"
        "let bound = 0;\nseen(bound)"
    )
    result = run(query, engine)
    assert (result.status, result.rows_suppressed) == ("ok", 2)


def test_a_function_that_is_called_twice_counts_an_event_twice_and_says_so(engine: LocalEngine) -> None:
    query = (
        "let seen = (least: long) {\nDeviceProcessEvents\n| where ProcessId >= least\n"
        "| summarize n = count() by FileName\n};\nunion (seen(0)), (seen(1))"
    )
    result = run(query, engine)
    assert (result.status, result.rows_suppressed) == ("ok", 3)
    assert [note for note in result.notes if "the function seen is called 2 times" in note]


def test_rows_that_an_operator_multiplies_are_marked(engine: LocalEngine) -> None:
    query = f'{TABLE}\n| extend part = dynamic(["p", "q"])\n| mv-expand part\n| where isnotempty(DeviceName)'
    result = run(query, engine)
    assert result.rows_suppressed == 4
    assert [note for note in result.notes if "mv-expand, line 3, can make several rows of it" in note]


def test_rows_that_stand_once_are_not_marked(engine: LocalEngine) -> None:
    assert run(f"{TABLE}\n| where ProcessId >= 0", engine).notes == ()
