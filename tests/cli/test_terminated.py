"""SIGTERM, as a scheduler or a container sends it: fpctl ends, and its scratch folders with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

RULE = "print n = range(1, 5000, 1) | mv-expand n | extend m = range(1, 5000, 1) | mv-expand m | summarize count()\n"


def test_a_terminated_run_leaves_no_scratch_folder(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    for folder in ("rules", "exclusions", "data", "scratch"):
        (tmp_path / folder).mkdir()
    (tmp_path / "rules" / "slow.kql").write_text(RULE, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FPCTL_")}
    started = subprocess.Popen(
        [sys.executable, "-m", "fpctl", "run", "--data", "data", "--no-record"],
        cwd=tmp_path,
        env={**environment, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    give_up = time.monotonic() + 60
    while not any(scratch.iterdir()) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert any(scratch.iterdir())
    started.send_signal(signal.SIGTERM)
    started.communicate(timeout=60)
    assert (started.returncode, list(scratch.iterdir())) == (143, [])
