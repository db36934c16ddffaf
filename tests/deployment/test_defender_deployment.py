"""Custom detections deployed through Graph: the whole way there and back, through trouble."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fpctl.deployment.artifacts.body import same
from fpctl.deployment.artifacts.detection_rule import READ_ONLY
from fpctl.deployment.artifacts.rule_artifact import RuleArtifact, rule_artifacts
from fpctl.deployment.change import changes
from fpctl.deployment.deployer import deploy, roll_back
from fpctl.deployment.record import Deployment
from fpctl.deployment.target import CONFLICT
from fpctl.deployment.tenant.detections import DefenderTenant
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.credentials import token_source
from fpctl.engine.remote.retry import Retrier, RetryPolicy
from servers.graph_detections import GraphDetectionsServer
from servers.loopback import Misbehaviour

from .conftest import ANALYTICS, HUNTING, LATE, Plan
from .sequences import SEEDS, SequenceTrail, sometimes

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HUNT = "1f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d22"
TROUBLE = (
    Misbehaviour("status", (429, 0)), Misbehaviour("status", 503), Misbehaviour("status", 500),
    Misbehaviour("html-502"), Misbehaviour("reset"), Misbehaviour("drop"), Misbehaviour("truncate"),
    Misbehaviour("empty"), Misbehaviour("html"), Misbehaviour("expired"),
)  # fmt: skip
FULL: dict[str, Any] = {
    "displayName": "Hunt", "description": "Mine", "status": "disabled",
    "queryCondition": {"queryText": "DeviceProcessEvents"}, "schedule": {"frequency": "PT3H"},
    "detectionAction": {
        "alertTemplate": {
            "title": "A title of its own", "description": "d", "severity": "high", "recommendedActions": "Call",
            "customDetails": {"Who": "AccountUpn"},
            "tactics": [{"tactic": "Impact", "techniques": [{"technique": "T1486", "subTechniques": []}]}],
            "entityMappings": {"hosts": [{"nameColumn": "DeviceName"}]},
        },
        "automatedActions": {"isolateDevices": [{"deviceIdColumn": "DeviceId", "isolationType": "full"}]},
        "organizationalScope": {"deviceGroups": ["Servers"]},
    },
}  # fmt: skip
"""Every property that a rule can have."""


@pytest.fixture
def graph() -> Iterator[GraphDetectionsServer]:
    with GraphDetectionsServer() as running:
        yield running


def tenant(server: GraphDetectionsServer, draw: Callable[[], float] = lambda: 0.0) -> DefenderTenant:
    retrier = Retrier(sleep=lambda _: None, draw=draw)
    return DefenderTenant(token_source("none", environ={}), tenant="t", endpoint=server.url, retrier=retrier)


@pytest.fixture
def made(plan: Plan) -> list[RuleArtifact]:
    texts = [HUNTING]
    for number in range(3):
        text = HUNTING.replace("0c4a1f6f2d22", f"0c4a1f6f2d3{number}").replace("name: Hunt", f"name: Hunt {number}")
        texts.append(text)
    outcomes = [plan(text, name=f"{number}.yaml") for number, text in enumerate(texts)]
    return list(rule_artifacts(outcomes, "defender"))


def content(server: GraphDetectionsServer) -> dict[str, Any]:
    return {
        id: {name: value for name, value in rule.items() if name not in READ_ONLY} for id, rule in server.rules.items()
    }


def test_rules_are_created_under_our_ids_and_a_second_time_nothing_is_done(
    made: list[RuleArtifact], graph: GraphDetectionsServer, tmp_path: Path
) -> None:
    target = tenant(graph)
    deployment = deploy(changes(made, target.all()), target, tmp_path, NOW, lambda done: None)
    assert {step.status for step in deployment.steps} == {"done"}, [step.error for step in deployment.steps]
    assert sorted(graph.rules) == sorted(one.guid for one in made)
    assert {change.action for change in changes(made, target.all())} == {"unchanged"}


def test_an_update_keeps_every_property_that_the_file_does_not_state(
    plan: Plan, graph: GraphDetectionsServer, tmp_path: Path
) -> None:
    target = tenant(graph)
    graph.rules[HUNT] = {"id": HUNT, **copy.deepcopy(FULL), "createdBy": "x", "lastRunDetails": {"status": "failed"}}
    (change,) = changes(rule_artifacts([plan(HUNTING)], "defender"), target.all())
    assert change.action == "update"
    deployment = deploy([change], target, tmp_path, NOW, lambda done: None)
    assert [step.error for step in deployment.steps] == [None]
    there = content(graph)[HUNT]
    action = there["detectionAction"]
    assert (there["status"], there["description"]) == ("disabled", "Mine")
    assert action["automatedActions"] == FULL["detectionAction"]["automatedActions"]
    assert action["organizationalScope"] == FULL["detectionAction"]["organizationalScope"]
    assert action["alertTemplate"]["customDetails"] == {"Who": "AccountUpn"}
    assert action["alertTemplate"]["recommendedActions"] == "Call"
    assert "// fpctl fp-1" in there["queryCondition"]["queryText"]
    roll_back(deployment, target, force=False, progress=lambda done: None)
    assert content(graph)[HUNT] == {"id": HUNT, **FULL} or content(graph)[HUNT] == FULL


def test_a_change_in_the_portal_between_reading_and_writing_is_not_overwritten(
    made: list[RuleArtifact], graph: GraphDetectionsServer, tmp_path: Path
) -> None:
    target = tenant(graph)
    deploy(changes(made, {}), target, tmp_path, NOW, lambda done: None)
    id = made[0].guid
    seen = target.all()["detectionRules", id]
    graph.edit(id, displayName="Edited")
    with pytest.raises(EngineError) as caught:
        target.put("detectionRules", id, None, {**seen.properties, "displayName": "Ours"}, seen.etag)
    assert caught.value.code == CONFLICT
    with pytest.raises(EngineError):
        target.delete(seen)
    assert graph.rules[id]["displayName"] == "Edited"


def test_what_only_the_service_writes_is_no_change(made: list[RuleArtifact], graph: GraphDetectionsServer) -> None:
    target = tenant(graph)
    first = target.put("detectionRules", "x", None, made[0].body.fresh(), None)  # type: ignore[union-attr]
    graph.edit("x", lastRunDetails={"status": "failed"})
    assert target.get("detectionRules", "x").etag == first.etag  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", SEEDS)
def test_through_trouble_nothing_is_lost_doubled_or_left_behind(
    made: list[RuleArtifact], tmp_path: Path, shared_history: Path, seed: int
) -> None:
    draw = random.Random(seed)
    trail = SequenceTrail(tmp_path, shared_history, seed)
    with GraphDetectionsServer() as server:
        target = tenant(server, draw.random)
        old = draw.choice(made)
        server.rules[old.guid] = {"id": old.guid, **copy.deepcopy(FULL), "displayName": "Old"}
        before = content(server)
        wanted = changes(made, target.all())
        server.scripted = lambda request: draw.random() < 0.7  # type: ignore[method-assign]
        server.script.extend(draw.choice(TROUBLE) for _ in range(draw.randrange(1, 16)))
        with trail.log() as log:
            settled = sometimes(draw, log.sent)
            deployment = deploy(wanted, target, trail.folder, trail.now, lambda done: None, settled=settled)
        server.script.clear()
        trail.catch_up()
        deployment = Deployment.read(deployment.path)
        trail.check_sent(deployment, lambda step: server.rules.get(step.guid))
        assert [step.status in ("done", "failed") for step in deployment.steps] == [True] * 4
        for step in deployment.steps:
            if step.status == "done":
                there = server.rules[step.guid]
                assert all(
                    same(there.get(key), v) for key, v in step.wanted["properties"].items() if key not in READ_ONLY
                )
            else:
                assert step.error
        with trail.log() as log:
            settled = sometimes(draw, log.taken_back)
            roll_back(deployment, target, force=False, progress=lambda done: None, settled=settled)
        trail.catch_up()
        trail.check_undone(deployment, lambda step: server.rules.get(step.guid))
        assert [(step.status, step.error) for step in deployment.steps] == [("rolled-back", None)] * 4
        assert content(server) == before
        target.close()


def test_every_body_is_accepted_by_a_strict_service(plan: Plan, graph: GraphDetectionsServer) -> None:
    target = tenant(graph)
    analytics = ANALYTICS.replace("project TimeGenerated", "project Timestamp, ReportId, DeviceId")
    old = {
        "id": "35", "displayName": "Own", "isEnabled": True, "schedule": {"period": "0"},
        "queryCondition": {"queryText": "DeviceInfo // x\n| project Timestamp, ReportId, DeviceId, DeviceName"},
        "detectionAction": {"alertTemplate": {"title": "T", "severity": "low", "category": "Impact"},
                            "responseActions": []},
    }  # fmt: skip
    for number, text in enumerate((HUNTING, analytics, json.dumps(old))):
        name = f"{number}.json" if text.startswith("{") else f"{number}.yaml"
        (artifact,) = rule_artifacts([plan(text, name=name)], "defender")
        assert artifact.ready, artifact.problems
        assert artifact.body is not None
        target.put("detectionRules", artifact.guid, None, artifact.body.fresh(), None)
    assert len(graph.rules) == 3


# ---------------------------------------------------------------------------- the verbs


@pytest.fixture
def repository(workplace: Path, graph: GraphDetectionsServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one custom detection and an analytics rule, set up for the tenant."""
    monkeypatch.setattr(Retrier, "__init__", _quick)
    (workplace / "rules" / "d.json").write_text(json.dumps({"id": "own-1", **FULL}, indent=2))
    query = "DeviceProcessEvents\n| project Timestamp, ReportId, DeviceId, DeviceName, AccountUpn"
    text = (workplace / "rules" / "d.json").read_text().replace('"DeviceProcessEvents"', json.dumps(query))
    (workplace / "rules" / "d.json").write_text(text)
    (workplace / "rules" / "a.yaml").write_text(ANALYTICS)
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE)
    (workplace / "fpctl.toml").write_text(
        f"[engine.defender]\nendpoint = '{graph.url}'\ncredential = 'none'\ntenant = 't'\n"
    )
    return workplace


def _quick(self: Retrier, *_: Any, **__: Any) -> None:
    self.policy = RetryPolicy()
    self._sleep = lambda _: None
    self._draw = lambda: 0.0


def test_deploy_diff_and_rollback_for_defender(
    fpctl: Callable[..., Any], repository: Path, graph: GraphDetectionsServer
) -> None:
    where = ("--target", "defender")
    first = fpctl("deploy", *where, "--yes")
    assert first.code == 0, first.err
    assert list(graph.rules) == ["own-1"]
    assert "// fpctl fp-1" in graph.rules["own-1"]["queryCondition"]["queryText"]
    assert fpctl("diff", "--deployed", *where).code == 0
    graph.edit("own-1", status="enabled")
    shown = json.loads(fpctl("diff", "--deployed", *where, "--format", "json").out)["rules"]
    assert [(one["path"], one["state"], one["fields"]) for one in shown] == [("d.json", "changed-there", ["status"])]
    (repository / "exclusions" / "fp-1.yaml").write_text(LATE.replace("build01", "build02"))
    again = fpctl("deploy", *where, "--yes")
    assert again.code == 0, again.err
    assert "build02" in graph.rules["own-1"]["queryCondition"]["queryText"]
    assert fpctl("deploy", *where, "--rollback", "--yes").code == 0
    assert "build01" in graph.rules["own-1"]["queryCondition"]["queryText"]
    assert graph.rules["own-1"]["status"] == "enabled"
    assert fpctl("deploy", *where, "--rollback", "--yes").code == 2  # somebody changed it in the portal
    assert fpctl("deploy", *where, "--rollback", "--yes", "--overwrite").code == 0
    assert graph.rules == {}
    entries = json.loads(fpctl("log", "--format", "json").out)["entries"]
    actions = [entry["action"] for entry in reversed(entries) if entry["rule"]]
    assert actions == ["deployed", "deployed", "rolled back", "rollback failed", "rolled back"]


def test_a_rule_of_sentinel_is_deployed_to_defender_only_where_it_is_named(
    fpctl: Callable[..., Any], repository: Path, graph: GraphDetectionsServer
) -> None:
    text = ANALYTICS.replace("project TimeGenerated", "project Timestamp, ReportId, DeviceId")
    (repository / "rules" / "a.yaml").write_text(text)
    assert fpctl("deploy", "--target", "defender", "a.yaml", "--yes").code == 0
    assert [rule["displayName"] for rule in graph.rules.values()] == ["Remote tool"]


def test_a_near_real_time_rule_becomes_a_continuous_detection_without_comments(
    fpctl: Callable[..., Any], repository: Path, graph: GraphDetectionsServer
) -> None:
    text = ANALYTICS.replace("kind: Scheduled", "kind: NRT").replace("TimeGenerated,", "Timestamp, ReportId, DeviceId,")
    text = text.replace("  DeviceNetworkEvents", "  // mine\n  DeviceNetworkEvents")
    (repository / "rules" / "a.yaml").write_text(text)
    outcome = fpctl("deploy", "--target", "defender", "a.yaml", "--yes")
    assert outcome.code == 0, outcome.err
    (rule,) = graph.rules.values()
    assert rule["schedule"] == {"frequency": "PT0S"}
    assert "//" not in rule["queryCondition"]["queryText"]
    assert '"fpctl fp-1 check:' in rule["queryCondition"]["queryText"]
    assert "left out: line 1: // mine" in outcome.err
