"""The audit trail on both stores: what is recorded, by whom, and what was done outside fpctl."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.edit import edit_file
from fpctl.exclusions.loader import load_exclusions
from fpctl.history.entry import GENESIS, FieldChange, hash_of
from fpctl.history.trail import Action, WorkingCopy

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROSSI = Action("renewed", "A. Rossi <a.rossi@contoso.com>")

TEXT = """\
id: {id}
title: Patching
rules: ["*"]
match: {{device: [build01, build02]}}
expires: 2027-05-01
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an exclusions folder with two exclusions, in no git repository."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    place = tmp_path / "exclusions"
    place.mkdir()
    for id in ("fp-1", "fp-2"):
        (place / f"{id}.yaml").write_text(TEXT.format(id=id), encoding="utf-8")
    return place


@pytest.fixture
def present(folder):
    """Return a function that loads the folder as it is now."""

    def load(*, complete: bool = True) -> WorkingCopy:
        return WorkingCopy(load_exclusions(folder).exclusions, folder, complete)

    return load


def replaced(folder, id, old, new):
    path = folder / f"{id}.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_exclusions_that_are_there_at_first_are_found(history, present):
    entries = history.trail.record_changes(present(), NOW)
    assert [(e.number, e.action, e.exclusion, e.who, e.outside) for e in entries] == [
        (2, "found", "fp-1", "unknown", True),
        (3, "found", "fp-2", "unknown", True),
    ]
    assert history.trail.entries()[-1].previous == GENESIS
    assert entries[1].previous == entries[0].hash
    assert FieldChange("match.0.device", None, ["build01", "build02"]) in entries[0].changes


def test_what_has_not_changed_is_not_recorded_again(history, present):
    history.trail.record_changes(present(), NOW)
    assert history.trail.record_changes(present(), NOW) == []


def test_comments_and_layout_are_no_change(history, present, folder):
    history.trail.record_changes(present(), NOW)
    replaced(folder, "fp-1", "expires: 2027-05-01", "# until the contract ends\nexpires:   '2027-05-01'")
    assert history.trail.record_changes(present(), NOW) == []


def test_an_edit_outside_is_noticed_with_its_fields_before_and_after(history, present, folder):
    history.trail.record_changes(present(), NOW)
    replaced(folder, "fp-2", "2027-05-01", "2028-05-01")
    (entry,) = history.trail.record_changes(present(), NOW)
    assert (entry.action, entry.exclusion, entry.outside, entry.who) == ("changed", "fp-2", True, "unknown")
    assert entry.changes == (FieldChange("expires", "2027-05-01", "2028-05-01"),)
    assert entry.before != entry.after


def test_a_removed_file_is_noticed_and_so_is_its_coming_back(history, present, folder):
    history.trail.record_changes(present(), NOW)
    text = (folder / "fp-2.yaml").read_text(encoding="utf-8")
    (folder / "fp-2.yaml").unlink()
    (gone,) = history.trail.record_changes(present(), NOW)
    assert (gone.action, gone.exclusion, gone.after) == ("removed", "fp-2", None)
    assert FieldChange("title", "Patching", None) in gone.changes
    (folder / "fp-2.yaml").write_text(text, encoding="utf-8")
    (back,) = history.trail.record_changes(present(), NOW)
    assert (back.action, back.before, back.after) == ("found", None, gone.before)


def test_nothing_is_gone_where_not_everything_could_be_read(history, present, folder):
    history.trail.record_changes(present(), NOW)
    (folder / "fp-2.yaml").write_text("id: [", encoding="utf-8")
    assert history.trail.record_changes(present(complete=False), NOW) == []


def test_an_exclusion_that_moves_to_another_file_has_not_changed(history, present, folder):
    history.trail.record_changes(present(), NOW)
    (folder / "fp-2.yaml").rename(folder / "patching.yaml")
    assert history.trail.record_changes(present(), NOW) == []


def test_a_changed_list_is_a_change_of_the_exclusion(history, present, folder):
    (folder / "lists").mkdir()
    hashes = [f"{number:064x}" for number in range(1, 31)]
    (folder / "lists" / "agents.txt").write_text("\n".join(hashes), encoding="utf-8")
    (folder / "fp-3.yaml").write_text('id: fp-3\nrules: ["*"]\nmatch: {hash: "@lists/agents.txt"}\n', encoding="utf-8")
    history.trail.record_changes(present(), NOW)
    (folder / "lists" / "agents.txt").write_text("\n".join([*hashes[1:], "f" * 64]), encoding="utf-8")
    (entry,) = history.trail.record_changes(present(), NOW)
    assert entry.exclusion == "fp-3"
    assert entry.changes == (FieldChange("match.0.hash", [hashes[0]], ["f" * 64], partial=True),)
    assert entry.changes[0].text() == "match.0.hash: +1 -1"


def test_an_action_is_recorded_with_who_and_why(history, present, folder):
    before = present()

    def write():
        edit_file(folder / "fp-1.yaml", "fp-1", {"status": "retired"})

    action = Action("retired", "A. Rossi <a.rossi@contoso.com>", "server gone")
    (entry,) = history.trail.record(action, ["fp-1"], write, before, NOW)
    assert (entry.action, entry.who, entry.reason, entry.outside) == (
        "retired",
        "A. Rossi <a.rossi@contoso.com>",
        "server gone",
        False,
    )
    assert entry.changes == (FieldChange("status", None, "retired"),)
    assert [e.action for e in history.trail.entries()] == ["retired", "found", "found", "history begun"]
    assert history.trail.record_changes(present(), NOW) == []


def test_a_new_exclusion_is_recorded_whole(history, present, folder):
    before = present()

    def write():
        (folder / "fp-9.yaml").write_text(TEXT.format(id="fp-9"), encoding="utf-8")

    (entry,) = history.trail.record(Action("added", "me"), ["fp-9"], write, before, NOW)
    assert (entry.before, entry.action) == (None, "added")
    assert {change.field for change in entry.changes} == {"id", "title", "rules", "match.0.device", "expires"}


def test_what_was_done_outside_before_a_action_is_told_apart_from_it(history, present, folder):
    history.trail.record_changes(present(), NOW)
    replaced(folder, "fp-1", "title: Patching", "title: Changed by hand")
    before = present()

    def write():
        edit_file(folder / "fp-1.yaml", "fp-1", {"expires": datetime(2028, 1, 1).date()})

    history.trail.record(ROSSI, ["fp-1"], write, before, NOW)
    renewed, changed = history.trail.entries(exclusion="fp-1", limit=2)
    assert (changed.action, [c.field for c in changed.changes]) == ("changed", ["title"])
    assert (renewed.action, [c.field for c in renewed.changes]) == ("renewed", ["expires"])


def test_an_action_that_fails_leaves_no_entry(history, present):
    history.trail.record_changes(present(), NOW)

    def write():
        raise FpctlError("the disk is full")

    with pytest.raises(FpctlError, match="the disk is full"):
        history.trail.record(ROSSI, ["fp-1"], write, present(), NOW)
    assert [e.action for e in history.trail.entries()] == ["found", "found", "history begun"]


def test_an_action_that_changes_no_content_leaves_no_entry(history, present, folder):
    history.trail.record_changes(present(), NOW)
    action = history.trail.record(
        ROSSI, ["fp-1"], lambda: replaced(folder, "fp-1", "id: ", "# why\nid: "), present(), NOW
    )
    assert action == []


def test_a_state_that_was_loaded_before_another_fpctl_wrote_is_no_change(history, present, folder):
    stale = present()
    history.trail.record(ROSSI, ["fp-1"], lambda: replaced(folder, "fp-1", "2027", "2028"), present(), NOW)
    (folder / "fp-9.yaml").write_text(TEXT.format(id="fp-9"), encoding="utf-8")
    history.trail.record_changes(present(), NOW)
    # The process with the stale state comes last: it knows fp-1 as it was, and nothing of fp-9.
    assert history.trail.record_changes(stale, NOW) == []


def test_entries_are_narrowed_by_exclusion_time_and_number(history, present, folder):
    history.trail.record_changes(present(), NOW)
    replaced(folder, "fp-1", "2027", "2028")
    history.trail.record_changes(present(), NOW + timedelta(days=1))
    assert [e.number for e in history.trail.entries()] == [4, 3, 2, 1]
    assert [e.number for e in history.trail.entries(exclusion="fp-1")] == [4, 2]
    assert [e.number for e in history.trail.entries(since=NOW + timedelta(hours=1))] == [4]
    assert [e.number for e in history.trail.entries(limit=2)] == [4, 3]
    assert history.trail.exclusions() == ["fp-1", "fp-2"]


def test_an_entry_is_its_body_and_the_body_is_hashed(history, present):
    entry = history.trail.record_changes(present(), NOW)[1]
    (again,) = history.trail.entries(limit=1)
    assert again == entry
    assert json.loads(json.dumps(entry.to_dict(), default=str))["hash"] == entry.hash
    assert len(entry.hash) == len(hash_of("")) == 64


@pytest.mark.parametrize("text", ["\\u0000", "\\ud83d\\ude00 🙂", "\\u202e", "C:\\\\x"])
def test_any_text_is_kept(history, present, folder, text):
    (folder / "fp-1.yaml").write_text(TEXT.format(id="fp-1") + f'notes: "{text}"\n', encoding="utf-8")
    loaded = present()
    if len(loaded.exclusions) == 2:
        history.trail.record_changes(loaded, NOW)
        assert history.trail.verify().findings == ()
        said = {c.field: c.after for e in history.trail.entries(exclusion="fp-1") for c in e.changes}
        assert said["notes"] == loaded.exclusions[0].exclusion.notes


GIT = {
    "GIT_AUTHOR_NAME": "M. Weber", "GIT_AUTHOR_EMAIL": "m.weber@contoso.com", "GIT_COMMITTER_NAME": "Merge Bot",
    "GIT_COMMITTER_EMAIL": "bot@contoso.com", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
}  # fmt: skip


@pytest.fixture
def git(folder):
    """Return a function that runs git in the folder's repository; `day` is that of a commit."""

    def run(*arguments: str, day: int = 20) -> str:
        when = f"2026-11-{day:02d}T08:30:00+00:00"
        environment = {**os.environ, **GIT, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    run("init", "--quiet")
    run("add", ".")
    run("commit", "--quiet", "-m", "first")
    return run


def test_a_committed_change_has_its_author_from_git(history, present, folder, git):
    history.trail.record_changes(present(), NOW)
    replaced(folder, "fp-1", "2027", "2028")
    git("commit", "--quiet", "-a", "-m", "longer", day=23)
    (entry,) = history.trail.record_changes(present(), NOW)
    assert entry.who == "M. Weber <m.weber@contoso.com>"
    assert entry.reason == f"git commit {git('rev-parse', 'HEAD')[:12]} of 2026-11-23 08:30Z"
    assert entry.outside


def test_a_merge_is_told_with_the_author_of_the_change(history, present, folder, git):
    history.trail.record_changes(present(), NOW)
    git("checkout", "--quiet", "-b", "side")
    replaced(folder, "fp-2", "2027", "2028")
    git("commit", "--quiet", "-a", "-m", "on the branch", day=22)
    change = git("rev-parse", "HEAD")
    git("checkout", "--quiet", "-")
    replaced(folder, "fp-1", "title: Patching", "title: Other")
    git("commit", "--quiet", "-a", "-m", "on main", day=22)
    git("merge", "--quiet", "-m", "merged", "side", day=23)
    entries = {entry.exclusion: entry for entry in history.trail.record_changes(present(), NOW)}
    assert entries["fp-2"].who == "M. Weber <m.weber@contoso.com>"
    assert entries["fp-2"].reason == f"git commit {change[:12]} of 2026-11-22 08:30Z"


def test_a_change_that_is_in_no_commit_yet_has_no_author(history, present, folder, git):
    history.trail.record_changes(present(), NOW)
    replaced(folder, "fp-1", "2027", "2028")
    (entry,) = history.trail.record_changes(present(), NOW)
    assert (entry.who, entry.reason) == ("unknown", None)


def test_who_removed_a_file_is_asked_of_git(history, present, folder, git):
    history.trail.record_changes(present(), NOW)
    git("rm", "--quiet", "fp-2.yaml")
    git("commit", "--quiet", "-m", "gone", day=25)
    (entry,) = history.trail.record_changes(present(), NOW)
    assert (entry.action, entry.who) == ("removed", "M. Weber <m.weber@contoso.com>")


def test_a_working_copy_that_is_behind_is_no_change_in_a_shared_store(history, present, folder, git, location):
    history.trail.record_changes(present(), NOW)
    old = (folder / "fp-1.yaml").read_text(encoding="utf-8")
    replaced(folder, "fp-1", "2027", "2028")
    git("commit", "--quiet", "-a", "-m", "longer", day=23)
    history.trail.record_changes(present(), NOW)
    # A colleague's copy that has not pulled yet.
    git("reset", "--quiet", "--hard", "HEAD~1")
    assert (folder / "fp-1.yaml").read_text(encoding="utf-8") == old
    entries = history.trail.record_changes(present(), NOW)
    assert [e.exclusion for e in entries] == ([] if isinstance(location, str) else ["fp-1"])


def test_a_revert_is_a_change_in_a_shared_store_too(history, present, folder, git):
    history.trail.record_changes(present(), NOW)
    replaced(folder, "fp-1", "2027", "2028")
    git("commit", "--quiet", "-a", "-m", "longer", day=23)
    history.trail.record_changes(present(), NOW)
    git("revert", "--no-edit", "HEAD", day=25)
    (entry,) = history.trail.record_changes(present(), NOW + timedelta(days=2))
    assert entry.changes == (FieldChange("expires", "2028-05-01", "2027-05-01"),)
