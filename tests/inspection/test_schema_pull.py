"""`fpctl schema pull`: what becomes a file, what planning then knows, and what is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.schema.repository import load_repository
from servers.log_analytics import LogAnalyticsServer

Fpctl = Callable[..., Any]


def test_custom_tables_and_added_columns_are_stored(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    outcome = fpctl("schema", "pull", "--format", "json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == {
        "tables": ["DeviceNetworkEvents", "Own_CL"], "documented": 2, "functions": [], "removed": [], "left": [],
        "problems": [],
    }  # fmt: skip
    stored = load_repository(workplace)
    assert stored.problems == ()
    assert stored.tables["Own_CL"] == {"TimeGenerated": "datetime", "Host_s": "string", "Score_d": "real"} | (
        {"Score_d": stored.tables["Own_CL"]["Score_d"]}  # DuckDB makes 1.5 a decimal
    )
    assert stored.tables["DeviceNetworkEvents"]["Extra"] == "string"


def test_planning_then_knows_a_custom_table(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    (workplace / "rules" / "own.kql").write_text("Own_CL\n| where Host_t == 'a'\n")
    assert "Host_t" not in fpctl("rules", "lint").err
    fpctl("schema", "pull")
    lint = fpctl("rules", "lint")
    assert "Host_t" in lint.out + lint.err


def test_functions_are_stored_with_their_parameters(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    server.functions["Busy"] = "Own_CL | where Score_d > 1"
    metadata = server._metadata
    server._metadata = lambda: _with_parameters(metadata())  # type: ignore[method-assign]
    assert fpctl("schema", "pull").code == 0
    stored = load_repository(workplace)
    assert stored.problems == ()
    assert sorted(stored.functions) == ["Busy", "Of"]
    assert str(stored.functions["Of"]).startswith("(name:string) {")


def test_planning_then_knows_a_function(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    server.functions["Https"] = "DeviceNetworkEvents | where RemotePort == 443 | project Timestamp, DeviceName"
    (workplace / "rules" / "of.kql").write_text("Https\n| where Extra == 'x'\n| summarize count() by DeviceName\n")
    assert "Extra" not in fpctl("rules", "lint").out
    fpctl("schema", "pull")
    assert "Extra" in fpctl("rules", "lint").out
    shown = json.loads(fpctl("explain", "of.kql", "--format", "json").out)
    first = shown["rules"][0]["pipelines"][0]["insertion_points"][0]
    assert {name: column["origin"] for name, column in first["columns"].items()} == {
        "Timestamp": "DeviceNetworkEvents.Timestamp", "DeviceName": "DeviceNetworkEvents.DeviceName",
    }  # fmt: skip


def _with_parameters(answer: dict[str, Any]) -> dict[str, Any]:
    function = {"id": "Of", "name": "Of", "parameters": "name:string", "body": "Own_CL | where Host_s == name"}
    return {**answer, "functions": [*answer["functions"], function]}


def test_what_people_wrote_stays(fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path) -> None:
    server.functions["Busy"] = "Own_CL"
    (workplace / "schema").mkdir()
    (workplace / "schema" / "own.yaml").write_text("Own_CL: {TimeGenerated: datetime, Mine: string}\n")
    (workplace / "functions").mkdir()
    (workplace / "functions" / "Busy.kql").write_text("Own_CL | take 1\n")
    outcome = fpctl("schema", "pull")
    assert outcome.code == 1
    assert "not pulled: the table Own_CL is declared in schema/own.yaml\n" in outcome.err
    assert "not pulled: the function Busy has a file that people wrote\n" in outcome.err
    stored = load_repository(workplace)
    assert stored.problems == ()
    assert "Mine" in stored.tables["Own_CL"]
    assert (workplace / "functions" / "Busy.kql").read_text() == "Own_CL | take 1\n"


def test_a_function_that_would_break_the_repository_is_left_out(
    fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path
) -> None:
    server.functions |= {"Bad": "Own_CL | where", "no name": "Own_CL", "../out": "Own_CL", "Good": "Own_CL"}
    outcome = fpctl("schema", "pull")
    assert outcome.code == 1
    assert "not pulled: the function Bad: the function is not KQL" in outcome.err
    assert "not pulled: the function no name: its name cannot be used as a file name" in outcome.err
    assert [path.name for path in (workplace / "functions").iterdir()] == ["Good.kql"]
    assert load_repository(workplace).problems == ()


def test_the_next_pull_replaces_and_removes_what_was_pulled(
    fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path
) -> None:
    server.functions |= {"Old": "Own_CL", "Kept": "Own_CL | take 1"}
    fpctl("schema", "pull")
    server.functions = {"Kept": "Own_CL | take 2"}
    outcome = fpctl("schema", "pull")
    assert "functions/Old.kql removed: the workspace no longer has it\n" in outcome.err
    assert [path.name for path in (workplace / "functions").iterdir()] == ["Kept.kql"]
    assert "take 2" in (workplace / "functions" / "Kept.kql").read_text()


def test_a_file_of_the_same_name_that_people_wrote_is_an_error(
    fpctl: Fpctl, server: LogAnalyticsServer, workplace: Path
) -> None:
    (workplace / "schema").mkdir()
    (workplace / "schema" / "pulled.yaml").write_text("Own_CL: {A: string}\n")
    outcome = fpctl("schema", "pull")
    assert outcome.code == 2
    assert "schema/pulled.yaml was not pulled: people wrote it" in outcome.err
    assert (workplace / "schema" / "pulled.yaml").read_text() == "Own_CL: {A: string}\n"


@pytest.mark.parametrize("arguments", [(), ("--all",)])
def test_local_files_have_a_schema_too(fpctl: Fpctl, workplace: Path, arguments: tuple[str, ...]) -> None:
    (workplace / "data").mkdir()
    (workplace / "data" / "Own_CL.jsonl").write_text('{"TimeGenerated": "2026-11-19T12:00:00Z", "n": 1}\n')
    (workplace / "data" / "DeviceInfo.jsonl").write_text('{"Timestamp": "2026-11-19T12:00:00Z", "DeviceName": "x"}\n')
    assert fpctl("schema", "pull", "--data", "data", *arguments).code == 0
    tables = load_repository(workplace).tables
    assert tables["Own_CL"]["n"] == "long"
    assert ("DeviceInfo" in tables) == bool(arguments)
    if arguments:
        assert sorted(tables["DeviceInfo"]) == ["DeviceName", "Timestamp"]
