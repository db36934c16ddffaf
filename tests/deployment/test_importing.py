"""Rules out of the services themselves: `fpctl import sentinel` and `fpctl import defender` without a file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fpctl.deployment.artifacts.detection_rule import READ_ONLY
from fpctl.deployment.artifacts.rule_artifact import rule_artifacts
from fpctl.deployment.importers.defender import read_files as read_detections
from fpctl.engine.remote.retry import Retrier
from fpctl.rules.formats.registry import read_rule_file
from servers.graph_detections import GraphDetectionsServer
from servers.security_insights import SecurityInsightsServer

from .conftest import ANALYTICS, LATE, Plan, _quick
from .test_defender_deployment import FULL

Fpctl = Callable[..., Any]
QUERY = "DeviceProcessEvents\n| project Timestamp, ReportId, DeviceId, DeviceName, AccountUpn"
OLD = {
    "id": "35", "displayName": "Old one", "isEnabled": False, "detectorId": "d",
    "schedule": {"period": "0", "nextRunDateTime": "2026-01-01T00:00:00Z"},
    "queryCondition": {"queryText": QUERY, "lastModifiedDateTime": "2026-01-01T00:00:00Z"},
    "lastRunDetails": {"status": "failed"},
    "detectionAction": {
        "alertTemplate": {
            "title": "T", "severity": "low", "category": "Impact", "mitreTechniques": ["T1486"],
            "impactedAssets": [{"@odata.type": "#x.impactedDeviceAsset", "identifier": "deviceId"}],
        },
        "organizationalScope": None, "responseActions": [],
    },
}  # fmt: skip
"""A detection in the schema that Graph removed."""


@pytest.fixture
def tenant(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GraphDetectionsServer]:
    monkeypatch.setattr(Retrier, "__init__", _quick)
    with GraphDetectionsServer() as running:
        (workplace / "fpctl.toml").write_text(
            f"[engine.defender]\nendpoint = '{running.url}'\ncredential = 'none'\ntenant = 't'\n"
        )
        yield running


def add(tenant: GraphDetectionsServer, id: str, **properties: Any) -> None:
    body = {"id": id, **copy.deepcopy(FULL), **properties}
    assert tenant._created(body)[0] == 201


def own(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in READ_ONLY}


def test_a_detection_goes_out_as_it_came_in(fpctl: Fpctl, workplace: Path, tenant: GraphDetectionsServer) -> None:
    for number in range(5):  # more than a page
        add(tenant, f"rule-{number}", displayName=f"Rule {number}", queryCondition={"queryText": QUERY})
    before = copy.deepcopy(tenant.rules)
    outcome = fpctl("import", "defender")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == [f"rules/rule-{number}.json" for number in range(5)]
    assert fpctl("diff", "--deployed", "--target", "defender").code == 0
    assert fpctl("deploy", "--target", "defender", "--yes").err.endswith("the workspace is up to date\n")
    assert tenant.rules == before
    tenant.rules.clear()  # and into a tenant that has none of them
    assert fpctl("deploy", "--target", "defender", "--yes").code == 0
    assert {id: own(rule) for id, rule in tenant.rules.items()} == {id: own(rule) for id, rule in before.items()}


def test_clauses_of_fpctl_are_taken_out_of_imported_detections(
    fpctl: Fpctl, workplace: Path, tenant: GraphDetectionsServer
) -> None:
    add(tenant, "own-1", queryCondition={"queryText": QUERY})
    add(tenant, "own-2", displayName="Live", queryCondition={"queryText": QUERY}, schedule={"frequency": "PT0S"})
    fpctl("import", "defender")
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE)
    assert fpctl("deploy", "--target", "defender", "--yes").code == 0
    assert all("fpctl fp-1" in rule["queryCondition"]["queryText"] for rule in tenant.rules.values())
    outcome = fpctl("import", "defender", "--out", "back", "--format", "json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["notes"] == [
        "Hunt: 1 clause of fpctl removed: the file has the base query",
        "Live: 1 clause of fpctl removed: the file has the base query",
    ]
    for name in ("hunt.json", "live.json"):
        assert (workplace / "back" / name).read_text() == (workplace / "rules" / name).read_text()


def test_an_older_detection_is_written_in_the_current_schema_with_what_changed(
    fpctl: Fpctl, workplace: Path, tenant: GraphDetectionsServer
) -> None:
    (workplace / "e.json").write_text(json.dumps({"value": [OLD]}))
    outcome = fpctl("import", "defender", "e.json")
    assert outcome.code == 0, outcome.err
    written = json.loads((workplace / "rules" / "old-one.json").read_text())
    assert list(written) == ["id", "displayName", "status", "schedule", "queryCondition", "detectionAction"]
    assert (written["id"], written["status"], written["schedule"]) == ("35", "disabled", {"frequency": "PT0S"})
    template = written["detectionAction"]["alertTemplate"]
    assert template["entityMappings"] == {"hosts": [{"deviceIdColumn": "DeviceId"}]}
    assert template["tactics"] == [{"tactic": "Impact", "techniques": [{"technique": "T1486", "subTechniques": []}]}]
    for change in ("`isEnabled` is `status` now", "`schedule.period` is `schedule.frequency` now"):
        assert f"note: Old one: {change}" in outcome.err
    assert fpctl("deploy", "--target", "defender", "--yes").code == 0
    assert tenant.rules["35"]["status"] == "disabled"


def test_what_is_there_already_is_left_alone(fpctl: Fpctl, tenant: GraphDetectionsServer) -> None:
    add(tenant, "own-1", queryCondition={"queryText": QUERY})
    assert fpctl("import", "defender").code == 0
    again = fpctl("import", "defender")
    assert again.code == 1
    assert "Hunt: a rule with the same id exists: rules/hunt.json" in again.err
    assert fpctl("import", "defender", "--replace").code == 0


def test_a_tenant_without_detections_gives_no_files(fpctl: Fpctl, tenant: GraphDetectionsServer) -> None:
    outcome = fpctl("import", "defender")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "0 files written\n")


def test_an_analytics_rule_is_no_detection() -> None:
    text = json.dumps({"name": "n", "kind": "Scheduled", "properties": {"displayName": "A", "query": "T"}})
    found = read_detections([("e.json", text)])
    assert (found.rules, [problem.code for problem in found.problems]) == ((), ["other-service"])


def test_the_rules_of_a_workspace_are_imported_without_a_file(
    fpctl: Fpctl, workplace: Path, server: SecurityInsightsServer
) -> None:
    assert fpctl("deploy", "--yes").code == 0
    server.resources["savedSearches/x"] = {
        "name": "x", "etag": '"1"', "properties": {"category": "Mine", "displayName": "Note", "query": "T"}
    }  # fmt: skip
    outcome = fpctl("import", "sentinel", "--out", "back", "--format", "json")
    assert outcome.code == 0, outcome.err
    shown = json.loads(outcome.out)
    assert shown["written"] == ["back/rule-a.yaml", "back/rule-b.yaml", "back/rule-c.yaml", "back/hunt.yaml"]
    assert "1 saved search left out: neither hunting queries nor functions" in shown["notes"]
    for name, source in (("rule-a.yaml", "a.yaml"), ("hunt.yaml", "h.yaml")):
        (back,) = read_rule_file((workplace / "back" / name).read_text(), name, name).rules
        (base,) = read_rule_file((workplace / "rules" / source).read_text(), source, source).rules
        assert back.rule.query == base.rule.query


# ---------------------------------------------------------------------------- continuous, whatever the format


CONTINUOUS = {
    "nrt.yaml": ANALYTICS.replace("kind: Scheduled", "kind: NRT"),
    "zero.yaml": ANALYTICS.replace("kind: Scheduled\n", "").replace("queryFrequency: 1h", "queryFrequency: 0"),
    "seconds.yaml": ANALYTICS.replace("queryFrequency: 1h", "queryFrequency: PT0S"),
    "arm.json": json.dumps(
        {"type": "x/alertRules", "kind": "NRT", "name": "0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11", "properties": {
            "displayName": "Remote tool", "severity": "High", "query": "DeviceNetworkEvents // mine\n"
            "| where RemotePort == 443 // port\n| project TimeGenerated, DeviceName, RemoteIP"}}),
    "old.json": json.dumps({**OLD, "queryCondition": {"queryText": "// mine\n" + QUERY}}),
    "new.json": json.dumps({"id": "n", **FULL, "schedule": {"frequency": "PT0S"},
                            "queryCondition": {"queryText": "// mine\n" + QUERY}}),
    "minutes.json": json.dumps({"id": "n", **FULL, "schedule": {"frequency": "PT0M"},
                                "queryCondition": {"queryText": "// mine\n" + QUERY}}),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTINUOUS)
def test_a_continuous_detection_has_no_comments_whatever_its_format(
    fpctl: Fpctl, workplace: Path, tenant: GraphDetectionsServer, name: str
) -> None:
    text = CONTINUOUS[name].replace("project TimeGenerated", "project Timestamp, ReportId, DeviceId")
    text = text.replace("  | where RemotePort", "  // mine\n  | where RemotePort")
    (workplace / "rules" / name).write_text(text)
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE)
    outcome = fpctl("deploy", "--target", "defender", name, "--yes")
    assert outcome.code == 0, outcome.err
    (rule,) = tenant.rules.values()
    assert rule["schedule"] == {"frequency": "PT0S"}
    assert "//" not in rule["queryCondition"]["queryText"]
    assert "fpctl fp-1 check:" in rule["queryCondition"]["queryText"]
    assert ": // mine" in outcome.err
    exported = fpctl("export", "--target", "defender", name)
    assert json.loads(exported.out)["queryCondition"] == rule["queryCondition"]


@pytest.mark.parametrize(
    ("query", "frequency", "runs"),
    [
        ("DeviceInfo", "1d", "P1D"), ("DeviceInfo", "20h", "PT12H"), ("DeviceInfo", "2d", "P1D"),
        ("DeviceInfo", "100m", "PT1H"), ("SecurityEvent", "100m", "PT1H40M"), ("SecurityEvent", "14d", "P14D"),
        ("SecurityEvent", "15d", "P1D"), ("DeviceInfo", "30m", None), ("Own()", "30m", None),
        ("let Own = view () { DeviceInfo }; Own", "30m", None),
    ],
)  # fmt: skip
def test_a_detection_never_runs_less_often_than_its_author_wanted(
    plan: Plan, query: str, frequency: str, runs: str | None
) -> None:
    text = ANALYTICS.replace("DeviceNetworkEvents", query).replace("queryFrequency: 1h", f"queryFrequency: {frequency}")
    (made,) = rule_artifacts([plan(text, exclusion=None)], "defender")
    if runs is None:
        assert "schedule" in [problem.code for problem in made.problems if problem.severity == "error"]
    else:
        assert made.body is not None
        assert made.body.stated["schedule"] == {"frequency": runs}
