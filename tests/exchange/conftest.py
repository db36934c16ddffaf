"""Exclusions to export, files to import, and fpctl run as its users do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fpctl.cli import app
from fpctl.cli.shared import options
from fpctl.exchange.format import ImportContext
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file
from records_support import NOW, RULE, RULE_ID

TODAY = date(2026, 11, 24)


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
    """Return a repository with one rule that is the working directory."""
    for name in [name for name in os.environ if name.startswith("FPCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no-git-config"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "no-git-config"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(options, "now", lambda: NOW)
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
        code = app.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call


@pytest.fixture
def loaded() -> Callable[[str], list[LoadedExclusion]]:
    """Return a function that loads exclusions from YAML; what every one needs is added."""

    def load(text: str) -> list[LoadedExclusion]:
        parts = [part for part in text.split("---\n") if part.strip()]
        whole = "---\n".join(f'rules: ["{RULE_ID}"]\n{part}' if "rules:" not in part else part for part in parts)
        found, problems = read_exclusion_file(whole, "exclusions.yaml", ValueListCache(Path()))
        assert problems == []
        return [exclusion for exclusion, _ in found]

    return load


@pytest.fixture
def context() -> ImportContext:
    """What an import knows: the day and no more."""
    return ImportContext((), TODAY)
