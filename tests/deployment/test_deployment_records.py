"""Records of deployments: appended to, indexed, and one that is damaged is in nobody's way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fpctl.deployment.record import INDEX, Deployment, DeploymentRecords, Step
from fpctl.errors import FpctlError

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RULES, CHARACTERS = 2_000, 8_000


def step(number: int, *, size: int = 10) -> Step:
    query = f"{number} ".ljust(size, "x")
    before = {"etag": '"1"', "kind": "Scheduled", "properties": {"query": query}}
    return Step(f"Rule {number}", f"{number}.yaml", "alertRules", f"guid-{number}", before, {**before, "etag": None})


def deployed(folder: Path, days: int, *numbers: int) -> Deployment:
    made = Deployment.begin(folder, "/w", NOW + timedelta(days=days), [step(number) for number in numbers], "a")
    for one in made.steps:
        one.status = "sent"
        made.save(one)
        one.status, one.etag, one.recorded = "done", '"2"', True
        made.save(one)
    return made


def test_a_step_is_on_disk_before_it_is_sent_and_when_it_is_done(tmp_path: Path) -> None:
    made = Deployment.begin(tmp_path, "/w", NOW, [step(1), step(2)])
    assert Deployment.read(made.path).steps == []
    made.steps[0].status = "sent"
    made.save(made.steps[0])
    assert Deployment.read(made.path).steps == made.steps[:1]
    made.steps[0].status = "failed"
    made.steps[0].error = "no"
    made.save(made.steps[0])
    assert Deployment.read(made.path).steps == made.steps[:1]


def test_thousands_of_rules_are_written_once_each_and_read_back(tmp_path: Path) -> None:
    steps = [step(number, size=CHARACTERS) for number in range(RULES)]
    made = Deployment.begin(tmp_path, "/w", NOW, steps)
    for one in steps:
        one.status = "sent"
        made.save(one)
        one.status = "done"
        made.save(one)
    assert made.path.stat().st_size < RULES * (2 * CHARACTERS + 1_000)
    assert Deployment.read(made.path).steps == steps


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_a_crash_cut_off_is_not_there_and_the_next_one_takes_its_place(tmp_path: Path, cut: int) -> None:
    made = deployed(tmp_path, 0, 1, 2)
    made.path.write_bytes(made.path.read_bytes()[:-cut])
    again = Deployment.read(made.path)
    assert [one.status in ("sent", "done") for one in again.steps] == [True] * len(again.steps)
    again.steps[-1].status = "rolled-back"
    again.save(again.steps[-1])
    assert Deployment.read(made.path).steps == again.steps


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"no json\n", b'{"fpctl_deployment": 9}\n', b"[" * 100_000 + b"\n"])
def test_a_damaged_record_blocks_no_other(tmp_path: Path, damage: bytes) -> None:
    first, second, third = (deployed(tmp_path, day, day) for day in range(3))
    second.path.write_bytes(damage)
    records = DeploymentRecords(tmp_path)
    assert [one.id for one in records.newest_first()] == [third.id, first.id]
    assert [problem.code for problem in records.problems] == ["damaged-record"]
    assert set(records.last_known("/W", [("alertRules", "guid-0"), ("alertRules", "guid-1")])) == {
        ("alertRules", "guid-0")
    }
    with pytest.raises(FpctlError, match="damaged"):
        records.get(second.id)


def test_damage_in_the_middle_is_an_error_of_that_record(tmp_path: Path) -> None:
    made = deployed(tmp_path, 0, 1, 2)
    lines = made.path.read_bytes().splitlines(keepends=True)
    made.path.write_bytes(b"".join([*lines[:2], b"\x00\n", *lines[2:]]))
    with pytest.raises(FpctlError) as caught:
        Deployment.read(made.path)
    assert str(made.path) in str(caught.value)


def test_only_the_records_that_are_needed_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(5):
        deployed(tmp_path, day, day)
    DeploymentRecords(tmp_path).index()
    read = Deployment.read.__func__  # type: ignore[attr-defined]
    seen: list[str] = []
    monkeypatch.setattr(Deployment, "read", classmethod(lambda cls, path: seen.append(path.name) or read(cls, path)))
    known = DeploymentRecords(tmp_path).last_known("/w", [("alertRules", "guid-2")])
    assert known == {("alertRules", "guid-2"): {"query": "2 ".ljust(10, "x")}}
    assert len(seen) == 1


@pytest.mark.parametrize("index", [b"", b"[]", b"no", b'{"x.jsonl": {}}'])
def test_an_index_that_is_missing_or_wrong_is_made_again(tmp_path: Path, index: bytes) -> None:
    made = deployed(tmp_path, 0, 1)
    (tmp_path / INDEX).write_bytes(index)
    assert [one.id for one in DeploymentRecords(tmp_path).newest_first(where="undoable")] == [made.id]


def test_what_was_rolled_back_is_no_longer_known(tmp_path: Path) -> None:
    deployed(tmp_path, 0, 1)
    made = deployed(tmp_path, 1, 1)
    made.steps[0].status, made.steps[0].before = "rolled-back", None
    made.save(made.steps[0])
    later = deployed(tmp_path, 2, 1)
    later.steps[0].status = "rolled-back"
    later.save(later.steps[0])
    known = DeploymentRecords(tmp_path).last_known("/w", [("alertRules", "GUID-1")])
    assert known == {("alertRules", "guid-1"): {"query": "1 ".ljust(10, "x")}}
