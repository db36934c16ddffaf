"""A repository with one rule, a fixed day, and fpctl run in it as its users do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fpctl.cli import app
from fpctl.cli.shared import options, terminal
from records_support import EXCLUSION, NOW, RULE


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository that is the working directory, on the day of NOW, without anything from outside."""
    for name in [name for name in os.environ if name.startswith("FPCTL_")]:
        monkeypatch.delenv(name)
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-git-config"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "no-git-config"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(options, "now", lambda: NOW)
    monkeypatch.setattr(terminal, "may_ask", lambda: False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "remote_tool.yaml").write_text(RULE, encoding="utf-8")
    (tmp_path / "exclusions").mkdir()
    return tmp_path


@pytest.fixture
def fpctl(repository: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs fpctl in the repository with the arguments given."""

    def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        try:
            code = app.run([str(argument) for argument in arguments])
        except SystemExit as exit:  # shell completion ends the process itself
            code = int(exit.code or 0)
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call


@pytest.fixture
def recorded(repository: Path) -> Path:
    """Return the file of an exclusion that is recorded already."""
    path = repository / "exclusions" / "fp-2026-0001.yaml"
    path.write_text(EXCLUSION, encoding="utf-8")
    return path


@pytest.fixture
def write_events(repository: Path) -> Callable[[Sequence[Mapping[str, Any]]], Path]:
    """Return a function that writes rows of DeviceNetworkEvents to a data folder and returns the folder."""

    def write(rows: Sequence[Mapping[str, Any]]) -> Path:
        folder = repository / "data"
        folder.mkdir(exist_ok=True)
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "DeviceNetworkEvents.jsonl").write_text(text, encoding="utf-8")
        return folder

    return write
