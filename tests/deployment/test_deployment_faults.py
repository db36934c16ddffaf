"""Seeded random trouble on the way: what the record says is what is there, and a rollback undoes all of it."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fpctl.deployment.artifacts.body import same
from fpctl.deployment.artifacts.rule_artifact import RuleArtifact, rule_artifacts
from fpctl.deployment.change import changes
from fpctl.deployment.deployer import deploy, roll_back
from fpctl.deployment.record import Deployment
from fpctl.deployment.target import DeployedResource
from fpctl.deployment.workspace.management import Management
from fpctl.deployment.workspace.workspace import SentinelWorkspace
from fpctl.engine.remote.credentials import token_source
from fpctl.engine.remote.retry import Retrier
from servers.loopback import Misbehaviour
from servers.security_insights import WORKSPACE, SecurityInsightsServer

from .conftest import ANALYTICS, EXCLUSION, HUNTING, Plan
from .sequences import SEEDS, SequenceTrail, sometimes

NOW = datetime(2026, 11, 20, tzinfo=UTC)
TROUBLE = (
    Misbehaviour("status", 429), Misbehaviour("status", (429, 1)), Misbehaviour("status", (429, 10_000)),
    Misbehaviour("status", 500), Misbehaviour("status", 503), Misbehaviour("status", 504), Misbehaviour("status", 403),
    Misbehaviour("html-502"), Misbehaviour("html"), Misbehaviour("reset"), Misbehaviour("drop"),
    Misbehaviour("truncate"), Misbehaviour("empty"), Misbehaviour("drip"),
)  # fmt: skip
MOST_REQUESTS = 7
"""A request and its repetitions, as the policy of the engines has it."""


@pytest.fixture
def made(plan: Plan) -> list[RuleArtifact]:
    """Two scheduled rules, one near-real-time rule and a hunting query, tuned."""
    texts = [ANALYTICS, ANALYTICS, ANALYTICS.replace("kind: Scheduled", "kind: NRT")]
    outcomes = [
        plan(text.replace("0c4a1f6f2d11", f"0c4a1f6f2d1{number}"), name=f"{number}.yaml")
        for number, text in enumerate(texts)
    ]
    return list(rule_artifacts([*outcomes, plan(HUNTING, name="h.yaml", exclusion=EXCLUSION)], "sentinel"))


def content(server: SecurityInsightsServer) -> dict[str, Any]:
    """Return what is in the workspace, without what only the service writes."""
    return {
        path: {k: v for k, v in resource["properties"].items() if k != "lastModifiedUtc"}
        for path, resource in server.resources.items()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_record_and_trail_tell_what_is_there_and_a_rollback_undoes_it(
    made: list[RuleArtifact], tmp_path: Path, shared_history: Path, seed: int
) -> None:
    draw = random.Random(seed)
    trail = SequenceTrail(tmp_path, shared_history, seed)
    with SecurityInsightsServer() as server:
        first = made[draw.randrange(4)]
        assert first.body is not None
        old = {**first.body.fresh(), "query": "old", "displayName": "Old"}
        path = f"{first.resource}/{first.guid}"
        server.resources[path] = {"name": first.guid, "etag": '"0"', "properties": old}
        if first.body.kind is not None:
            server.resources[path]["kind"] = first.body.kind
        before = content(server)

        source = token_source("none", environ={})
        retrier = Retrier(sleep=lambda _: None, draw=draw.random)
        workspace = SentinelWorkspace(Management(source, endpoint=server.url, retrier=retrier), WORKSPACE)
        wanted = changes(made, workspace.all())
        assert [change.action for change in wanted].count("create") == 3

        server.scripted = lambda request: draw.random() < 0.8  # type: ignore[method-assign]
        server.script.extend(draw.choice(TROUBLE) for _ in range(draw.randrange(1, 16)))
        server.requests.clear()
        with trail.log() as log:
            settled = sometimes(draw, log.sent)
            deployment = deploy(wanted, workspace, trail.folder, trail.now, lambda done: None, settled=settled)
        server.script.clear()
        trail.catch_up()
        deployment = Deployment.read(deployment.path)
        trail.check_sent(deployment, lambda step: content(server).get(f"{step.resource}/{step.guid}"))

        assert [step.status in ("done", "failed") for step in deployment.steps] == [True] * 4
        for step in deployment.steps:
            there = content(server).get(f"{step.resource}/{step.guid}")
            if step.status == "done":
                assert there is not None
                assert all(same(there.get(key), value) for key, value in step.wanted["properties"].items())
            else:
                assert step.error
            puts = [r for r in server.requests if r.method == "PUT" and f"/{step.guid}?" in r.path]
            assert 1 <= len(puts) <= MOST_REQUESTS

        with trail.log() as log:
            settled = sometimes(draw, log.taken_back)
            roll_back(deployment, workspace, force=False, progress=lambda done: None, settled=settled)
        trail.catch_up()
        trail.check_undone(deployment, lambda step: content(server).get(f"{step.resource}/{step.guid}"))
        assert [(step.status, step.error) for step in deployment.steps] == [("rolled-back", None)] * 4
        assert content(server) == before
        workspace.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_stopped_partway_is_in_the_trail_and_is_undone(
    made: list[RuleArtifact], tmp_path: Path, shared_history: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    trail = SequenceTrail(tmp_path, shared_history, seed + 10_000)
    with SecurityInsightsServer() as server:
        retrier = Retrier(sleep=lambda _: None, draw=draw.random)
        workspace = SentinelWorkspace(
            Management(token_source("none", environ={}), endpoint=server.url, retrier=retrier), WORKSPACE
        )
        at, arrived = draw.randrange(4), draw.random() < 0.5
        real, puts = workspace.put, []

        def stopped(*given: Any) -> DeployedResource:
            puts.append(given)
            if len(puts) <= at:
                return real(*given)
            if arrived:
                real(*given)
            raise KeyboardInterrupt

        monkeypatch.setattr(workspace, "put", stopped)
        with trail.log() as log:
            settled = sometimes(draw, log.sent)
            with pytest.raises(KeyboardInterrupt):
                deploy(changes(made, {}), workspace, trail.folder, trail.now, lambda done: None, settled=settled)
        monkeypatch.undo()
        trail.catch_up()
        (path,) = trail.folder.glob("*.jsonl")
        deployment = Deployment.read(path)
        assert [step.status for step in deployment.steps] == ["done"] * at + ["sent"]
        trail.check_sent(deployment, lambda step: content(server).get(f"{step.resource}/{step.guid}"))

        with trail.log() as log:
            settled = sometimes(draw, log.taken_back)
            roll_back(deployment, workspace, force=False, progress=lambda done: None, settled=settled)
        assert content(server) == {}
        trail.catch_up()
        entries = trail.of(deployment)
        actions = [[entry.action for entry in entries[step.guid]] for step in deployment.steps]
        assert actions == [["deployed", "rolled back"]] * at + [["deployment unanswered", "rolled back"]]
        workspace.close()


@pytest.mark.parametrize("seed", range(20))
def test_a_rollback_through_trouble_says_what_it_did_not_do_and_can_be_repeated(
    made: list[RuleArtifact], tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    with SecurityInsightsServer() as server:
        retrier = Retrier(sleep=lambda _: None, draw=draw.random)
        source = token_source("none", environ={})
        workspace = SentinelWorkspace(Management(source, endpoint=server.url, retrier=retrier), WORKSPACE)
        deployment = deploy(changes(made, {}), workspace, tmp_path, NOW, lambda done: None)
        assert len(server.resources) == 4
        server.script.extend(draw.choice(TROUBLE) for _ in range(draw.randrange(1, 20)))
        roll_back(deployment, workspace, force=False, progress=lambda done: None)
        for step in deployment.steps:
            gone = f"{step.resource}/{step.guid}" not in server.resources
            assert gone or step.status == "done"
            assert step.status == "rolled-back" or step.error
        server.script.clear()
        again = Deployment.read(deployment.path)
        roll_back(again, workspace, force=False, progress=lambda done: None)
        assert {step.status for step in again.steps} == {"rolled-back"}
        assert server.resources == {}
        workspace.close()
