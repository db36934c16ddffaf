"""Planning on several cores gives what planning on one gives."""

from __future__ import annotations

import os
import signal
import sys
from datetime import date
from pathlib import Path

import pytest

from fpctl.repository import parallel
from fpctl.repository.apply import RuleOutcome, tune, tuned_files
from fpctl.repository.approval_snapshot import standing
from fpctl.repository.model import Repository, open_repository
from fpctl.repository.parallel import Planning, tune_in_parallel
from fpctl.rewrite.plan.planner import Planner

EXCLUSION = """id: fp-1
rules: ["*"]
match: {device: [build01.contoso.com], process: [msiexec.exe]}
reason: benign
owner: ana@contoso.com
expires: 2027-05-01
"""
pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="processes are forked on Linux only: elsewhere all is planned here"
)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    (tmp_path / "rules").mkdir()
    (tmp_path / "exclusions").mkdir()
    (tmp_path / "exclusions" / "one.yaml").write_text(EXCLUSION)
    for number in range(70):
        text = f"DeviceProcessEvents\n| where ProcessId == {number}\n| summarize count() by DeviceName"
        if number % 9 == 0:
            text = f"SigninLogs | where x == {number}"
        if number % 11 == 0:
            text = f"DeviceProcessEvents | where ({number}"
        (tmp_path / "rules" / f"r{number:02}.kql").write_text(text)
    return open_repository(tmp_path / "rules", tmp_path / "exclusions", root=tmp_path)


def shown(outcome: RuleOutcome) -> tuple[object, ...]:
    tuned = outcome.tuned
    return (
        outcome.rule.path,
        outcome.status,
        str(outcome.error),
        type(outcome.error),
        tuned and (tuned.plan, tuned.base, tuned.tuned, tuned.edits),
    )


def planning(repository: Repository) -> Planning:
    return Planning(repository.active(), repository.planner(date(2026, 11, 24)))


def one_core(repository: Repository) -> list[RuleOutcome]:
    found = tune(repository.rules.rules, repository.active(), repository.planner(date(2026, 11, 24)))
    return list(found)


@pytest.mark.parametrize("jobs", [2, 3])
def test_the_same_outcomes_in_the_same_order(repository: Repository, jobs: int) -> None:
    found = list(tune_in_parallel(repository.rules.rules, planning(repository), jobs))
    expected = one_core(repository)
    assert [shown(one) for one in found] == [shown(one) for one in expected]
    assert {one.status for one in found} == {"rewritten", "unchanged", "error"}
    assert tuned_files(found) == tuned_files(expected)


def test_what_a_plan_was_made_from_is_at_hand(repository: Repository) -> None:
    found = list(tune_in_parallel(repository.rules.rules, planning(repository), 2))
    for one, expected in zip(found, one_core(repository), strict=True):
        if one.tuned is None or expected.tuned is None:
            continue
        assert [clause.condition for clause in one.tuned.clauses] == [c.condition for c in expected.tuned.clauses]
        assert [p.path for p in one.tuned.analysis.pipelines] == [p.path for p in expected.tuned.analysis.pipelines]


def test_where_clauses_stand_comes_along(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    here = [standing(outcome) for outcome in one_core(repository)]
    found = list(tune_in_parallel(repository.rules.rules, planning(repository), 2))
    monkeypatch.setattr(Planner, "plan", None)  # nothing is planned again for it
    assert [standing(outcome) for outcome in found] == here
    assert {"fp-1": "DeviceProcessEvents: after where"} in here


@pytest.mark.parametrize("status", [0, 1, "killed"])
def test_a_process_that_dies_is_made_up_for(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, status: int | str
) -> None:
    parent = os.getpid()
    whole = Planning.outcome

    def dying(self: Planning, loaded: object, index: object) -> RuleOutcome:
        if os.getpid() != parent and loaded is repository.rules.rules[40]:
            if status == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(int(status))
        return whole(self, loaded, index)  # type: ignore[arg-type]

    monkeypatch.setattr(Planning, "outcome", dying)
    found = list(tune_in_parallel(repository.rules.rules, planning(repository), 2))
    assert [shown(one) for one in found] == [shown(one) for one in one_core(repository)]


def test_processes_end_when_nobody_wants_the_rest(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def noted() -> int:
        child = fork()
        children.append(child)
        return child

    monkeypatch.setattr(os, "fork", noted)
    begun = tune_in_parallel(repository.rules.rules, planning(repository), 2)
    next(begun)
    begun.close()  # type: ignore[attr-defined]
    assert len(children) == 2
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def test_a_handful_of_rules_is_planned_here(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_started", None)
    found = list(tune_in_parallel(repository.rules.rules, planning(repository)))
    assert len(found) == len(repository.rules.rules)
