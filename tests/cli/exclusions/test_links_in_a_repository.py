"""A repository from somebody else: links in it lead no command to read or write outside its folders."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("outside") / "workflow.yml"
    path.write_text("theirs\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("verb", ["apply", "strip"])
def test_what_is_written_to_out_does_not_follow_a_link_out_of_it(fpctl, recorded, repository, outside, verb):
    (repository / "tuned").mkdir()
    (repository / "tuned" / "remote_tool.yaml").symlink_to(outside)
    outcome = fpctl(verb, "--out", "tuned")
    assert outcome.code == 2
    assert "tuned/remote_tool.yaml: it is a link that leads out of tuned" in outcome.err
    assert outside.read_text() == "theirs\n"


def test_a_new_exclusion_does_not_follow_a_link_that_leads_nowhere_yet(fpctl, repository, outside):
    target = outside.with_name("new")
    (repository / "exclusions" / "a1.yaml").symlink_to(target)
    assert fpctl("add", "--rule", "*", "--device", "a", "--id", "a1", "--owner", "me", "--yes").code == 2
    assert not target.exists()


def test_a_list_is_not_written_through_a_linked_folder(fpctl, repository, outside):
    (repository / "exclusions" / "lists").symlink_to(outside.parent)
    outcome = fpctl("lists", "add", "agents", "--field", "device", "build01")
    assert (outcome.code, [path.name for path in outside.parent.iterdir()]) == (2, ["workflow.yml"])
