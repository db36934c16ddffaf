"""A server that is killed leaves files and history whole: in the middle of a save, and in the middle of a run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console_support import RULE_ID
from fpctl.exclusions.loader import load_exclusions
from fpctl.history.history import History

ROUNDS = int(os.environ.get("FPCTL_KILL_ROUNDS", "6"))

WORKER = """
import sys
from pathlib import Path
from fastapi.testclient import TestClient
from fpctl.settings import load_settings
from fpctl.web.app import create_app
from fpctl.web.config import ConsoleConfig

settings = load_settings(Path("fpctl.toml"))
config = ConsoleConfig(settings=settings, rules=settings.paths.rules, exclusions=settings.paths.exclusions,
                       history="history.db", data=settings.paths.data, token="t")
app = create_app(config)
client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
now = config.clock()
key, session = app.state.console.store.begin_session("ann", "analyst", now, now + config.session_length)
client.cookies.set("fpctl", key)
client.headers["x-csrf-token"] = session.csrf
RULE_ID = sys.argv[1]
print("ready", flush=True)
number = 0
while True:
    number += 1
    form = {"rules": RULE_ID, "device": f"host{number}", "reason": "r", "expires": "90d", "status": "draft",
            "action": "save", "owner": "ann"}
    client.post("/exclusions/new", data=form)
    client.post("/runs", data={"rule": RULE_ID})
"""


def test_a_kill_at_any_moment_leaves_whole_files_and_whole_runs(root: Path) -> None:
    draw = random.Random(7)
    for _ in range(ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", WORKER, RULE_ID],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(draw.uniform(0.0, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = load_exclusions(root / "exclusions")
        assert [problem for problem in found.problems if problem.severity == "error"] == []
    assert len(found.exclusions) > 1, "nothing was saved before the kills"
    with History.open(root / "history.db") as history:
        assert history.trail.verify().findings == ()
        for run in history.runs():
            _, hits = history.run(run.id)
            assert run.status == "ok"
            assert hits
        history.console.interrupt_unfinished(datetime.now(UTC))
        assert {one.status for one in history.console.runs(1000)} <= {"ok", "interrupted", "cancelled"}
    leftovers = [path.name for path in (root / "exclusions").iterdir() if path.suffix != ".yaml"]
    assert leftovers == [] or all(name.startswith(".") for name in leftovers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_stops(number: signal.Signals, root: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "fpctl", "serve", "--port", "8911"],
        cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    assert "The console is at http://127.0.0.1:8911/login?token=" in process.stderr.readline()
    time.sleep(2)
    process.send_signal(number)
    process.wait(20)
    process.stderr.close()
