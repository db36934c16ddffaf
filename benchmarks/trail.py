"""The audit trail of 5,000 exclusions in a git repository: noticing, recording, verifying.

    python benchmarks/trail.py [URL]

URL is an empty PostgreSQL database (postgresql+psycopg://...); a SQLite file without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fpctl.exclusions.loader import load_exclusions
from fpctl.history.history import History
from fpctl.history.trail import WorkingCopy

EXCLUSIONS = 5_000
CHANGED = 100
TEXT = """\
id: fp-{number}
title: Patching of build{number}
rules: ["*"]
match: {{device: [build{number}, web{number}], process: [msiexec.exe]}}
reason: Monthly patching
owner: a.rossi@contoso.com
expires: {year}-05-01
"""
AUTHOR = {f"GIT_{who}_{what}": "bench@contoso.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
NOW = datetime(2026, 11, 24, tzinfo=UTC)

T = TypeVar("T")


def timed(what: str, work: Callable[[], T]) -> T:
    """Run `work`, print how long it took, and return what it returns."""
    began = time.perf_counter()
    result = work()
    print(f"{what:<44} {time.perf_counter() - began:6.2f} s")
    return result


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "exclusions"
        folder.mkdir()
        for number in range(EXCLUSIONS):
            (folder / f"fp-{number}.yaml").write_text(TEXT.format(number=number, year=2027), encoding="utf-8")
        for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
            subprocess.run(["git", *arguments], cwd=place, env={**os.environ, **AUTHOR}, check=True)
        location = sys.argv[1] if len(sys.argv) > 1 else Path(place) / "history.db"
        with History.open(location) as history:

            def present() -> WorkingCopy:
                return WorkingCopy(load_exclusions(folder).exclusions, folder, complete=True)

            def notice(now: WorkingCopy) -> Callable[[], int]:
                return lambda: len(history.trail.record_changes(now, NOW))

            first = present()
            assert timed(f"{EXCLUSIONS:,} found at first", notice(first)) == EXCLUSIONS
            assert timed("nothing has changed", notice(first)) == 0
            for number in range(CHANGED):
                (folder / f"fp-{number}.yaml").write_text(TEXT.format(number=number, year=2028), encoding="utf-8")
            assert timed(f"{CHANGED} changed by hand", notice(present())) == CHANGED
            verdict = timed(f"verify {EXCLUSIONS + CHANGED:,} entries", history.trail.verify)
            assert (verdict.entries, verdict.findings) == (EXCLUSIONS + CHANGED, ())


if __name__ == "__main__":
    main()
