"""The record of a run under way: what it holds, what a crash leaves, and when it goes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.execution.checkpoint import Checkpoint, RunRequest, read_interrupted

NOW = datetime(2026, 11, 20, 8, 30, 1, 250, tzinfo=UTC)
REQUEST = RunRequest(NOW, datetime(2026, 11, 1, tzinfo=UTC), NOW, "log-analytics", ("net*", "tag:x"), "data")


def test_what_was_asked_for_and_done_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / ".fpctl" / "run.jsonl"
    checkpoint = Checkpoint(file, REQUEST)
    checkpoint.add("a.kql:a", "1f")
    checkpoint.add("b.kql:b", "2f")
    checkpoint.close(finished=False)
    unfinished = read_interrupted(file)
    assert unfinished.request == REQUEST
    assert unfinished.done == {("a.kql:a", "1f"), ("b.kql:b", "2f")}


def test_going_on_keeps_what_was_done_before(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    Checkpoint(file, REQUEST, frozenset({("a", "1")})).close(finished=False)
    second = Checkpoint(file, REQUEST, read_interrupted(file).done)
    second.add("b", "2")
    second.close(finished=False)
    assert read_interrupted(file).done == {("a", "1"), ("b", "2")}


def test_a_line_cut_off_by_a_crash_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    checkpoint = Checkpoint(file, REQUEST)
    checkpoint.add("a", "1")
    checkpoint.close(finished=False)
    with file.open("a") as torn:
        torn.write('{"rule": "b", "tuned": "2"}')
    assert read_interrupted(file).done == {("a", "1")}


def test_a_finished_run_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    Checkpoint(file, REQUEST).close(finished=True)
    assert not file.exists()


def test_the_record_of_a_later_run_stays(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    earlier = Checkpoint(file, REQUEST)
    later = Checkpoint(file, RunRequest(NOW, None, None, "local"))
    earlier.close(finished=True)
    assert read_interrupted(file).request.engine == "local"
    later.close(finished=True)
    assert not file.exists()


def test_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(FpctlError) as caught:
        read_interrupted(tmp_path / "run.jsonl")
    assert caught.value.message == "there is no interrupted run to continue"


@pytest.mark.parametrize("text", ["", "[]\n", "{}\n", '{"fpctl_run": 99}\n', "not json\n"])
def test_another_file_is_not_taken_for_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "run.jsonl"
    file.write_text(text)
    with pytest.raises(FpctlError, match="this is not the record of a run that this version of fpctl can continue"):
        read_interrupted(file)
