"""What needs attention goes to a webhook, each once, and what is in it stays text."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from console_support import EVENTS, EXCLUSION, RULE
from fpctl.cli.app import run
from fpctl.errors import FpctlError
from fpctl.notify.formats import FORMATS, MOST
from fpctl.notify.notices import Notice
from fpctl.notify.webhook import check_address, send


class Receiver:
    """A webhook on this machine: keeps what it gets, and answers as told."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.answers: list[int | str] = []
        """A status each, `silent` for none, `reset` for a connection that is torn down; 200 at the end."""
        self.retry_after: str | None = None
        self.closing = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.bodies.append(json.loads(body))
                status = outer.answers.pop(0) if outer.answers else 200
                if status == "silent":
                    outer.closing.wait(10)
                    return
                if status == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    self.close_connection = True
                    return
                assert isinstance(status, int)
                self.send_response(status)
                if status in (429, 503) and outer.retry_after is not None:
                    self.send_header("retry-after", outer.retry_after)
                if status in (301, 302, 307, 308):
                    self.send_header("location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/hook?key=secret-of-the-hook"
        self.thread = Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> Path:
    for name in ("rules", "exclusions", "data"):
        (tmp_path / name).mkdir()
    (tmp_path / "rules" / "remote.yaml").write_text(RULE)
    (tmp_path / "exclusions" / "fp-2026-0001.yaml").write_text(EXCLUSION)
    (tmp_path / "data" / "DeviceProcessEvents.csv").write_text(EVENTS)
    (tmp_path / "fpctl.toml").write_text('[paths]\ndata = "data"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FPCTL_WEBHOOK", receiver.address)
    return tmp_path


@pytest.mark.parametrize("kind", ["teams", "slack", "json"])
def test_a_notice_is_sent_once(
    kind: str, repository: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["notify", "--as", kind, "--on", "2026-11-24"]) == 0
    assert len(receiver.bodies) == 1
    assert "fp-2026-0001" in json.dumps(receiver.bodies[0]).replace("\\\\", "")
    assert run(["notify", "--as", kind, "--on", "2026-11-24"]) == 0
    assert len(receiver.bodies) == 1
    assert "0 notices sent, 1 sent before" in capsys.readouterr().err


def test_a_new_expiry_date_is_news(repository: Path, receiver: Receiver) -> None:
    assert run(["notify", "--as", "json", "--on", "2026-11-24"]) == 0
    file = repository / "exclusions" / "fp-2026-0001.yaml"
    file.write_text(EXCLUSION.replace("2026-12-10", "2026-12-11"))
    assert run(["notify", "--as", "json", "--on", "2026-11-24"]) == 0
    assert len(receiver.bodies) == 2


def test_what_was_not_taken_is_sent_again(
    repository: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answers = [400]
    assert run(["notify", "--on", "2026-11-24"]) == 2
    error = capsys.readouterr().err
    assert "answers 400" in error
    assert "secret-of-the-hook" not in error
    assert run(["notify", "--on", "2026-11-24"]) == 0
    assert len(receiver.bodies) == 2


def test_a_busy_webhook_is_tried_again(receiver: Receiver) -> None:
    receiver.answers = [503, 429]
    waits: list[float] = []
    send(receiver.address, {"text": "x"}, sleep=waits.append)
    assert (len(receiver.bodies), waits) == (3, [2.0, 4.0])


def test_a_webhook_is_left_alone_for_as_long_as_it_asks(receiver: Receiver) -> None:
    receiver.answers, receiver.retry_after = [429, 503], "17"
    waits: list[float] = []
    send(receiver.address, {"text": "x"}, sleep=waits.append)
    assert (len(receiver.bodies), waits) == (3, [17.0, 17.0])


def test_a_webhook_that_asks_for_an_hour_is_left_to_the_next_run(receiver: Receiver) -> None:
    receiver.answers, receiver.retry_after = [429], "3600"
    with pytest.raises(FpctlError, match=r"answers 429 and asks to wait for 3,600 seconds"):
        send(receiver.address, {"text": "x"}, sleep=lambda _: None)
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("first", ["silent", "reset", 503])
def test_a_message_arrives_after_a_failure(
    first: int | str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpctl.notify.webhook.TIMEOUT", 0.3)
    receiver.answers = [first]
    send(receiver.address, {"text": "x"}, sleep=lambda _: None)
    assert receiver.bodies == [{"text": "x"}] * 2


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("silent", "does not respond (ReadTimeout)"),
        ("reset", "does not respond (ConnectionError)"),
        (503, "answers 503"),
        (429, "answers 429"),
    ],
)
def test_what_failed_to_the_end_is_sent_by_the_next_run_and_once(
    failure: int | str,
    said: str,
    repository: Path,
    receiver: Receiver,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fpctl.notify.webhook.TIMEOUT", 0.3)
    monkeypatch.setattr("fpctl.notify.webhook.TRIES", 2)
    receiver.answers, receiver.retry_after = [failure] * 2, "0.01"
    monkeypatch.setattr("fpctl.notify.webhook.time.sleep", lambda _: None)
    assert run(["notify", "--on", "2026-11-24"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "secret-of-the-hook" not in error
    receiver.bodies.clear()
    assert run(["notify", "--on", "2026-11-24"]) == 0
    assert run(["notify", "--on", "2026-11-24"]) == 0
    assert len(receiver.bodies) == 1


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [307]
    with pytest.raises(FpctlError, match="answers 307"):
        send(receiver.address, {"text": "x"}, sleep=lambda _: None)
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize(
    "address", ["", "hook", "ftp://x/", "http://hooks.example.com/x", "https://u:p@h/x", "https://"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(FpctlError, match="webhook"):
        check_address(address)


def test_nothing_is_sent_dry(repository: Path, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["notify", "--as", "json", "--dry-run", "--on", "2026-11-24"]) == 0
    (notice,) = json.loads(capsys.readouterr().out)["notices"]
    assert (notice["kind"], notice["about"]) == ("expires", "fp-2026-0001")
    assert receiver.bodies == []


def test_markup_in_a_message_stays_text() -> None:
    notice = Notice("k", "drifted", "*x* <!channel>", "[a](http://evil) `b` <http://evil|c>")
    teams = json.dumps(FORMATS["teams"]([notice]))
    assert "[a](http" not in teams
    slack = json.dumps(FORMATS["slack"]([notice]))
    assert "<!channel>" not in slack
    assert "<http" not in slack


def test_many_notices_are_counted() -> None:
    many = [Notice(str(number), "stale", f"fp-{number}", "m") for number in range(MOST + 3)]
    assert "and 3 more" in json.dumps(FORMATS["teams"](many))
    assert len(FORMATS["slack"](many)["blocks"]) <= 50
