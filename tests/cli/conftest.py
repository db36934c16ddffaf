"""Running fpctl as its users do: arguments in, exit code and the two streams out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fpctl.cli import app


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the working directory, with no settings from outside."""
    import os

    for name in [name for name in os.environ if name.startswith("FPCTL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fpctl(workplace: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Return a function that runs fpctl in `workplace` with the arguments given."""

    def call(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = app.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call
