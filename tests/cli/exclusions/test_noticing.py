"""What was changed outside fpctl is noticed by the next command, whichever it is, and recorded so, once."""

from __future__ import annotations

import sqlite3

import pytest

from fpctl.history.history import History
from records_support import EXCLUSION

NOTE = "note: changed outside fpctl and recorded as such: fp-2026-0001 (fpctl log)\n"
VERBS = [
    ("list",), ("show", "fp-2026-0001"), ("apply",), ("explain",), ("audit",), ("hits",), ("test",),
    ("export", "--target", "sentinel"), ("log",),
]  # fmt: skip


def entries(repository):
    with History.open(repository / ".fpctl" / "history.db") as history:
        assert history.trail.verify().findings == ()
        found = list(reversed(history.trail.entries()))
    assert [entry.action for entry in found[:1]] == ["history begun"][: len(found)]
    return [(entry.exclusion, entry.action, entry.outside) for entry in found[1:]]


@pytest.fixture
def kept(fpctl, recorded, repository):
    """Return the file of an exclusion that the trail knows."""
    assert fpctl("log").code == 0
    assert entries(repository) == [("fp-2026-0001", "found", True)]
    return recorded


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_change_by_hand_is_noticed_by_the_next_command_and_only_by_it(fpctl, kept, repository, verb):
    kept.write_text(EXCLUSION.replace("Monthly patching", "Weekly patching"), encoding="utf-8")
    assert fpctl(*verb).err.count(NOTE) == 1
    assert NOTE not in fpctl(*verb).err
    assert entries(repository)[1:] == [("fp-2026-0001", "changed", True)]


def test_a_file_that_went_and_one_that_came_are_noticed(fpctl, kept, repository):
    kept.with_name("new.yaml").write_text(EXCLUSION.replace("0001", "0002"), encoding="utf-8")
    kept.unlink()
    fpctl("list")
    assert sorted(entries(repository)[1:]) == [("fp-2026-0001", "removed", True), ("fp-2026-0002", "found", True)]


def test_a_broken_file_is_not_taken_for_one_that_went(fpctl, kept, repository):
    kept.write_text("id: [", encoding="utf-8")
    assert fpctl("list").code == 2
    assert len(entries(repository)) == 1


def test_a_comment_is_no_change(fpctl, kept, repository):
    kept.write_text("# more\n" + EXCLUSION, encoding="utf-8")
    assert NOTE not in fpctl("list").err
    assert len(entries(repository)) == 1


def test_without_a_history_none_is_made(fpctl, recorded, repository):
    for verb in VERBS[:-1]:
        fpctl(*verb)
    assert not (repository / ".fpctl").exists()


def test_exclusions_of_another_folder_are_none_of_the_trails(fpctl, kept, repository):
    other = repository / "other"
    other.mkdir()
    (other / "x.yaml").write_text(EXCLUSION.replace("Monthly", "Weekly"), encoding="utf-8")
    fpctl("list", "--exclusions", other)
    assert len(entries(repository)) == 1


def test_a_history_that_is_none_stops_no_verb_that_needs_none(fpctl, recorded, repository):
    (repository / ".fpctl").mkdir()
    (repository / ".fpctl" / "history.db").write_text("no database", encoding="utf-8")
    assert fpctl("list").code == 0
    assert fpctl("apply").code == 0


def test_a_trail_that_another_holds_is_told_and_waited_for_no_longer(fpctl, kept, repository, monkeypatch):
    monkeypatch.setattr("fpctl.cli.shared.audit_log.GLANCE_WAIT", 0.1)
    kept.write_text(EXCLUSION.replace("Monthly", "Weekly"), encoding="utf-8")
    with sqlite3.connect(repository / ".fpctl" / "history.db", isolation_level=None) as holder:
        holder.execute("BEGIN IMMEDIATE")
        outcome = fpctl("list")
        holder.execute("ROLLBACK")
    holder.close()
    assert outcome.code == 0
    assert outcome.err.startswith("note: not in the audit trail: another process has kept the history locked")
    assert fpctl("list").err.count(NOTE) == 1
