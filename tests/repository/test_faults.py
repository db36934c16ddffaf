"""A fault of fpctl in one rule is that rule's error: it is reported as a bug with its place, and the others go on."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from fpctl.cli.app import run

EXCLUSION = """\
id: fp-2026-0001
title: Build servers
rules: ["*"]
match: {device: build01}
reason: Nightly builds
owner: a.rossi@contoso.com
created: 2026-11-01
expires: 2027-05-24
"""
POISON = "poisoned"
"""What the file of the rule is called in which the fault is planted."""


def rule(marked: str) -> str:
    return f'DeviceProcessEvents\n| where FileName == "{marked}.exe"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "exclusions").mkdir()
    (tmp_path / "exclusions" / "fp-2026-0001.yaml").write_text(EXCLUSION)
    for name in ("a", POISON, "z"):
        (tmp_path / "rules" / f"{name}.kql").write_text(rule(name))
    # One that has been applied before: its clause is taken out first.
    clause = '| where not(DeviceName in~ ("build01")) // fpctl fp-2026-0001\n'
    (tmp_path / "rules" / f"{POISON}-applied.kql").write_text(rule(POISON) + clause)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fails_for(text: Callable[..., str], original: Callable[..., object]) -> Callable[..., object]:
    """Return a function that fails where the text of its arguments holds the poison."""

    def function(*args: object, **kwargs: object) -> object:
        if POISON in text(*args, **kwargs):
            raise ZeroDivisionError("planted")
        return original(*args, **kwargs)

    return function


STAGES = {
    "reading": ("fpctl.rules.loader.read_rule_file", lambda text, *_: text),
    "taking clauses out": ("fpctl.repository.apply.find_clauses", lambda text: text),
    "choosing exclusions": ("fpctl.repository.exclusion_index.ExclusionIndex.of", lambda _, rule: rule.query),
    "parsing": ("fpctl.rewrite.plan.base_rule.parse", lambda text, *_: text),
    "binding": ("fpctl.rewrite.plan.base_rule.analyse", lambda query, *_: query.text),
    "placing": ("fpctl.rewrite.placement.placer.Placer._place", lambda placer, *_: placer.query.text),
    "verifying": ("fpctl.repository.apply.verify", lambda tuned, *_: tuned.tuned),
    "writing": ("fpctl.repository.apply.edited", lambda text, *_: text),
}


def owner_of(target: str) -> tuple[Any, str]:
    """Return the module or class that holds a function, and the function's name in it."""
    path, _, name = target.rpartition(".")
    module, _, last = path.rpartition(".")
    if last[0].isupper():
        return getattr(import_module(module), last), name
    return import_module(path), name


@pytest.mark.parametrize("stage", STAGES)
def test_a_fault_in_one_rule_stops_only_that_rule(
    stage: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target, text = STAGES[stage]
    owner, name = owner_of(target)
    monkeypatch.setattr(owner, name, fails_for(text, getattr(owner, name)))
    assert run(["apply", "--out", "tuned"]) == 2
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "planted" in said
    assert f"rules/{POISON}" in said
    assert "this is a bug in fpctl" in said
    written = sorted(path.name for path in (folder / "tuned").glob("*.kql"))
    assert {"a.kql", "z.kql"} <= set(written)
    assert "// fpctl fp-2026-0001" in (folder / "tuned" / "a.kql").read_text()


def test_a_fault_is_reported_from_a_worker_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(40):
        (folder / "rules" / f"more{number}.kql").write_text(rule(f"more{number}"))
    import fpctl.rewrite.plan.base_rule as module

    monkeypatch.setattr(module, "analyse", fails_for(lambda query, *_: query.text, module.analyse))
    assert run(["apply", "--out", "tuned", "--jobs", "2"]) == 2
    assert capsys.readouterr().err.count("this is a bug in fpctl") == 2
    assert len(list((folder / "tuned").glob("more*.kql"))) == 40
