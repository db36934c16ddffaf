"""Every command of docs/console.md does what the page says."""

from __future__ import annotations

import json
import re
import shlex
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest

from conftest import ROOT
from console_support import Browser
from fpctl.cli.app import run
from fpctl.web.config import ConsoleConfig

COMMANDS = [
    command.replace("\\\n", " ")
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "docs" / "console.md").read_text("utf-8"), re.DOTALL)
    for command in re.findall(r"^\$ ((?:.*\\\n)*.*)$", block, re.MULTILINE)
]
CURL = [command for command in COMMANDS if command.startswith("curl ")]


def test_no_command_of_the_page_is_left_out() -> None:
    tried = {"fpctl report", "fpctl serve", "fpctl notify", "curl -H", "export FPCTL_WEBHOOK=https://..."}
    assert {" ".join(command.split()[:2]) for command in COMMANDS} == tried


@pytest.mark.parametrize("command", CURL)
def test_a_request_of_the_page_is_answered(command: str, browser: Browser, config: ConsoleConfig) -> None:
    client, now = browser(None), config.clock()
    secret, _ = client.app.state.console.store.make_token("t", "c", ["analyst"], now, now + timedelta(days=1))  # type: ignore[attr-defined]
    words = shlex.split(command.replace("$TOKEN", secret))
    headers, body, address = {}, None, ""
    given = iter(words[1:])
    for word in given:
        if word == "-H":
            name, _, value = next(given).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(given)
        else:
            assert not word.startswith("-"), f"the test does not know {word}"
            address = urlsplit(word).path
    answer = client.request("GET" if body is None else "POST", address, headers=headers, content=body)
    assert answer.status_code in (200, 201, 204), answer.text


def test_the_reports_of_the_page_are_written(root: Path) -> None:
    reports = [shlex.split(command)[1:] for command in COMMANDS if command.startswith("fpctl report")]
    assert [run(one) for one in reports] == [0, 0, 0]
    assert (root / "report.html").read_text().startswith("<!DOCTYPE html>")
    names = {path.name for path in (root / "tables").iterdir()}
    page = (ROOT / "docs" / "console.md").read_text("utf-8")
    assert names == set(re.findall(r"`([a-z]+\.csv)`", page))
    assert (root / "comment.md").read_text().startswith("#")


def test_the_notification_of_the_page_is_sent(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[object] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("FPCTL_WEBHOOK", f"http://127.0.0.1:{server.server_port}/hook")
        (command,) = (one for one in COMMANDS if one.startswith("fpctl notify"))
        assert run([*shlex.split(command, comments=True)[1:], "--on", "2026-11-24"]) == 0
        server.shutdown()
    assert len(bodies) == 1
