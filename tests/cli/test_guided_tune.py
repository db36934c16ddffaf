"""`fpctl tune` on a terminal: pick a proposal, see before and after, say why, and it is recorded and applied."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpctl.cli.shared import terminal

RULE = """// name: Remote tool
DeviceNetworkEvents
| where Timestamp > ago(14d)
| where RemotePort == 443
| summarize Count = count() by DeviceName, RemoteUrl
"""
CALL = ("tune", "remote.kql", "--data", "data", "--to", "2026-11-24T00:00:00Z")


def event(day: int, hour: int, device: str, url: str, process: str) -> str:
    time = f"2026-11-{day:02}T{hour:02}:10:00Z"
    names = {"DeviceName": f"{device}.contoso.com", "RemoteUrl": url, "InitiatingProcessFileName": process}
    return json.dumps({"Timestamp": time, "RemotePort": 443, **names}) + "\n"


@pytest.fixture
def noisy(workplace: Path) -> Path:
    for folder in ("rules", "exclusions", "data"):
        (workplace / folder).mkdir()
    (workplace / "fpctl.toml").write_text('[paths]\nout = "tuned"\n')
    (workplace / "rules" / "remote.kql").write_text(RULE)
    lines = [
        event(day, hour, device, "deploy.contoso.com", "agent.exe")
        for day in range(11, 24)
        for hour in (1, 9, 17)
        for device in ("build01", "build02")
    ]
    lines += [event(day, 12, f"ws-{day}", "evil.example", "powershell.exe") for day in range(11, 14)]
    (workplace / "data" / "DeviceNetworkEvents.jsonl").write_text("".join(lines))
    return workplace


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Return a function that gives the answers of the person at the terminal, and the list of the questions."""

    def give(*texts: str) -> list[str]:
        left, asked = list(texts), list[str]()

        def ask(self: object, question: str, default: str | None = None) -> str:
            asked.append(question)
            return left.pop(0) or (default or "")

        monkeypatch.setattr(terminal, "may_ask", lambda: True)
        monkeypatch.setattr(terminal.Terminal, "ask", ask)
        return asked

    return give


def recorded(place: Path) -> list[str]:
    return [path.read_text() for path in sorted((place / "exclusions").iterdir())]


def test_one_command_goes_from_noise_to_the_tuned_rule(fpctl: Callable[..., Any], noisy: Path, answers: Any) -> None:
    asked = answers("1", "Nightly deployment", "a@contoso.com", "CHG0012345", "m.weber@contoso.com", "y")
    outcome = fpctl(*CALL)
    assert outcome.code == 0, outcome.err
    (text,) = recorded(noisy)
    for line in ("reason: Nightly deployment", "owner: a@contoso.com", "ticket: CHG0012345", "status: active"):
        assert f"{line}\n" in text
    assert "evil.example" not in text
    assert "// fpctl fp-2026-" in (noisy / "tuned" / "remote.kql").read_text()
    assert len(asked) == 6
    shown = outcome.out.partition("All together")[2]
    assert "+| where not(" in shown
    assert "Events at the clause: 81 before, 3 after, 78 suppressed" in shown
    assert "Result rows: 5 before, 3 after" in shown
    assert "Tests: none; fpctl capture saves an attack that must still fire" in shown
    assert "Risk: " in shown


def test_without_an_approver_it_is_a_draft_and_nothing_is_applied(
    fpctl: Callable[..., Any], noisy: Path, answers: Any
) -> None:
    answers("1", "Nightly deployment", "a@contoso.com", "", "")
    outcome = fpctl(*CALL)
    (text,) = recorded(noisy)
    assert "status: draft\n" in text
    assert "as a draft: no approval yet\nhave it approved: fpctl approve fp-2026-" in outcome.err
    assert not (noisy / "tuned").exists()


def test_the_owner_is_refused_as_approver_and_somebody_else_is_asked_for(
    fpctl: Callable[..., Any], noisy: Path, answers: Any
) -> None:
    answers("1", "Nightly deployment", "a@contoso.com", "", "A@contoso.com", "m@contoso.com", "n")
    outcome = fpctl(*CALL)
    assert "A@contoso.com owns fp-2026-" in outcome.err
    assert "write it later: fpctl apply --out tuned" in outcome.err
    (text,) = recorded(noisy)
    assert "approved_by: m@contoso.com\n" in text


@pytest.mark.parametrize("texts", [("",), ("1", "")], ids=["none-chosen", "no-reason"])
def test_nothing_is_recorded_without_a_choice_and_a_reason(
    fpctl: Callable[..., Any], noisy: Path, answers: Any, texts: tuple[str, ...]
) -> None:
    answers(*texts)
    outcome = fpctl(*CALL)
    assert (outcome.code, recorded(noisy)) == (0, [])
    assert "nothing was recorded" in outcome.err


def test_a_wrong_number_is_asked_again(fpctl: Callable[..., Any], noisy: Path, answers: Any) -> None:
    asked = answers("x", "9", "")
    assert fpctl(*CALL).code == 0
    assert len(asked) == 3


def test_elsewhere_nothing_is_asked(fpctl: Callable[..., Any], noisy: Path) -> None:
    outcome = fpctl(*CALL)
    assert outcome.code == 0
    assert "clause          | where not(" in outcome.out
    assert "record some of them as drafts: --accept 1,2" in outcome.err


def test_events_that_nothing_identifies_are_said_with_the_cure(fpctl: Callable[..., Any], noisy: Path) -> None:
    (noisy / "rules" / "badge.kql").write_text("Badge_CL\n| where Door_s == 'lab'\n")
    rows = [f"2026-11-{day:02}T01:00:00Z,lab,cleaner\n" for day in range(11, 24)]
    (noisy / "data" / "Badge_CL.csv").write_text("TimeGenerated,Door_s,Person_s\n" + "".join(rows))
    outcome = fpctl("tune", "badge.kql", *CALL[2:])
    assert "Nothing is proposed: no column that these events have is known to identify them\n" in outcome.out
    assert '[fields.TABLE] account = ["Column"] in fpctl.toml' in outcome.out
