"""What a folder of authored files may hold comes from pull requests: nothing outside it is read or overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.loader import load_exclusions
from fpctl.exclusions.value_lists.list_file import find_lists
from fpctl.files import exclusive, read_inside, read_text, write_inside
from fpctl.rules.loader import load_rules
from fpctl.rules.test_cases import cases_of

EXCLUSION = 'id: fp-1\nrules: ["*"]\nmatch: {device: ["@lists/hosts.txt"]}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("root:x:0:0\n", encoding="utf-8")
    return path


def test_a_device_without_an_end_is_read_up_to_the_limit() -> None:
    with pytest.raises(FpctlError, match="bytes or more; at most 1,000 are read"):
        read_text(Path("/dev/zero"), limit=1000)


def test_a_rule_that_is_a_device_a_pipe_or_a_link_out_stops_no_other(folder: Path, secret: Path) -> None:
    (folder / "good.kql").write_text("DeviceEvents\n", encoding="utf-8")
    (folder / "zero.kql").symlink_to("/dev/zero")
    (folder / "secret.kql").symlink_to(secret)
    os.mkfifo(folder / "pipe.kql")
    found = load_rules(folder)
    assert [loaded.rule.path for loaded in found.rules] == ["good.kql"]
    messages = {Path(problem.at.path or "").name: problem.message for problem in found.problems}
    assert messages == {
        "pipe.kql": "it is not a regular file",
        "secret.kql": f"it is a link that leads out of {folder}",
        "zero.kql": f"it is a link that leads out of {folder}",
    }


def test_a_link_within_the_folder_and_a_folder_that_is_a_link_are_read(folder: Path, tmp_path: Path) -> None:
    (folder / "good.kql").write_text("DeviceEvents\n", encoding="utf-8")
    (folder / "same.kql").symlink_to("good.kql")
    (tmp_path / "linked").symlink_to(folder)
    assert [loaded.rule.path for loaded in load_rules(tmp_path / "linked").rules] == ["good.kql", "same.kql"]


def test_a_rule_that_is_named_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (folder / "good.kql").write_text("DeviceEvents\n", encoding="utf-8")
    (tmp_path / "mine.kql").symlink_to(folder / "good.kql")
    assert len(load_rules(tmp_path / "mine.kql").rules) == 1


def test_a_list_that_is_a_link_out_makes_its_exclusion_invalid_and_shows_nothing(folder: Path, secret: Path) -> None:
    (folder / "fp-1.yaml").write_text(EXCLUSION, encoding="utf-8")
    (folder / "lists").mkdir()
    (folder / "lists" / "hosts.txt").symlink_to(secret)
    found = load_exclusions(folder)
    assert found.exclusions == ()
    (problem,) = found.problems
    assert "it is a link that leads out of" in problem.message
    assert "x:0:0" not in str(problem)
    assert set(find_lists(folder)) == {"lists/hosts.txt"}


def test_an_exclusion_that_is_a_link_out_is_left_out(folder: Path, secret: Path) -> None:
    (folder / "fp-1.yaml").symlink_to(secret)
    found = load_exclusions(folder)
    assert [problem.message for problem in found.problems] == [f"it is a link that leads out of {folder}"]


def test_events_of_a_test_come_from_the_rules_folder(folder: Path, secret: Path) -> None:
    (folder / "r.kql").write_text("DeviceEvents\n", encoding="utf-8")
    text = f"must_fire:\n  - name: a\n    files: {{DeviceEvents: ../{secret.name}}}\n"
    (folder / "r.tests.yaml").write_text(text, encoding="utf-8")
    (loaded,) = load_rules(folder).rules
    (problem,) = cases_of(loaded).problems
    assert "it is a link that leads out of" in problem.message


def test_a_link_to_itself_is_refused(folder: Path) -> None:
    (folder / "loop.kql").symlink_to("loop.kql")
    with pytest.raises(FpctlError):
        read_inside(folder, folder / "loop.kql")


@pytest.mark.parametrize("place", ["x.kql", "below/x.kql"])
def test_a_link_does_not_lead_what_is_written_out_of_the_folder(folder: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "x.kql").write_text("theirs", encoding="utf-8")
    if place == "x.kql":
        (folder / "x.kql").symlink_to(outside / "x.kql")
    else:
        (folder / "below").symlink_to(outside)
    with pytest.raises(FpctlError, match="it is a link that leads out of"):
        write_inside(folder, place, "ours")
    assert (outside / "x.kql").read_text(encoding="utf-8") == "theirs"


def test_one_process_at_a_time_changes_a_folder_also_before_it_exists(folder: Path) -> None:
    for other in (folder, folder / "missing"):
        with (
            exclusive(folder),
            pytest.raises(FpctlError, match="another process has kept the folder locked"),
            exclusive(other, wait=0),
        ):
            pass
    with exclusive(folder, wait=0):
        pass
