"""`fpctl log`: every verb leaves an entry, changes outside are noticed, and tampering is found."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import subprocess
from contextlib import closing

import pytest

from fpctl.history.history import History
from records_support import EXCLUSION, RULE_ID, SHA256

WHO = "A. Rossi <a.rossi@contoso.com>"


@pytest.fixture
def as_rossi(repository):
    """Make the repository one of git, in which A. Rossi works."""
    for arguments in (
        ["init", "-q"],
        ["config", "user.name", "A. Rossi"],
        ["config", "user.email", "a.rossi@contoso.com"],
    ):
        subprocess.run(["git", *arguments], cwd=repository, check=True)


def tampered(repository, *statements: str) -> None:
    with closing(sqlite3.connect(repository / ".fpctl" / "history.db")) as connection:
        connection.execute("DROP TRIGGER trail_keeps_UPDATE")
        connection.execute("DROP TRIGGER trail_keeps_DELETE")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def entries(fpctl, *arguments: str) -> list[tuple[str, str, bool]]:
    outcome = fpctl("log", *arguments, "--format", "json")
    assert outcome.code == 0, outcome.err
    found = [(entry["exclusion"], entry["action"], entry["outside"]) for entry in outcome.json["entries"]]
    return [entry for entry in found if entry != ("", "history begun", False)]


def test_every_verb_leaves_an_entry(fpctl, recorded, as_rossi):
    fpctl("renew", "fp-2026-0001", "--until", "2027-10-01")
    fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com")
    fpctl("retire", "fp-2026-0001", "--reason", "servers are gone")
    outcome = fpctl("log", "fp-2026-0001", "--format", "json")
    assert outcome.code == 0, outcome.err
    found = outcome.json["entries"]
    assert [entry["action"] for entry in found] == ["retired", "approved", "renewed", "found"]
    assert [entry["who"] for entry in found] == [WHO, WHO, WHO, "unknown"]
    assert found[0]["reason"] == "servers are gone"
    assert found[2]["changes"] == [
        {"field": "expires", "before": "2027-05-01", "after": "2027-10-01", "partial": False}
    ]


def test_add_and_edit_leave_an_entry(fpctl, repository, as_rossi, monkeypatch):
    added = fpctl("add", "--rule", RULE_ID, "--device", "build01", "--id", "fp-new", "--reason", "x", "--yes")
    assert added.code == 0, added.err
    monkeypatch.setenv("EDITOR", "sed -i s/build01/build07/")
    assert fpctl("edit", "fp-new").code == 0
    assert entries(fpctl) == [("fp-new", "edited", False), ("fp-new", "added", False)]


def test_a_changed_list_leaves_an_entry_for_each_exclusion_that_uses_it(fpctl, repository):
    (repository / "exclusions" / "lists").mkdir()
    (repository / "exclusions" / "lists" / "agents.txt").write_text(f"{SHA256}\n", encoding="utf-8")
    (repository / "exclusions" / "fp-1.yaml").write_text(
        f'id: fp-1\nrules: [{RULE_ID}]\nmatch: {{hash: "@lists/agents.txt"}}\n', encoding="utf-8"
    )
    outcome = fpctl("lists", "add", "agents", "f" * 64)
    assert outcome.code == 0, outcome.err
    assert entries(fpctl) == [("fp-1", "list changed", False), ("fp-1", "found", True)]


def test_a_change_by_hand_is_noticed_by_log_itself(fpctl, recorded):
    fpctl("log")
    recorded.write_text(EXCLUSION.replace("2027-05-01", "2029-05-01"), encoding="utf-8")
    outcome = fpctl("log", "--limit", "1")
    assert outcome.err == "note: changed outside fpctl and recorded as such: fp-2026-0001 (fpctl log)\n"
    head, _, line = outcome.out.splitlines()
    assert head.split() == ["no", "when", "(UTC)", "who", "what", "about", "change"]
    assert re.split(" {2,}", line.strip()) == [
        "3", "2026-11-24 12:00:00", "unknown", "changed outside", "fp-2026-0001", "expires: 2027-05-01 -> 2029-05-01",
    ]  # fmt: skip


def test_run_notices_what_was_changed_by_hand(fpctl, recorded, write_events):
    data = write_events([{"Timestamp": "2026-11-24T10:00:00Z", "DeviceName": "build01"}])
    fpctl("run", "--data", data)
    recorded.write_text(EXCLUSION.replace("msiexec.exe", "setup.exe"), encoding="utf-8")
    outcome = fpctl("run", "--data", data)
    assert "note: changed outside fpctl and recorded as such: fp-2026-0001 (fpctl log)\n" in outcome.err
    assert entries(fpctl) == [("fp-2026-0001", "changed", True), ("fp-2026-0001", "found", True)]


def test_another_folder_than_the_usual_one_makes_nothing_gone(fpctl, recorded, repository):
    fpctl("log")
    (repository / "other").mkdir()
    assert entries(fpctl, "--exclusions", "other") == [("fp-2026-0001", "found", True)]
    recorded.unlink()
    assert entries(fpctl) == [("fp-2026-0001", "removed", True), ("fp-2026-0001", "found", True)]


def test_a_trail_that_cannot_be_written_stops_nobody(fpctl, recorded, repository):
    (repository / ".fpctl").write_text("no folder", encoding="utf-8")
    outcome = fpctl("renew", "fp-2026-0001", "--until", "2027-10-01")
    assert outcome.code == 0
    assert outcome.err.startswith("note: not in the audit trail: cannot create the history's folder: ")
    assert "expires: 2027-10-01  # the contract ends" in recorded.read_text(encoding="utf-8")


def test_a_change_that_is_refused_leaves_no_entry(fpctl, recorded):
    fpctl("log")
    assert fpctl("renew", "fp-2026-0001", "--until", "2026-12-01").code == 2
    assert entries(fpctl) == [("fp-2026-0001", "found", True)]


def test_csv_has_every_column(fpctl, recorded):
    rows = list(csv.DictReader(io.StringIO(fpctl("log", "--format", "csv").out)))
    assert [(row["number"], row["action"], row["outside"], row["exclusion"]) for row in rows] == [
        ("2", "found", "yes", "fp-2026-0001"),
        ("1", "history begun", "no", ""),
    ]
    assert 'match.0.process: ["msiexec.exe"]' in rows[0]["changes"]


def test_since_leaves_out_what_is_older(fpctl, recorded):
    fpctl("log")
    outcome = fpctl("log", "--since", "2026-11-25")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "No entry.\n")


def test_an_exclusion_without_an_entry_is_an_error_with_the_nearest(fpctl, recorded):
    outcome = fpctl("log", "fp-2026-0002")
    assert outcome.code == 2
    assert outcome.err == (
        "fpctl: the audit trail has no exclusion `fp-2026-0002`\n  hint: did you mean `fp-2026-0001`?\n"
    )


def test_verify_says_that_all_is_well_and_which_entry_is_the_last(fpctl, recorded, repository):
    fpctl("log")
    with History.open(repository / ".fpctl" / "history.db") as history:
        entry, first = history.trail.entries()
    outcome = fpctl("log", "verify")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == f"2 entries, all unchanged, the last is 2:{entry.hash}@{first.hash[:8]}\n"
    assert fpctl("log", "verify", "--expect", f"2:{entry.hash[:12]}").code == 0
    other = fpctl("log", "verify", "--expect", "2:aaaaaaaa")
    assert other.code == 1
    assert other.out == ("entry 2 (fp-2026-0001) does not match the noted hash: the chain was rewritten\n")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE trail SET body = replace(body, 'unknown', 'nobody') WHERE number = 2",
            "entry 2 (fp-2026-0001) was edited: its text does not match its hash\n",
        ),
        (
            "DELETE FROM trail WHERE number = 3",
            "entry 3 was removed: the next entry has its hash, but it is missing\n",
        ),
        (
            "INSERT INTO trail SELECT 4, 'fp-x', at, NULL, 'x', body FROM trail WHERE number = 1",
            "entry 4 (fp-x) was inserted: the head does not count it\n",
        ),
    ],
)  # fmt: skip
def test_verify_names_the_entry_that_was_tampered_with(fpctl, recorded, repository, statement, said):
    fpctl("renew", "fp-2026-0001", "--until", "2027-10-01")
    tampered(repository, statement)
    outcome = fpctl("log", "verify")
    assert outcome.code == 1
    assert outcome.out.startswith(said)
    assert outcome.err.endswith("findings: the audit trail is not what fpctl wrote\n")
    findings = fpctl("log", "verify", "--format", "json").json["findings"]
    assert [finding["kind"] == "trigger" for finding in findings] == [False, True, True]


def test_verify_without_a_history_is_an_error(fpctl, recorded):
    outcome = fpctl("log", "verify")
    assert outcome.code == 2
    assert "there is no history here yet" in outcome.err


@pytest.mark.parametrize("noted", ["7", "x:aaaaaaaa", "1:short", "0:aaaaaaaa"])
def test_what_is_no_entry_with_its_hash_is_refused(fpctl, recorded, noted):
    outcome = fpctl("log", "verify", "--expect", noted)
    assert outcome.code == 2
    assert f"`{noted}` is not an entry's number and hash" in " ".join(outcome.err.split())


def test_expect_goes_with_verify_only(fpctl, recorded):
    assert "--expect goes with verify" in " ".join(fpctl("log", "--expect", "1:aaaaaaaa").err.split())


def test_control_characters_of_a_name_do_not_reach_the_terminal(fpctl, recorded, as_rossi, repository):
    subprocess.run(["git", "config", "user.name", "Evil\x1b[2J"], cwd=repository, check=True)
    fpctl("renew", "fp-2026-0001", "--until", "2027-10-01")
    shown = fpctl("log").out
    assert "\x1b" not in shown
    assert "Evil\\x1b[2J" in shown


@pytest.fixture
def anchored(fpctl, recorded, repository, as_rossi):
    """Return the anchor of the trail, as a commit of the repository notes it."""
    fpctl("log")
    anchor = fpctl("log", "verify", "--format", "json").json["anchor"]
    git = ("git", "-c", "commit.gpgsign=false")
    subprocess.run([*git, "add", "exclusions"], cwd=repository, check=True)
    message = f"Record exclusions\n\nFpctl-Trail: {anchor}\n"
    subprocess.run([*git, "commit", "-q", "-m", message], cwd=repository, check=True)
    return anchor


def test_verify_expects_by_itself_what_a_commit_notes(fpctl, anchored):
    fpctl("renew", "fp-2026-0001", "--until", "2027-10-01")
    outcome = fpctl("log", "verify")
    assert outcome.code == 0
    assert re.search(r"\nentry 2 matches the one noted \(git commit [0-9a-f]{12}\)\n$", outcome.out)


def test_a_history_that_was_deleted_is_found_by_the_next_run_and_by_verify(
    fpctl, anchored, repository, write_events, monkeypatch
):
    monkeypatch.setenv("CI", "true")
    data = write_events([{"Timestamp": "2026-11-24T10:00:00Z", "DeviceName": "build01"}])
    assert fpctl("run", "--data", data).code == 0
    for path in (repository / ".fpctl").glob("history.db*"):
        path.unlink()
    outcome = fpctl("run", "--data", data)
    assert outcome.code == 1
    assert "fpctl: the audit trail is not the one that git commit" in outcome.err
    assert "the history was replaced, or this is another one" in fpctl("log", "verify").out


def test_a_trail_that_was_rewritten_from_an_entry_on_is_found_on_every_machine(
    fpctl, anchored, repository, write_events
):
    number, noted = anchored.partition("@")[0].split(":")
    message = f"Note\n\nFpctl-Trail: {number}:{'f' * len(noted)}@{anchored.partition('@')[2]}\n"
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", message], cwd=repository, check=True)
    data = write_events([{"Timestamp": "2026-11-24T10:00:00Z", "DeviceName": "build01"}])
    outcome = fpctl("run", "--data", data)
    assert (outcome.code, "the chain was rewritten" in outcome.err) == (1, True)


def test_another_history_than_the_team_has_is_no_finding_on_a_persons_machine(
    fpctl, anchored, repository, write_events, monkeypatch
):
    monkeypatch.delenv("CI", raising=False)
    for path in (repository / ".fpctl").glob("history.db*"):
        path.unlink()
    data = write_events([{"Timestamp": "2026-11-24T10:00:00Z", "DeviceName": "build01"}])
    outcome = fpctl("run", "--data", data, "--format", "json")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.fullmatch(r"2:[0-9a-f]{64}@[0-9a-f]{8}", outcome.json["trail"])


def test_a_run_in_ci_prints_the_last_entry(fpctl, recorded, write_events, monkeypatch):
    monkeypatch.setenv("CI", "true")
    data = write_events([{"Timestamp": "2026-11-24T10:00:00Z", "DeviceName": "build01"}])
    assert re.search(r"audit trail: 2:[0-9a-f]{64}@[0-9a-f]{8}\n", fpctl("run", "--data", data).err)
