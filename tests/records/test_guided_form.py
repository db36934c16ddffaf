"""`fpctl add` without options, on a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from fpctl.exclusions.drafts.wizard import run_wizard
from fpctl.rules.loader import load_rules
from records_support import RULE_ID

TODAY = date(2026, 11, 24)
SRC = Path(__file__).resolve().parents[2] / "src"


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


@pytest.fixture
def rules(repository):
    return load_rules(repository / "rules")


def test_the_scenario_decides_what_is_asked_and_its_defaults_are_taken(rules):
    script = Script("1", "2", "srv-web-01, srv-web-02", "", "", "", "", "Reboots in the window", "", "CHG7", "")
    draft = run_wizard(script, rules, TODAY, "a.rossi@contoso.com")
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
    assert script.asked[:3] == [
        "For which rule? (number, id, name, path or glob)",
        "Which scenario?",
        "device: Which hosts are rebooted remotely?",
    ]
    assert (
        'Documented as: process.name == "taskhostw.exe" OR process.command_line CONTAINS "shutdown /r"' in script.said
    )


def test_a_bad_answer_is_explained_and_asked_again(rules):
    script = Script(
        "nosuch", "1", "9", "monitoring-script",
        "mon 01", "mon-01",  # device
        "", "rport.exe",  # parent_process is needed
        "a.ps1 || b.ps1", "", "", "", "",  # command_line, process, hash, account, path
        "", "Monitoring", "x@contoso.com", "", "yesterday", "2026-11-24", "1y",
    )  # fmt: skip
    draft = run_wizard(script, rules, TODAY, None)
    assert draft.match[0]["command_line"] == ("a.ps1", "b.ps1")
    assert draft.ticket is None
    assert draft.expires == date(2027, 11, 24)
    said = "\n".join(script.said)
    assert "no rule matches `nosuch`" in said
    assert "`9` is not one of the choices" in said
    assert "a device name has no spaces" in said
    assert "this scenario needs `parent_process`" in said
    assert "required: a reviewer looks at this first" in said
    assert "`yesterday` is not a valid date" in said
    assert "2026-11-24 is not after today, 2026-11-24" in said


def test_without_a_scenario_a_device_url_or_hash_is_asked_for_until_there_is_one(rules):
    script = Script("Remote*", "0", "", "", "", "x.exe", "", "", "", "a.contoso.com", "", "r", "o", "", "never")
    draft = run_wizard(script, rules, TODAY, None)
    assert draft.rules == (RULE_ID,)
    assert draft.match == ({"process": ("x.exe",), "url": ("a.contoso.com",)},)
    assert draft.expires is None
    assert any("names at least one device, URL or hash" in text for text in script.said)


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
