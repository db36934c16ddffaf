"""The connector check: connected, tables there, events in the rule's period, each with the date of the last event."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fpctl.execution.connectors import required_connectors
from fpctl.rules.formats.registry import read_rule_file
from servers.log_analytics import LogAnalyticsServer
from servers.security_insights import WORKSPACE, SecurityInsightsServer
from servers.store import Store

Fpctl = Callable[..., Any]
RULE = """\
id: 0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11
name: Logons
kind: Scheduled
severity: Low
queryFrequency: 1d
queryPeriod: 1d
triggerOperator: gt
triggerThreshold: 0
requiredDataConnectors:
CONNECTORS
query: |
  SecurityEvent
  | where EventID == 4625
"""
AGENT = "  - connectorId: WindowsSecurityEvents\n    dataTypes: [SecurityEvent]"
OLD = "  - connectorId: SecurityEvents\n    dataTypes: [SecurityEvent (old)]"
OFFICE = "  - connectorId: Office365\n    dataTypes:\n      - OfficeActivity"
GONE = "  - connectorId: Fortinet\n    dataTypes: [CommonSecurityLog]"


@pytest.fixture
def place(workplace: Path) -> Iterator[tuple[SecurityInsightsServer, LogAnalyticsServer]]:
    """A workspace with events of Windows from the day, and of Office from three weeks before."""
    store = Store(
        "CREATE TABLE SecurityEvent AS SELECT TIMESTAMP '2026-11-19 08:00:00' AS TimeGenerated, 4625 AS EventID",
        "CREATE TABLE OfficeActivity AS SELECT TIMESTAMP '2026-11-01 08:00:00' AS TimeGenerated, 'x' AS Operation",
    )
    (workplace / "rules" / "net.kql").unlink()
    with SecurityInsightsServer() as management, LogAnalyticsServer(store) as logs:
        management.connectors = [
            {"kind": "Office365", "name": "1", "properties": {"dataTypes": {"exchange": {"state": "Enabled"}}}},
            {"kind": "SecurityEvents", "name": "2", "properties": {"dataTypes": {"x": {"state": "Disabled"}}}},
            {"kind": "GenericUI", "name": "3", "properties": {"connectorUiConfig": {"id": "Own"}}},
        ]
        (workplace / "fpctl.toml").write_text(
            f"workspace = '{WORKSPACE}'\n[engine]\ndefault = 'log-analytics'\ncredential = 'none'\n"
            f"[engine.log-analytics]\nendpoint = '{logs.url}'\n[deploy]\nendpoint = '{management.url}'\n"
        )
        yield management, logs
    store.close()


Place = tuple[SecurityInsightsServer, LogAnalyticsServer]


def write(folder: Path, *connectors: str, name: str = "logons.yaml") -> None:
    (folder / "rules" / name).write_text(RULE.replace("CONNECTORS", "\n".join(connectors)))


def run(fpctl: Fpctl) -> tuple[int, dict[str, Any]]:
    outcome = fpctl("run", "--format", "json")
    assert outcome.out, outcome.err
    return outcome.code, json.loads(outcome.out)["runs"][0]


def test_a_run_says_of_each_connector_whether_it_delivers(fpctl: Fpctl, workplace: Path, place: Place) -> None:
    write(workplace, AGENT, OLD, OFFICE, GONE)
    code, found = run(fpctl)
    assert (code, found["notes"]) == (0, [])  # one that delivers is enough
    assert found["connectors"] == [
        {"id": "WindowsSecurityEvents", "connected": None, "events": True,
         "last_event": "2026-11-19T08:00:00Z", "tables": ["SecurityEvent"], "missing_tables": []},
        {"id": "SecurityEvents", "connected": False, "events": True,
         "last_event": "2026-11-19T08:00:00Z", "tables": ["SecurityEvent"], "missing_tables": []},
        {"id": "Office365", "connected": True, "events": False,
         "last_event": "2026-11-01T08:00:00Z", "tables": ["OfficeActivity"], "missing_tables": []},
        {"id": "Fortinet", "connected": None, "events": False,
         "last_event": None, "tables": ["CommonSecurityLog"], "missing_tables": ["CommonSecurityLog"]},
    ]  # fmt: skip


def test_a_rule_none_of_whose_connectors_delivers_is_a_finding(fpctl: Fpctl, workplace: Path, place: Place) -> None:
    write(workplace, OFFICE, GONE)
    code, found = run(fpctl)
    assert code == 1
    assert found["notes"] == [
        "none of the required data connectors brought events: Office365 (connected; no events in the rule's period, "
        "last event 2026-11-01 08:00 UTC), Fortinet (not listed; no table CommonSecurityLog): "
        "ensure this data connector is enabled"
    ]


def test_connectors_and_tables_are_asked_for_once_for_all_rules(fpctl: Fpctl, workplace: Path, place: Place) -> None:
    for number in range(4):
        write(workplace, AGENT, OFFICE, name=f"{number}.yaml")
        text = (workplace / "rules" / f"{number}.yaml").read_text()
        (workplace / "rules" / f"{number}.yaml").write_text(text.replace("6f2d11", f"6f2d2{number}"))
    outcome = fpctl("run", "--format", "json")
    assert len(json.loads(outcome.out)["runs"]) == 4
    management, logs = place
    assert sum("dataConnectors" in request.path for request in management.requests) == 1
    asked = [request.body["query"] for request in logs.requests if request.body]
    assert sum("OfficeActivity" in query and "InRange" in query for query in asked) == 1


def test_without_rights_in_resource_manager_the_tables_tell(fpctl: Fpctl, workplace: Path, place: Place) -> None:
    write(workplace, OFFICE)
    management = place[0]
    text = (workplace / "fpctl.toml").read_text()
    own = text.replace("[engine.log-analytics]\n", "[engine.log-analytics]\nworkspace_id = 'w'\n")
    (workplace / "fpctl.toml").write_text(own)
    management.answer = lambda request: (403, {"error": {"code": "AuthorizationFailed", "message": "no"}})  # type: ignore[method-assign]
    code, found = run(fpctl)
    assert (code, found["status"]) == (1, "ok")
    assert [(one["id"], one["connected"], one["events"]) for one in found["connectors"]] == [("Office365", None, False)]


def test_doctor_answers_for_each_connector(fpctl: Fpctl, workplace: Path, place: Place) -> None:
    write(workplace, OFFICE, GONE)
    write(workplace, AGENT, GONE, name="other.yaml")
    text = (workplace / "rules" / "other.yaml").read_text()
    (workplace / "rules" / "other.yaml").write_text(text.replace("6f2d11", "6f2d12"))
    outcome = fpctl("doctor", "--format", "json")
    found = {one["subject"]: one for one in json.loads(outcome.out)["findings"] if one["area"] == "connectors"}
    assert {id: one["status"] for id, one in found.items()} == {
        "Fortinet": "warning", "Office365": "warning", "WindowsSecurityEvents": "ok",
    }  # fmt: skip
    assert found["Office365"]["message"] == (
        "connected; no events in the rule's period, last event 2026-11-01 08:00 UTC"
    )
    assert found["Fortinet"]["message"] == "not listed; no table CommonSecurityLog"
    assert found["Fortinet"]["hint"] == "ensure this data connector is enabled"
    assert found["Fortinet"]["rules"] == ["logons.yaml"]


def test_a_connector_that_others_make_up_for_needs_no_action(fpctl: Fpctl, workplace: Path, place: Place) -> None:
    write(workplace, AGENT, GONE)
    outcome = fpctl("doctor", "--format", "json")
    found = {one["subject"]: one for one in json.loads(outcome.out)["findings"] if one["area"] == "connectors"}
    assert {id: one["status"] for id, one in found.items()} == {"Fortinet": "ok", "WindowsSecurityEvents": "ok"}
    assert found["Fortinet"]["message"].endswith("its rules get events from others")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("requiredDataConnectors: []", []),
        ("requiredDataConnectors:\n  - connectorId: A\n    dataTypes: T, U", [("A", ("T", "U"))]),
        ("requiredDataConnectors:\n  - connectorId: A\n  - connectorId: A\n    dataTypes: [T]", [("A", ("T",))]),
        ("requiredDataConnectors:\n  - dataTypes: [T]\n  - x", []),
        ("requiredDataConnectors:\n  - connectorId: A\n    dataTypes: ['T (x)', '', '1']", [("A", ("T",))]),
    ],
)
def test_what_a_rule_requires(text: str, found: list[tuple[str, tuple[str, ...]]]) -> None:
    (loaded,) = read_rule_file(f"id: x\nname: n\n{text}\nquery: T\n", "r.yaml", "r.yaml").rules
    assert [(one.id, one.tables) for one in required_connectors(loaded.rule)] == found
