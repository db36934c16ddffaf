"""A small repository to tune: one rule over network events, and the means to plan and run it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fpctl.cli import app

RULE = """id: rmm-net
name: RMM tool talks to the network
tactics: [CommandAndControl]
severity: Medium
query: |
  DeviceNetworkEvents
  | where InitiatingProcessVersionInfoProductName has 'rport'
  | summarize Count = count() by DeviceName, RemoteUrl
"""
EXCLUSION = """id: fp-1
rules: [rmm-net]
match:
  device: [build01]
  process: [msiexec.exe]
reason: patching
ticket: CHG0012345
owner: a@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the rule and the exclusion, which is the working directory."""
    for name in [name for name in os.environ if name.startswith("FPCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "rules" / "net.yaml", RULE)
    put(tmp_path / "exclusions" / "fp-1.yaml", EXCLUSION)
    return tmp_path


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


@pytest.fixture
def fpctl(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs fpctl in `workplace` with the arguments given."""

    def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = app.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call
