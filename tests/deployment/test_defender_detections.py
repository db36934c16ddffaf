"""Custom detections for Defender XDR: their shape in Graph v1.0, and what their output must have."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fpctl.deployment.artifacts.comments import without_comments
from fpctl.deployment.artifacts.rule_artifact import RuleArtifact, rule_artifacts
from fpctl.kql.lexer import tokenize
from fpctl.kql.tokens import COMMENT

from .conftest import ANALYTICS, HUNTING, Plan


def artifact(plan: Plan, text: str, **settings: Any) -> RuleArtifact:
    return next(iter(rule_artifacts([plan(text, **settings)], "defender")))


def body_of(made: RuleArtifact) -> dict[str, Any]:
    assert made.body is not None
    return made.body.fresh()


def test_a_detection_in_the_words_of_graph(plan: Plan) -> None:
    made = artifact(plan, HUNTING)
    assert made.ready
    assert made.guid == "1f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d22"
    body = body_of(made)
    assert "// fpctl fp-1" in body.pop("queryCondition")["queryText"]
    assert body == {
        "displayName": "Hunt",
        "status": "enabled",
        "schedule": {"frequency": "P1D"},
        "detectionAction": {
            "alertTemplate": {
                "title": "Hunt",
                "description": "Look",
                "severity": "medium",
                "tactics": [{"tactic": "Execution", "techniques": [{"technique": "T1059", "subTechniques": []}]}],
                "entityMappings": {
                    "hosts": [{"deviceIdColumn": "DeviceId"}],
                    "accounts": [{"upnColumn": "AccountUpn"}],
                },
            },
        },
    }


def test_entity_mappings_and_sub_techniques_are_carried(plan: Plan) -> None:
    text = ANALYTICS.replace("project TimeGenerated", "project Timestamp, ReportId, DeviceId")
    template = body_of(artifact(plan, text))["detectionAction"]["alertTemplate"]
    assert template["entityMappings"] == {"hosts": [{"nameColumn": "DeviceName", "deviceIdColumn": "DeviceId"}]}
    assert template["tactics"] == [
        {
            "tactic": "CommandAndControl",
            "techniques": [
                {"technique": "T1219", "subTechniques": []},
                {"technique": "T1071", "subTechniques": ["T1071.001"]},
            ],
        }
    ]
    assert template["severity"] == "high"


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ("ReportId, DeviceId", "Timestamp"),
        ("Timestamp, DeviceId", "ReportId"),
        ("Timestamp, ReportId", "a column that says whom it is about"),
    ],
)
def test_an_output_that_defender_would_refuse_does_not_go_out(plan: Plan, columns: str, missing: str) -> None:
    made = artifact(plan, HUNTING.replace("Timestamp, ReportId, DeviceId, AccountUpn", columns))
    assert not made.ready
    (problem,) = [problem for problem in made.problems if problem.severity == "error"]
    assert problem.code == "detection-output"
    assert f"must return {missing}" in problem.message


def test_a_rule_on_alerts_needs_no_report_id(plan: Plan) -> None:
    text = HUNTING.replace("DeviceProcessEvents", "AlertEvidence").replace("ReportId, ", "")
    assert artifact(plan, text).ready


def test_without_device_id_the_alert_names_no_device(plan: Plan) -> None:
    made = artifact(plan, HUNTING.replace("DeviceId, AccountUpn", "AccountUpn"))
    assert made.ready
    assert [(p.code, p.severity) for p in made.problems] == [("detection-output", "warning")]
    assert "DeviceId" in made.problems[0].message


def test_an_aggregate_that_keeps_the_event_is_accepted(plan: Plan) -> None:
    text = HUNTING.replace(
        "| project Timestamp, ReportId, DeviceId, AccountUpn", "| summarize arg_max(Timestamp, ReportId) by DeviceId"
    )
    assert artifact(plan, text).ready


@pytest.mark.parametrize(
    ("frequency", "period", "exact"),
    [("1h", "PT1H", True), ("12h", "PT12H", True), ("6h", "PT3H", False), ("7d", "P1D", False), ("1d", "P1D", True)],
)
def test_a_frequency_becomes_none_that_is_less_frequent(plan: Plan, frequency: str, period: str, exact: bool) -> None:
    text = ANALYTICS.replace("queryFrequency: 1h", f"queryFrequency: {frequency}").replace(
        "project TimeGenerated", "project Timestamp, ReportId, DeviceId"
    )
    made = artifact(plan, text)
    assert body_of(made)["schedule"] == {"frequency": period}
    assert [problem.code for problem in made.problems] == ([] if exact else ["schedule"])
    assert made.ready


def test_a_frequency_that_only_a_less_frequent_one_could_stand_for_is_refused(plan: Plan) -> None:
    text = ANALYTICS.replace("queryFrequency: 1h", "queryFrequency: 5m").replace(
        "project TimeGenerated", "project Timestamp, ReportId, DeviceId"
    )
    made = artifact(plan, text)
    assert not made.ready
    assert [problem.code for problem in made.problems] == ["schedule"]
    assert "continuous" in str(made.problems[0].hint)


def test_a_rule_on_sentinels_tables_only_keeps_its_frequency(plan: Plan) -> None:
    text = ANALYTICS.replace("queryFrequency: 1h", "queryFrequency: 5m").replace("DeviceNetworkEvents", "Syslog")
    text = text.replace("RemotePort == 443", "ProcessID == 443")
    text = text.replace("project TimeGenerated, DeviceName, RemoteIP", "project TimeGenerated, DeviceName = HostName")
    made = artifact(plan, text)
    assert made.ready, made.problems
    assert body_of(made)["schedule"] == {"frequency": "PT5M"}


OLD = {
    "id": "35079", "displayName": "Own", "isEnabled": False, "createdBy": "x", "detectorId": "y",
    "queryCondition": {"queryText": "DeviceInfo\n| project Timestamp, ReportId, DeviceId, DeviceName"},
    "schedule": {"period": "1H", "nextRunDateTime": "2026-01-01T00:00:00Z"},
    "detectionAction": {
        "alertTemplate": {
            "title": "T", "severity": "low", "category": "Impact", "mitreTechniques": ["T1486"],
            "recommendedActions": "Call", "impactedAssets": [
                {"@odata.type": "#microsoft.graph.security.impactedDeviceAsset", "identifier": "deviceId"},
                {"@odata.type": "#microsoft.graph.security.impactedUserAsset", "identifier": "initiatingAccountSid"},
            ],
        },
        "organizationalScope": None,
        "responseActions": [
            {"@odata.type": "#microsoft.graph.security.isolateDeviceResponseAction", "identifier": "deviceId",
             "isolationType": "full"},
        ],
    },
}  # fmt: skip


def test_a_detection_in_the_removed_schema_goes_out_in_the_current_one(plan: Plan) -> None:
    made = artifact(plan, json.dumps(OLD), name="d.json")
    assert made.guid == "35079"
    body = body_of(made)
    assert "// fpctl fp-1" in body.pop("queryCondition")["queryText"]
    assert body == {
        "displayName": "Own", "status": "disabled", "schedule": {"frequency": "PT1H"},
        "detectionAction": {
            "alertTemplate": {
                "title": "T", "severity": "low", "recommendedActions": "Call",
                "tactics": [{"tactic": "Impact", "techniques": [{"technique": "T1486", "subTechniques": []}]}],
                "entityMappings": {
                    "hosts": [{"deviceIdColumn": "DeviceId"}],
                    "accounts": [{"sidColumn": "InitiatingProcessAccountSid"}],
                },
            },
            "automatedActions": {"isolateDevices": [{"deviceIdColumn": "DeviceId", "isolationType": "full"}]},
        },
    }  # fmt: skip
    notes = [problem.message for problem in made.problems if problem.code == "schema"]
    assert any("`isEnabled`" in note for note in notes)
    assert any("`impactedAssets`" in note for note in notes)
    assert any("isolateDevice" in note for note in notes)


def test_a_continuous_detection_has_no_comment_and_says_what_was_left_out(plan: Plan) -> None:
    text = {
        "id": "7", "displayName": "Now", "status": "enabled", "schedule": {"frequency": "PT0S"},
        "queryCondition": {"queryText": "// who\nDeviceProcessEvents // all of them\n| where FileName == 'a//b' \n"
                                        "| project Timestamp, ReportId, DeviceId, DeviceName"},
        "detectionAction": {"alertTemplate": {"title": "Now"}},
    }  # fmt: skip
    made = artifact(plan, json.dumps(text), name="now.json")
    query = body_of(made)["queryCondition"]["queryText"]
    assert not [piece for piece in tokenize(query).pieces() if piece.kind == COMMENT]
    assert "'a//b'" in query
    assert '"fpctl fp-1 check:' in query
    assert body_of(made)["schedule"] == {"frequency": "PT0S"}
    (note,) = [problem.message for problem in made.problems if problem.code == "comments"]
    assert "line 1: // who" in note
    assert "line 2: // all of them" in note


@pytest.mark.parametrize(
    ("query", "without"),
    [
        ("T // a\n| take 1", "T\n| take 1"),
        ("// a\n// b\nT", "T"),
        ("T\n  // a\n| take 1", "T\n| take 1"),
        ("T\r\n// a\r\n| take 1 // b", "T\r\n| take 1"),
        ("T | where a == '// no'", "T | where a == '// no'"),
    ],
)
def test_comments_are_taken_out_of_a_query(query: str, without: str) -> None:
    found, _ = without_comments(query)
    assert found == without
    assert tokenize(found).texts == tokenize(query).texts


def test_the_verb_gives_out_what_is_ready_and_names_the_rest(fpctl: Callable[..., Any], plan: Plan) -> None:
    plan(ANALYTICS, name="a.yaml")
    plan(HUNTING, name="h.yaml")
    outcome = fpctl("export", "--target", "defender", "--on", "2026-11-20")
    assert outcome.code == 1
    assert json.loads(outcome.out)["displayName"] == "Hunt"
    assert "a.yaml: error: a custom detection must return ReportId" in outcome.err


def test_the_verb_wants_a_target(fpctl: Callable[..., Any]) -> None:
    outcome = fpctl("export")
    assert outcome.code == 2
    assert "choose a service: --target sentinel or --target defender" in outcome.err
