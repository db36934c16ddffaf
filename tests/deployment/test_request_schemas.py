"""Every body that fpctl makes is one that Microsoft's reference pages allow; the schemas refuse what these do not."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from fpctl.deployment.artifacts.rule_artifact import RuleArtifact, rule_artifacts
from fpctl.deployment.artifacts.template import template
from servers.request_schemas import BODIES, violations

from .conftest import ANALYTICS, HUNTING, Plan

EXTRAS = """
alertDetailsOverride:
  alertDisplayNameFormat: "{{DeviceName}} talks"
  alertDynamicProperties:
    - {alertProperty: AlertLink, value: RemoteIP}
customDetails: {Peer: RemoteIP}
eventGroupingSettings: {aggregationKind: AlertPerResult}
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    {enabled: true, reopenClosedIncident: false, lookbackDuration: 5h, matchingMethod: Selected,
     groupByEntities: [Host], groupByAlertDetails: [DisplayName], groupByCustomDetails: [Peer]}
"""
DETECTION: dict[str, Any] = {
    "id": "d-1", "displayName": "D", "status": "enabled", "queryCondition": {"queryText": "DeviceInfo"},
    "schedule": {"frequency": "PT1H"},
    "detectionAction": {
        "alertTemplate": {
            "title": "T", "description": "d", "severity": "low",
            "tactics": [{"tactic": "Impact", "techniques": [{"technique": "T1486", "subTechniques": []}]}],
            "entityMappings": {"hosts": [{"deviceIdColumn": "DeviceId"}]},
        },
        "automatedActions": {"isolateDevices": [{"deviceIdColumn": "DeviceId", "isolationType": "full"}]},
    },
}  # fmt: skip
OLD = {
    "id": "35", "displayName": "Own", "isEnabled": True, "schedule": {"period": "24H"},
    "queryCondition": {"queryText": "DeviceInfo\n| project Timestamp, ReportId, DeviceId, AccountSid"},
    "detectionAction": {
        "alertTemplate": {
            "title": "T", "severity": "low", "category": "Impact", "mitreTechniques": ["T1486", "T1059.001"],
            "impactedAssets": [
                {"@odata.type": "#microsoft.graph.security.impactedDeviceAsset", "identifier": "deviceId"}
            ],
        },
        "responseActions": [
            {"@odata.type": f"#microsoft.graph.security.{name}ResponseAction", "identifier": identifier}
            for name, identifier in (("isolateDevice", "deviceId"), ("disableUser", "accountSid"),
                                     ("hardDelete", "networkMessageId,recipientEmailAddress"))
        ],
    },
}  # fmt: skip


def _made(plan: Plan, target: str, *texts: str) -> list[RuleArtifact]:
    outcomes = [
        plan(
            text.replace("0c4a1f6f2d11", f"0c4a1f6f2d1{number}").replace(
                "name: Remote tool", f"name: Remote tool {number}"
            ),
            name=f"{number}.{'json' if text.startswith('{') else 'yaml'}",
        )
        for number, text in enumerate(texts)
    ]
    return list(rule_artifacts(outcomes, target))  # type: ignore[arg-type]


def _body(made: RuleArtifact) -> dict[str, Any]:
    assert made.ready, made.problems
    assert made.body is not None
    kind = {} if made.body.kind is None else {"kind": made.body.kind}
    return {**kind, "properties": made.body.fresh()}


def test_bodies_for_sentinel_are_allowed(plan: Plan) -> None:
    texts = (ANALYTICS, ANALYTICS + EXTRAS, ANALYTICS.replace("kind: Scheduled", "kind: NRT") + EXTRAS, HUNTING)
    for made in _made(plan, "sentinel", *texts):
        body = _body(made)
        assert violations(body.get("kind", "savedSearch"), body) == []


def test_bodies_for_defender_are_allowed(plan: Plan) -> None:
    analytics = ANALYTICS.replace("project TimeGenerated", "project Timestamp, ReportId, DeviceId")
    continuous = analytics.replace("kind: Scheduled", "kind: NRT")
    for made in _made(plan, "defender", HUNTING, analytics, continuous, json.dumps(OLD)):
        body = _body(made)["properties"]
        assert violations("newDetection", {"id": made.guid, **body}) == []
        assert violations("detection", body) == []


def test_resources_of_a_template_are_allowed(plan: Plan) -> None:
    texts = (ANALYTICS + EXTRAS, ANALYTICS.replace("kind: Scheduled", "kind: NRT"), HUNTING)
    kinds = []
    for resource in template(_made(plan, "sentinel", *texts))["resources"]:
        body = {key: resource[key] for key in ("kind", "properties") if key in resource}
        # A template escapes a text that begins with a bracket; none of these does.
        kinds.append(body.get("kind", "savedSearch"))
        assert violations(kinds[-1], body) == []
    assert kinds == ["Scheduled", "NRT", "savedSearch"]


SCHEDULED: dict[str, Any] = {
    "kind": "Scheduled",
    "properties": {
        "displayName": "R", "enabled": True, "query": "T", "severity": "High", "suppressionDuration": "PT5H",
        "suppressionEnabled": False, "queryFrequency": "PT1H", "queryPeriod": "P1D", "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
    },
}  # fmt: skip


def _changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(body)
    *steps, last = path.split(".")
    place = made
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return made


@pytest.mark.parametrize(
    ("kind", "body", "path", "value"),
    [
        ("Scheduled", SCHEDULED, "properties.isEnabled", True),
        ("Scheduled", SCHEDULED, "properties.triggerThreshold", "0"),
        ("Scheduled", SCHEDULED, "properties.queryFrequency", "1h"),
        ("Scheduled", SCHEDULED, "properties.tactics", ["Command and Control"]),
        ("Scheduled", SCHEDULED, "properties.techniques", ["T1059.001"]),
        ("Scheduled", SCHEDULED, "properties.query", "x" * 10_001),
        ("Scheduled", SCHEDULED, "properties.incidentConfiguration", {"groupingConfiguration": {"enabled": True}}),
        ("newDetection", DETECTION, "isEnabled", True),
        ("newDetection", DETECTION, "schedule.period", "24H"),
        ("newDetection", DETECTION, "detectionAction.alertTemplate.category", "Impact"),
        ("newDetection", DETECTION, "detectionAction.alertTemplate.impactedAssets", []),
        ("newDetection", DETECTION, "detectionAction.responseActions", []),
        ("newDetection", DETECTION, "detectionAction.alertTemplate.entityMappings.hosts", [{"nameColumns": "x"}]),
        ("newDetection", DETECTION, "detectionAction.alertTemplate.severity", "High"),
    ],
)  # fmt: skip
def test_what_the_reference_does_not_name_is_refused(kind: str, body: dict[str, Any], path: str, value: Any) -> None:
    assert violations(kind, body) == []
    assert violations(kind, _changed(body, path, value)) != []


def test_what_the_service_gave_out_may_come_back_and_nothing_else() -> None:
    there = {**SCHEDULED["properties"], "newProperty": {"a": 1}, "alertRuleTemplateName": None}
    assert violations("Scheduled", {"kind": "Scheduled", "properties": there}, there) == []
    assert violations("Scheduled", {"kind": "Scheduled", "properties": {**there, "newProperty": 2}}, there) != []
    assert violations("Scheduled", {"kind": "Scheduled", "properties": {**there, "another": 1}}, there) != []


@pytest.mark.parametrize("kind", sorted(BODIES))
def test_an_empty_body_is_refused(kind: str) -> None:
    assert (violations(kind, {}) == []) == (kind == "detection")  # a PATCH may change nothing
