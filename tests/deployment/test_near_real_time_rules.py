"""Near-real-time rules of Sentinel, which only preview versions of the API have, and properties that must survive."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.deployment.artifacts.alert_rule import READ_ONLY
from servers.security_insights import SecurityInsightsServer

from .conftest import ANALYTICS

Fpctl = Callable[..., Any]
GUID = "0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11"
NRT = f"alertRules/{GUID}"
FULL: dict[str, Any] = {
    "displayName": "Rule a", "description": "old", "severity": "Low", "enabled": False,
    "query": "DeviceNetworkEvents", "tactics": ["Impact"], "techniques": ["T1486"], "subTechniques": ["T1059.001"],
    "suppressionDuration": "PT1H", "suppressionEnabled": True, "templateVersion": "1.0.0",
    "alertRuleTemplateName": "99999999-6a0b-4c55-9c7e-0c4a1f6f2d99",
    "customDetails": {"Who": "DeviceName"},
    "alertDetailsOverride": {"alertDisplayNameFormat": "{{DeviceName}}"},
    "entityMappings": [{"entityType": "Host", "fieldMappings": [{"identifier": "FullName", "columnName": "D"}]}],
    "sentinelEntitiesMappings": [{"columnName": "Entities"}],
    "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
    "incidentConfiguration": {
        "createIncident": True,
        "groupingConfiguration": {"enabled": True, "lookbackDuration": "PT5H", "matchingMethod": "AllEntities"},
    },
    "aPropertyOfNextYear": {"deep": ["down"]},
}  # fmt: skip
"""Every property that the preview version has for this kind, and one that it does not have yet."""


@pytest.fixture
def nrt(workplace: Path, server: SecurityInsightsServer) -> SecurityInsightsServer:
    for name in ("b.yaml", "c.yaml", "h.yaml"):
        (workplace / "rules" / name).unlink()
    text = ANALYTICS.replace("kind: Scheduled", "kind: NRT").replace("name: Remote tool", "name: Rule a")
    (workplace / "rules" / "a.yaml").write_text(text)
    return server


def test_a_rule_is_created_listed_compared_and_rolled_back(
    fpctl: Callable[..., Any], nrt: SecurityInsightsServer
) -> None:
    assert fpctl("deploy", "--yes").code == 0
    assert nrt.resources[NRT]["kind"] == "NRT"
    assert "queryFrequency" not in nrt.resources[NRT]["properties"]
    assert fpctl("diff", "--deployed").code == 0
    nrt.edit(NRT, query="DeviceNetworkEvents")
    (drift,) = json.loads(fpctl("diff", "--deployed", "--format", "json").out)["rules"]
    assert (drift["state"], drift["fields"]) == ("changed-there", ["query"])
    assert fpctl("deploy", "--rollback", "--yes", "--overwrite").code == 0
    assert nrt.resources == {}


def test_an_update_loses_no_property_and_a_rollback_restores_each(
    fpctl: Callable[..., Any], nrt: SecurityInsightsServer
) -> None:
    nrt.resources[NRT] = {"name": GUID, "etag": '"1"', "kind": "NRT", "properties": {**FULL, "lastModifiedUtc": "x"}}
    assert fpctl("deploy", "--yes").code == 0
    there = nrt.resources[NRT]["properties"]
    stated = {"description", "severity", "query", "tactics", "techniques", "subTechniques", "entityMappings",
              "suppressionDuration", "suppressionEnabled"}  # fmt: skip
    kept = {name: value for name, value in there.items() if name not in stated and name not in READ_ONLY}
    assert kept == {name: value for name, value in FULL.items() if name not in stated}
    assert fpctl("deploy", "--rollback", "--yes").code == 0
    back = nrt.resources[NRT]["properties"]
    assert {name: value for name, value in back.items() if name not in READ_ONLY} == FULL


@pytest.mark.parametrize(
    ("frequency", "period", "problem"),
    [("30m", "2d", True), ("1h", "2d", False), ("30m", "47h", False), ("1h", "14d", False)],
)
def test_a_long_period_needs_a_low_frequency(
    fpctl: Callable[..., Any],
    server: SecurityInsightsServer,
    workplace: Path,
    frequency: str,
    period: str,
    problem: bool,
) -> None:
    text = ANALYTICS.replace("queryFrequency: 1h", f"queryFrequency: {frequency}")
    (workplace / "rules" / "a.yaml").write_text(text.replace("queryPeriod: 1d", f"queryPeriod: {period}"))
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert outcome.code == (1 if problem else 0)
    assert ("it may run once an hour at most" in outcome.err) == problem


@pytest.mark.parametrize(
    ("kind", "workspaces", "problem"), [("Scheduled", 19, False), ("Scheduled", 20, True), ("NRT", 1, True)]
)
def test_a_rule_reads_so_many_workspaces(
    fpctl: Callable[..., Any],
    server: SecurityInsightsServer,
    workplace: Path,
    kind: str,
    workspaces: int,
    problem: bool,
) -> None:
    legs = ", ".join(f"workspace('w{number}').DeviceNetworkEvents" for number in range(workspaces))
    text = ANALYTICS.replace("  DeviceNetworkEvents\n", f"  union DeviceNetworkEvents, {legs}\n")
    (workplace / "rules" / "a.yaml").write_text(text.replace("kind: Scheduled", f"kind: {kind}"))
    outcome = fpctl("deploy", "a.yaml", "--yes")
    assert ("rules read at most" in outcome.err) == problem
