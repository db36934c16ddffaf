"""Sessions on a pseudo-terminal, as people have them: what is shown fits the window, and colours are colours."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

import prestarted
from cli.trial import furnish
from fpctl.text.visible import visible
from prestarted import Process
from records_support import RULE_ID

pytest.importorskip("pty", reason="this system has no pseudo-terminals")

SMALL, LARGE = (80, 24), (200, 60)
SCREENS = {"dark": "15;0", "light": "0;15"}
"""COLORFGBG of a terminal."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][AB0]|\r")
_SENTENCE = re.compile(r"\s*\S+: ")
"""What is said of a file or an exclusion: the terminal wraps it, so that paths and commands can be copied whole."""
_SPELLED = re.compile(r"\\x1b|(?<!\x1b)\[\d+m")

BROKEN = "id: fp-2026-0009\nrules: ['*']\nmatch:\n  device: [build09]\nreson: x\n"
DATA = ("--data", "data", "--to", "2026-11-24T12:00:00Z")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("--help",),
    ("run", "--help"),
    ("status",),
    ("list",),
    ("show", "fp-2026-0001"),
    ("rules", "list"),
    ("explain",),
    ("apply", "--diff"),
    ("run", RULE_ID, *DATA),
    ("hits",),
    ("audit",),
    ("tune", RULE_ID, *DATA),
    ("preview", "fp-2026-0001", *DATA),
    ("log",),
)
QUERIES = {"explain", "apply", "show", "preview", "tune"}
"""They print lines of KQL as they are: a query is not broken for a window."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    furnish(tmp_path, {"exclusions/fp-2026-0009.yaml": BROKEN})
    return tmp_path


def session(place: Path, arguments: tuple[str, ...], size: tuple[int, int], screen: str, typed: str = "") -> str:
    """Run fpctl on a terminal of a size, type something, and return all that was written to it."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("FPCTL_", "COLUMNS", "LINES"))}
    bare |= {"TERM": "xterm-256color", "COLORFGBG": SCREENS[screen], "GIT_CEILING_DIRECTORIES": str(place.parent)}
    bare.pop("NO_COLOR", None)
    bare.pop("CI", None)
    with Process(prestarted.session, place, arguments, size, bare, typed) as running:
        code, shown, errors = running.end()
    assert code == 0, errors
    return shown


def rows(text: str) -> list[str]:
    """Return the lines as they stand on the screen: what a progress bar wrote over is gone."""
    plain = _COLOUR.sub("", text)
    return [_CONTROL.sub("", line.rpartition("\r\x1b[2K")[2]) for line in plain.replace("\r\n", "\n").split("\n")]


@pytest.mark.parametrize(
    ("size", "screen", "commands"),
    [
        (SMALL, "dark", COMMANDS),
        (LARGE, "light", tuple(one for one in COMMANDS if one[0] in ("list", "run", "audit"))),
    ],
    ids=["80x24-dark", "200x60-light"],
)
def test_tables_and_help_fit_the_window_and_no_colour_code_is_shown(
    place: Path, size: tuple[int, int], screen: str, commands: tuple[tuple[str, ...], ...]
) -> None:
    for arguments in commands:
        text = session(place, arguments, size, screen, typed="\n" if arguments[0] == "tune" else "")
        shown = rows(text)
        assert any(line.strip() for line in shown), arguments
        assert not _SPELLED.search(_COLOUR.sub("", text)), arguments
        if arguments[0] not in QUERIES:
            wide = [line for line in shown if len(line) > size[0] and not _SENTENCE.match(line)]
            assert wide == [], arguments


def test_an_error_is_red_on_a_terminal_and_plain_without_colours(place: Path) -> None:
    red = session(place, ("list",), SMALL, "dark")
    assert "\x1b[31merror\x1b[0m" in red
    plain = session(place, ("--no-color", "list"), SMALL, "dark")
    assert not _COLOUR.search(plain)
    assert ": error: " in plain


def test_a_question_is_answered_on_the_terminal(place: Path) -> None:
    (place / "exclusions" / "fp-2026-0009.yaml").unlink()
    call = ("add", RULE_ID, "--device", "build77", "--reason", "x", "--owner", "a@contoso.com", "--id", "fp-2026-0300")
    text = session(place, call, SMALL, "dark", typed="y\n")
    assert "Record it?" in text
    assert (place / "exclusions" / "fp-2026-0300.yaml").exists()
    no = session(place, (*call[:-1], "fp-2026-0301"), SMALL, "dark", typed="n\n")
    assert "Record it?" in no
    assert not (place / "exclusions" / "fp-2026-0301.yaml").exists()


def test_a_noisy_rule_is_tuned_in_one_session(place: Path) -> None:
    (place / "exclusions" / "fp-2026-0009.yaml").unlink()
    (place / "rules" / "noisy.kql").write_text("DeviceNetworkEvents\n| where RemotePort == 443\n")
    names = {"DeviceName": "build88", "RemoteUrl": "deploy.contoso.com", "InitiatingProcessFileName": "agent.exe"}
    days = (f"2026-11-{day:02}T0{hour}:00:00Z" for day in range(11, 24) for hour in range(3))
    events = "".join(json.dumps({"Timestamp": day, "RemotePort": 443, **names}) + "\n" for day in days)
    (place / "data" / "DeviceNetworkEvents.jsonl").write_text(events)
    answers = "1\nNightly deployment\na@contoso.com\nCHG0012345\nm.weber@contoso.com\ny\n"
    text = session(place, ("tune", "noisy.kql", *DATA), SMALL, "dark", typed=answers)
    assert "Which one do you want to look at? (1; empty to end)" in text
    assert "39 before, 0 after, 39 suppressed" in text
    assert "1 exclusion added" in text
    assert "// fpctl fp-2026-" in (place / "tuned" / "noisy.kql").read_text()


def test_an_attackers_value_moves_no_cursor(place: Path) -> None:
    names = {"DeviceName": "a\x1b[2Jb", "InitiatingProcessVersionInfoProductName": "rport"}
    event = json.dumps({"Timestamp": "2026-11-24T08:00:00Z", **names}) + "\n"
    (place / "data" / "DeviceNetworkEvents.jsonl").write_text(event)
    text = session(place, ("run", RULE_ID, *DATA), LARGE, "dark")
    assert "\x1b[2J" not in text
    assert visible("a\x1b[2Jb") in text
