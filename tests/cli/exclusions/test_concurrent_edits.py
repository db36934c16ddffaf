"""Two commands at once: what the other has written since this one read the files is kept, or this one is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import prestarted
from fpctl.cli.shared.audit_log import AuditLog
from prestarted import Process
from records_support import EXCLUSION

Meanwhile = Callable[[Callable[[], object]], None]

LISTED = 'id: fp-1\nrules: ["*"]\nmatch: {hash: ["@lists/agents.txt"]}\n'
FIRST, OURS, THEIRS = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Return a function that has something done between the reading of a command and its writing."""
    record = AuditLog.record

    def arrange(change: Callable[[], object]) -> None:
        def after_change(self: AuditLog, *arguments: object, **more: object) -> None:
            monkeypatch.setattr(AuditLog, "record", record)
            change()
            record(self, *arguments, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(AuditLog, "record", after_change)

    return arrange


@pytest.fixture
def listed(repository: Path) -> Path:
    (repository / "exclusions" / "fp-1.yaml").write_text(LISTED, encoding="utf-8")
    (repository / "exclusions" / "lists").mkdir()
    path = repository / "exclusions" / "lists" / "agents.txt"
    path.write_text(f"{FIRST}\n", encoding="utf-8")
    return path


def test_a_value_that_another_command_adds_to_a_list_stays(fpctl, listed, meanwhile):
    meanwhile(lambda: fpctl("lists", "add", "agents", THEIRS))
    assert fpctl("lists", "add", "agents", OURS).code == 0
    assert listed.read_text() == f"{FIRST}\n{THEIRS}\n{OURS}\n"
    events = fpctl("log", "fp-1", "--format", "json").json["entries"]
    changes = [change for event in events for change in event["changes"] if event["action"] == "list changed"]
    assert [change["before"] for change in changes] == [[FIRST, THEIRS], [FIRST]]


def test_a_value_that_another_command_adds_stays_when_one_is_removed(fpctl, listed, meanwhile):
    meanwhile(lambda: fpctl("lists", "add", "agents", THEIRS))
    assert fpctl("lists", "remove", "agents", FIRST).code == 0
    assert listed.read_text() == f"{THEIRS}\n"


def test_the_last_value_stays_though_another_command_removes_the_others(fpctl, listed, meanwhile):
    fpctl("lists", "add", "agents", OURS)
    meanwhile(lambda: fpctl("lists", "remove", "agents", FIRST))
    outcome = fpctl("lists", "remove", "agents", OURS)
    assert outcome.code == 2
    assert listed.read_text() == f"{OURS}\n"


def with_owner(path: Path) -> None:
    path.write_text(path.read_text().replace("reason:", "owner: new@contoso.com\nreason:"), encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("renew", "fp-2026-0001", "--until", "2027-10-01"), "expires: 2027-10-01"),
        (("retire", "fp-2026-0001", "--reason", "servers are gone"), "status: retired\n"),
    ],
)
def test_what_another_changes_in_the_file_stays(fpctl, recorded, meanwhile, command, expected):
    recorded.write_text("\n".join(line for line in EXCLUSION.splitlines() if "owner" not in line) + "\n")
    meanwhile(lambda: with_owner(recorded))
    assert fpctl(*command).code == 0
    text = recorded.read_text()
    assert "owner: new@contoso.com\n" in text
    assert expected in text


def test_retiring_keeps_the_notes_that_another_writes(fpctl, recorded, meanwhile):
    meanwhile(lambda: recorded.write_text(EXCLUSION.rstrip("\n") + "\nnotes: seen by the SOC\n"))
    assert fpctl("retire", "fp-2026-0001", "--reason", "servers are gone").code == 0
    text = recorded.read_text()
    assert "seen by the SOC" in text
    assert "servers are gone" in text


def test_retiring_what_another_retires_at_the_same_time_is_no_error(fpctl, recorded, meanwhile):
    meanwhile(lambda: fpctl("retire", "fp-2026-0001", "--reason", "theirs"))
    assert fpctl("retire", "fp-2026-0001", "--reason", "ours").code == 0
    assert "theirs" in recorded.read_text()
    assert "ours" not in recorded.read_text()


def test_nobody_approves_what_they_have_not_seen(fpctl, recorded, meanwhile):
    wider = EXCLUSION.replace("msiexec.exe", "powershell.exe")
    meanwhile(lambda: recorded.write_text(wider))
    outcome = fpctl("approve", "fp-2026-0001", "--by", "m.weber@contoso.com")
    assert (outcome.code, recorded.read_text()) == (2, wider)
    assert "fp-2026-0001 was changed by someone else in the meantime" in outcome.err


def test_what_is_removed_meanwhile_is_an_error_and_nothing_is_written(fpctl, recorded, meanwhile):
    meanwhile(recorded.unlink)
    assert fpctl("renew", "fp-2026-0001", "--until", "2027-10-01").code == 2
    assert not recorded.exists()


def test_an_id_that_another_takes_meanwhile_is_refused(fpctl, repository, meanwhile):
    path = repository / "exclusions" / "a1.yaml"
    meanwhile(lambda: path.write_text("theirs"))
    outcome = fpctl("add", "--rule", "*", "--device", "build01", "--id", "a1", "--owner", "me", "--yes")
    assert (outcome.code, path.read_text()) == (2, "theirs")


def test_without_a_trail_too_no_value_is_lost(repository, listed):
    """Real processes at once; the history cannot be used, so only the folder's lock keeps them apart."""
    (repository / ".fpctl").mkdir()
    (repository / ".fpctl" / "history.db").mkdir()
    values = [letter * 64 for letter in "bcdef9"]
    started = [Process(prestarted.fpctl, repository, ["lists", "add", "agents", value]) for value in values]
    for process in started:
        with process:
            code, _, errors = process.end()
        assert code == 0, errors
    assert sorted(listed.read_text().split()) == sorted([FIRST, *values])
