"""An import that is killed leaves whole files and a whole trail, and can be done again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fpctl.catalog.load import load_exclusions
from fpctl.history.repository import History
from records_support import RULE_ID

ROWS = 150


def start(repository: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "fpctl", "import", "csv", "in.csv", "--owner", "me"]
    source = Path(__file__).resolve().parents[2] / "src"
    environment = {**os.environ, "PYTHONPATH": os.fspath(source)}
    return subprocess.Popen(command, cwd=repository, env=environment, stderr=subprocess.PIPE)


@pytest.mark.parametrize("files", [0, 1, 2, 5, 11, 30, 60, 100, 149, 150])
def test_a_kill_at_any_moment_leaves_whole_files_and_a_whole_trail(repository, fpctl, files):
    lines = [f"fp-{number},build{number},{RULE_ID}" for number in range(ROWS)]
    (repository / "in.csv").write_text("\n".join(["id,device,rules", *lines]), encoding="utf-8")
    folder = repository / "exclusions"
    with start(repository) as process:
        while process.poll() is None and len(list(folder.glob("fp-*.yaml"))) < files:
            time.sleep(0.001)
        process.kill()
    left = load_exclusions(folder)
    assert left.problems == ()
    assert len(left.exclusions) >= files
    with start(repository) as again:
        _, said = again.communicate(timeout=60)
    assert again.returncode in (0, 1), said.decode()
    assert len(load_exclusions(folder).exclusions) == ROWS
    assert fpctl("log").code == 0
    with History.open(repository / ".fpctl" / "history.db") as history:
        verdict = history.trail.verify()
        entries = history.trail.entries()
    assert verdict.findings == ()
    # Each is there once: imported, or found outside where an import was killed between its files and its entries.
    assert sorted(entry.exclusion for entry in entries) == sorted(f"fp-{number}" for number in range(ROWS))
