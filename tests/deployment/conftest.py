"""Tuned rules to give out, and the command line in an empty folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from fpctl.cli import app
from fpctl.rewrite.apply import RuleOutcome, tune
from fpctl.rewrite.repository import open_repository

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
created: 2026-11-01
expires: 2027-05-01
"""
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
