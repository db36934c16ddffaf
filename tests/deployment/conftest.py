"""Tuned rules to give out, and the command line in an empty folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fpctl.cli import app
from fpctl.engine.remote.retry import Retrier, RetryPolicy
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.model import open_repository
from servers.security_insights import WORKSPACE, SecurityInsightsServer

ANALYTICS = """id: 0f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d11
name: Remote tool
description: |
  A remote tool talks.
  Look who started it.
severity: High
kind: Scheduled
requiredDataConnectors: []
queryFrequency: 1h
queryPeriod: 1d
triggerOperator: gt
triggerThreshold: 0
tactics: [CommandAndControl]
relevantTechniques: [T1219, T1071.001]
query: |
  DeviceNetworkEvents
  | where RemotePort == 443
  | project TimeGenerated, DeviceName, RemoteIP
entityMappings:
  - entityType: Host
    fieldMappings:
      - identifier: HostName
        columnName: DeviceName
suppressionEnabled: false
suppressionDuration: 5h
version: 1.0.4
"""
HUNTING = """id: 1f4b6c3e-6a0b-4c55-9c7e-0c4a1f6f2d22
name: Hunt
description: Look
tactics: [Execution]
relevantTechniques: [T1059]
query: |
  DeviceProcessEvents
  | where FileName == "x.exe"
  | project Timestamp, ReportId, DeviceId, AccountUpn
"""
EXCLUSION = """id: fp-1
rules: ["*"]
match:
  device: [build01]
reason: patching
owner: a@contoso.com
approved_by: b@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""
LATE = EXCLUSION.replace("2027-05-01", "2099-05-01")
"""The verbs plan for the day that it is."""
DAY = "2026-11-20"


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("FPCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for folder in ("rules", "exclusions"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.fixture
def fpctl(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = app.run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return call


Plan = Callable[..., RuleOutcome]


@pytest.fixture
def plan(workplace: Path) -> Plan:
    """Return what plans one rule text, with or without the exclusion."""

    def of(text: str, *, name: str = "rule.yaml", exclusion: str | None = EXCLUSION) -> RuleOutcome:
        (workplace / "rules" / name).write_text(text)
        if exclusion is not None:
            (workplace / "exclusions" / "fp-1.yaml").write_text(exclusion)
        repository = open_repository(workplace / "rules", workplace / "exclusions")
        planner = repository.planner(date.fromisoformat(DAY))
        return next(o for o in tune(repository.rules.rules, repository.active(), planner) if o.rule.path == name)

    return of


@pytest.fixture
def server(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecurityInsightsServer]:
    """A workspace, and a repository of three analytics rules and a hunting query for it."""
    monkeypatch.setattr(Retrier, "__init__", _quick)
    for number, letter in enumerate("abc", 1):
        text = ANALYTICS.replace("0c4a1f6f2d11", f"0c4a1f6f2d1{number}").replace("Remote tool", f"Rule {letter}")
        (workplace / "rules" / f"{letter}.yaml").write_text(text)
    (workplace / "rules" / "h.yaml").write_text(HUNTING)
    (workplace / "rules" / "bare.kql").write_text("DeviceInfo\n| take 1\n")
    (workplace / "exclusions" / "fp-1.yaml").write_text(LATE)
    with SecurityInsightsServer() as running:
        (workplace / "fpctl.toml").write_text(
            f"[deploy]\nworkspace = '{WORKSPACE}'\nendpoint = '{running.url}'\ncredential = 'none'\n"
        )
        yield running


def _quick(self: Retrier, policy: Any = None, **_: Any) -> None:
    """A retrier that does not wait."""
    self.policy = policy or RetryPolicy()
    self._sleep = lambda _: None
    self._draw = lambda: 0.0


@pytest.fixture(scope="module")
def shared_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history that the sequences of a module share: making one takes longer than a sequence."""
    return tmp_path_factory.mktemp("history") / "history.db"
