"""`fpctl add` without options, on a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.drafts.wizard import FormSetting, run_wizard
from fpctl.exclusions.loader import ExclusionSet
from fpctl.repository.model import open_repository
from fpctl.repository.recording import columns_for_rules
from fpctl.rules.loader import load_rules
from records_support import RULE_ID

TODAY = date(2026, 11, 24)
SRC = Path(__file__).resolve().parents[3] / "src"


class Script:
    """Answers in order; an exhausted script is a failure of the form."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.said: list[str] = []

    def ask(self, question: str, default: str | None = None) -> str:
        self.asked.append(question)
        return self.answers.pop(0) or default or ""

    def say(self, text: str) -> None:
        self.said.append(text)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a form."""

    draft: DraftExclusion
    script: Script
    previewed: list[DraftExclusion]


def form(repository: Path, *answers: str, refused: Sequence[str | None] = (), **given: Any) -> Asked:
    """Fill the form in; `refused` are the answers of the preview, one after the other, then None."""
    opened = open_repository(load_rules(repository / "rules"), ExclusionSet((), ()), root=repository)
    script = Script(*answers)
    previewed: list[DraftExclusion] = []
    outcomes = list(refused)

    def preview(draft: DraftExclusion) -> str | None:
        previewed.append(draft)
        script.asked.append("(preview)")
        return outcomes.pop(0) if outcomes else None

    base = DraftExclusion(**{"rules": (), "match": ({},), "created": TODAY, **given})
    setting = FormSetting(
        opened.rules, TODAY, base, "a.rossi@contoso.com", lambda rules: columns_for_rules(rules, opened, TODAY), preview
    )
    return Asked(run_wizard(script, setting), script, previewed)


def keys(asked: Asked) -> list[str]:
    return [question.split(":")[0].split(" (")[0] for question in asked.script.asked]


def test_the_scenario_decides_what_is_asked_and_its_defaults_are_taken(repository):
    asked = form(
        repository, "1", "2", "srv-web-01, srv-web-02", "", "", "", "", "Reboots in the window", "", "CHG7", ""
    )
    draft = asked.draft
    assert draft.rules == (RULE_ID,)
    assert draft.scenario == "remote-reboot"
    assert draft.match == (
        {
            "device": ("srv-web-01", "srv-web-02"),
            "process": ("taskhostw.exe",),
            "command_line": ("shutdown /r",),
        },
    )
    assert (draft.reason, draft.owner, draft.ticket) == ("Reboots in the window", "a.rossi@contoso.com", "CHG7")
    assert (draft.created, draft.expires) == (TODAY, date(2027, 2, 22))
    assert asked.script.asked[:3] == [
        "For which rule? (number, id, name, path or glob)",
        "Which scenario?",
        "device: Which hosts are rebooted remotely?",
    ]
    documented = 'Documented as: process.name == "taskhostw.exe" OR process.command_line CONTAINS "shutdown /r"'
    assert documented in asked.script.said


def test_a_bad_answer_is_explained_and_asked_again(repository):
    asked = form(
        repository,
        "nosuch", "1", "99", "monitoring-script",
        "mon 01", "mon-01",  # device
        "", "rport.exe",  # parent_process is needed
        "a.ps1 || b.ps1", "", "", "", "",  # command_line, process, hash, account, path
        "", "Monitoring", "x@contoso.com", "", "yesterday", "2026-11-24", "1y",
    )  # fmt: skip
    draft = asked.draft
    assert draft.match[0]["command_line"] == ("a.ps1", "b.ps1")
    assert draft.ticket is None
    assert draft.expires == date(2027, 11, 24)
    said = "\n".join(asked.script.said)
    assert "no rule matches `nosuch`" in said
    assert "`99` is not one of the scenarios" in said
    assert "a device name has no spaces" in said
    assert "this scenario needs `parent_process`" in said
    assert "required: a reviewer looks at this first" in said
    assert "`yesterday` is not a valid date" in said
    assert "2026-11-24 is not after today, 2026-11-24" in said


SIGN_INS = "SigninLogs\n| where ResultType != '0'\n| project TimeGenerated, UserPrincipalName, IPAddress, AppId\n"


@pytest.fixture
def sign_ins(repository: Path) -> Path:
    """Return a repository with a rule on sign-ins."""
    (repository / "rules" / "signins.kql").write_text(SIGN_INS, encoding="utf-8")
    return repository


def test_only_fields_that_the_rule_has_are_asked_for(sign_ins):
    asked = form(sign_ins, "signins", "", "svc@contoso.com", "", "10.1.2.3", "", "Backup", "", "", "")
    assert keys(asked) == [
        "For which rule?", "Which scenario?", "account", "app", "ip", "device", "(preview)",
        "Why is this benign?", "Who owns the exclusion?", "Ticket or change number", "Until when?",
    ]  # fmt: skip
    assert asked.draft.match == ({"account": ("svc@contoso.com",), "ip": ("10.1.2.3",)},)


def test_what_an_option_gave_is_not_asked(sign_ins):
    asked = form(
        sign_ins, "", "0a1b2c3d-0000-4000-8000-000000000001", "", "", "CHG1", "",
        rules=("signins",), match=({"account": ("svc@contoso.com",)},), reason="Backup", owner="o@contoso.com",
    )  # fmt: skip
    assert keys(asked) == [
        "Which scenario?", "app", "ip", "device", "(preview)", "Ticket or change number", "Until when?"
    ]  # fmt: skip
    assert asked.draft.match[0]["account"] == ("svc@contoso.com",)
    assert asked.draft.reason == "Backup"


def test_a_question_mark_explains_a_field_and_names_its_columns(sign_ins):
    asked = form(sign_ins, "?", "svc@contoso.com", "", "10.1.2.3", "", "r", "", "", "", rules=("signins",), scenario="")
    (text,) = [text for text in asked.script.said if text.startswith("account: ")]
    assert "`user@domain`" in text
    assert "In this rule: UserPrincipalName, UserId." in text


def test_a_smaller_sign_goes_back_and_the_answer_stays(sign_ins):
    asked = form(
        sign_ins, "svc@contoso.com", "<", "", "", "10.1.2.3", "", "<", "", "r", "", "", "",
        rules=("signins",), scenario="",
    )  # fmt: skip
    assert keys(asked)[:9] == [
        "account", "app", "account", "app", "ip", "device", "(preview)", "Why is this benign?", "device"
    ]  # fmt: skip
    assert asked.draft.match == ({"account": ("svc@contoso.com",), "ip": ("10.1.2.3",)},)
    assert len(asked.previewed) == 2


def test_what_does_not_identify_is_asked_for_again_with_the_answers_kept(sign_ins):
    asked = form(
        sign_ins,
        "svc@contoso.com",
        "",
        "",
        "",
        "",
        "",
        "10.1.2.3",
        "",
        "r",
        "",
        "",
        "",
        rules=("signins",),
        scenario="",
    )
    assert asked.draft.match == ({"account": ("svc@contoso.com",), "ip": ("10.1.2.3",)},)
    said = "\n".join(asked.script.said)
    assert "Without a device, url or hash, or account and ip, or account and app" in said


def test_what_the_preview_refuses_is_asked_for_again_before_the_reason(sign_ins):
    asked = form(
        sign_ins, "svc@contoso.com", "", "10.1.2.3", "", "", "", "10.9.9.9", "", "r", "", "", "",
        refused=["It cannot be placed."], rules=("signins",), scenario="",
    )  # fmt: skip
    assert [draft.match[0]["ip"] for draft in asked.previewed] == [("10.1.2.3",), ("10.9.9.9",)]
    assert keys(asked).index("Why is this benign?") > keys(asked).index("(preview)")
    assert "It cannot be placed." in asked.script.said


def test_a_hyphen_leaves_out_what_is_proposed(repository):
    asked = form(repository, "1", "2", "srv-web-01", "-", "", "", "", "r", "", "", "never")
    assert asked.draft.match == ({"device": ("srv-web-01",), "command_line": ("shutdown /r",)},)
    assert asked.draft.expires is None


def test_a_person_at_a_terminal_is_led_through_and_asked_before_anything_is_written(repository):
    """The whole program on a pseudo-terminal."""
    answers = [
        (b"For which rule?", b"1\n"),
        (b"Which scenario?", b"remote-reboot\n"),
        (b"device:", b"srv-web-01\n"),
        (b"process:", b"\n"),
        (b"command_line:", b"\n"),
        (b"account:", b"\n"),
        (b"ip:", b"\n"),
        (b"Why is this benign?", b"Reboots\n"),
        (b"Who owns", b"a.rossi@contoso.com\n"),
        (b"Ticket", b"\n"),
        (b"Until when?", b"30d\n"),
        (b"Record it?", b"y\n"),
    ]
    code, screen = on_a_terminal(repository, ["add", "--id", "a1"], answers)
    assert code == 0, screen
    text = (repository / "exclusions" / "a1.yaml").read_text(encoding="utf-8")
    assert "match:\n  device: [srv-web-01]\n  process: [taskhostw.exe]\n  command_line: [shutdown /r]\n" in text
    assert "+| where not(" in screen


def test_ctrl_c_in_the_form_writes_nothing(repository):
    code, screen = on_a_terminal(repository, ["add"], [(b"For which rule?", b"1\n"), (b"Which scenario?", b"\x03")])
    assert code == 2
    assert "fpctl: interrupted, nothing was done" in screen
    assert list((repository / "exclusions").iterdir()) == []


def on_a_terminal(folder, arguments, answers):
    """Run fpctl with a pseudo-terminal as its three streams; answer each prompt when it is there."""
    master, slave = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(SRC), "TERM": "xterm", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "fpctl", *arguments],
        cwd=folder, stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True, start_new_session=True,
        preexec_fn=_take_the_terminal,
    )  # fmt: skip
    os.close(slave)
    screen = b""
    waiting = list(answers)
    seen = 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if waiting and waiting[0][0] in screen[seen:]:
            seen = len(screen)
            os.write(master, waiting.pop(0)[1])
        if not select.select([master], [], [], 0.1)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            more = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        screen += more
    try:
        code = process.wait(10)
    finally:
        process.kill()
        os.close(master)
    return code, screen.decode("utf-8", "replace").replace("\r\n", "\n")


def _take_the_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
