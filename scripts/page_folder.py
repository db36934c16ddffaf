"""A folder of generated pages: written, or compared with what is there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def write_or_compare(folder: Path, wanted: Mapping[str, str], script: str) -> int:
    """Write the pages that differ, delete those that are no longer wanted, and return the exit code.

    With `--check` on the command line nothing is written: what is not up to date is named, and the code is 1.

    Args:
        wanted: every page by its file name.
        script: what brings the pages up to date, as a user would type it.
    """
    there = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    stale = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{folder.name}/{name} is not up to date: python {script}")
        return 1 if stale else 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8", newline="\n")
        else:
            (folder / name).unlink()
    return 0
