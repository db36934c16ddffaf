"""Progress on a terminal: how far the work is and what else there is to know, one bar at a time."""

from __future__ import annotations

import io
import threading

import pytest

from fpctl.cli.shared import output


class Terminal(io.StringIO):
    """A stderr that a person looks at; `seen` is set once a text has been written to it."""

    def __init__(self, awaited: str) -> None:
        super().__init__()
        self.awaited = awaited
        self.seen = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.awaited in self.getvalue():
            self.seen.set()
        return written


def terminal(monkeypatch: pytest.MonkeyPatch, awaited: str) -> Terminal:
    made = Terminal(awaited)
    monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setattr("fpctl.cli.shared.progress.PROGRESS_AFTER", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    return made


def test_the_number_of_steps_and_the_note_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch, "2 failed, 12,345 hits")
    with output.progress("Running rules", 300) as update:
        update(41, "2 failed, 12,345 hits")
        assert screen.seen.wait(20)
    assert "Running rules" in screen.getvalue()
    assert "41/300" in screen.getvalue()


def test_the_time_that_is_left_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch, "0:00:0")
    with output.progress("Running rules", 300) as update:
        for done in range(1, 300):
            update(done)
        assert screen.seen.wait(20)
    assert "Running rules" in screen.getvalue()


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = [1000.0]
    monkeypatch.setattr("fpctl.cli.shared.progress.time.monotonic", lambda: now[0])
    with output.progress("Running rules", 300) as update:
        for done in range(1, 301):
            now[0] += 1.0
            update(done, f"{done} hits")
    assert capsys.readouterr().err.splitlines() == [
        "Running rules: 60 of 300, 60 hits, about 4 minutes left",
        "Running rules: 120 of 300, 120 hits, about 3 minutes left",
        "Running rules: 180 of 300, 180 hits, about 2 minutes left",
        "Running rules: 240 of 300, 240 hits, less than 2 minutes left",
    ]


def test_a_log_gets_no_line_of_what_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress("Reading", 3) as update:
        update(1)
    with output.progress("Asking") as update:
        update(1)
    assert capsys.readouterr().err == ""


def test_work_within_work_shows_no_second_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch, "Outer")
    with output.progress("Outer", 2) as update:
        update(1)
        assert screen.seen.wait(20)
        with output.progress("Inner", 2) as inner:
            inner(1)
        update(2)
    assert "Inner" not in screen.getvalue()


def test_after_it_ended_the_next_one_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with output.progress("First", 1) as update:
        update(1)
    screen = terminal(monkeypatch, "Second")
    with output.progress("Second", 1) as update:
        update(1)
        assert screen.seen.wait(20)
