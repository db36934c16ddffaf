"""Custom detections for Defender XDR: their shape, and what their output must have."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fpctl.deployment.artifacts.rule_artifact import RuleArtifact, rule_artifacts

from .conftest import ANALYTICS, HUNTING, Plan


def release(plan: Plan, text: str, **settings: Any) -> RuleArtifact:
    return next(iter(rule_artifacts([plan(text, **settings)], "defender")))


def test_a_detection_in_the_words_of_graph(plan: Plan) -> None:
    made = release(plan, HUNTING)
    assert made.ready
    detection = made.detection
    assert detection is not None
    assert "// fpctl fp-1" in detection.pop("queryCondition")["queryText"]
    assert detection == {
        "displayName": "Hunt",
        "isEnabled": True,
        "schedule": {"period": "24H"},
        "detectionAction": {
            "alertTemplate": {
                "title": "Hunt",
                "description": "Look",
                "severity": "medium",
                "category": "Execution",
                "recommendedActions": None,
                "mitreTechniques": ["T1059"],
                "impactedAssets": [
                    {"@odata.type": "#microsoft.graph.security.impactedDeviceAsset", "identifier": "deviceId"},
                    {"@odata.type": "#microsoft.graph.security.impactedUserAsset", "identifier": "accountUpn"},
                ],
            },
            "organizationalScope": None,
            "responseActions": [],
        },
    }


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ("ReportId, DeviceId", "Timestamp"),
        ("Timestamp, DeviceId", "ReportId"),
        ("Timestamp, ReportId", "a column that says whom it is about"),
    ],
)
def test_an_output_that_defender_would_refuse_does_not_go_out(plan: Plan, columns: str, missing: str) -> None:
    made = release(plan, HUNTING.replace("Timestamp, ReportId, DeviceId, AccountUpn", columns))
    assert not made.ready
    (problem,) = made.problems
    assert problem.code == "detection-output"
    assert f"must return {missing}" in problem.message


def test_an_aggregate_that_keeps_the_event_is_accepted(plan: Plan) -> None:
    text = HUNTING.replace(
        "| project Timestamp, ReportId, DeviceId, AccountUpn", "| summarize arg_max(Timestamp, ReportId) by DeviceId"
    )
    assert release(plan, text).ready


@pytest.mark.parametrize(
    ("frequency", "period", "exact"),
    [("1h", "1H", True), ("12h", "12H", True), ("6h", "3H", False), ("7d", "24H", False), ("5m", "1H", False)],
)
def test_how_often_it_runs(plan: Plan, frequency: str, period: str, exact: bool) -> None:
    text = ANALYTICS.replace("queryFrequency: 1h", f"queryFrequency: {frequency}").replace(
        "project TimeGenerated", "project Timestamp, ReportId"
    )
    made = release(plan, text)
    assert made.detection is not None
    assert made.detection["schedule"] == {"period": period}
    assert [problem.code for problem in made.problems] == ([] if exact else ["schedule"])
    assert made.ready


def test_a_detection_that_came_from_graph_keeps_all_it_has(plan: Plan) -> None:
    text = json.dumps(
        {
            "id": "35079", "displayName": "Own", "isEnabled": False, "createdBy": "x", "detectorId": "y",
            "queryCondition": {"queryText": "DeviceInfo\n| project Timestamp, ReportId, DeviceId, DeviceName"},
            "schedule": {"period": "1H"},
            "detectionAction": {"alertTemplate": {"title": "T", "severity": "low", "category": "Impact"},
                                "responseActions": [{"isolationType": "full"}]},
        }
    )  # fmt: skip
    made = release(plan, text, name="d.json").detection
    assert made is not None
    assert "// fpctl fp-1" in made.pop("queryCondition")["queryText"]
    assert made == {
        "displayName": "Own", "isEnabled": False, "schedule": {"period": "1H"},
        "detectionAction": {"alertTemplate": {"title": "T", "severity": "low", "category": "Impact"},
                            "responseActions": [{"isolationType": "full"}]},
    }  # fmt: skip


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
    assert "say for which service: --target sentinel or --target defender" in outcome.err
