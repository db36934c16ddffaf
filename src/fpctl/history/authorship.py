"""Who last touched files, as far as git knows: two git processes, however many files are asked for."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

_PATIENCE = 20.0
_COMMIT = "\x01"
_PART = "\x1f"


class LastCommit(NamedTuple):
    """The last commit that touched a file. `dirty`: the working copy has changes that are in no commit."""

    author: str
    commit: str
    when: datetime
    dirty: bool


def last_commits(folder: Path, paths: Collection[str]) -> dict[str, LastCommit] | None:
    """Return the last commit of each of these files, deleted ones included; None where there is no git.

    Args:
        folder: a folder of the working copy.
        paths: files relative to the folder, with `/`.
    """
    if not paths:
        return {}
    try:
        dirty = _changed(folder)
        return dict(_log(folder, set(paths), dirty))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _changed(folder: Path) -> set[str]:
    """Return the files whose working copy is not what was committed."""
    done = _git(folder, "diff", "--name-only", "--no-renames", "--relative", "-z", "HEAD", "--", ".")
    return {name for name in done.split("\0") if name}


def _log(folder: Path, wanted: set[str], dirty: set[str]) -> Iterator[tuple[str, LastCommit]]:
    """Yield each wanted file with the newest commit that touched it."""
    form = f"--format={_COMMIT}%H{_PART}%an <%ae>{_PART}%cI"
    text = _git(folder, "log", form, "--name-only", "--no-renames", "--relative", "-z", "--", ".")
    left = set(wanted)
    for record in text.split(_COMMIT)[1:]:
        head, _, names = record.partition("\0")
        commit, author, when = head.strip().split(_PART)
        for name in names.split("\0"):
            path = name.lstrip("\n")
            if path in left:
                left.discard(path)
                yield path, LastCommit(author, commit, datetime.fromisoformat(when).astimezone(UTC), path in dirty)
        if not left:
            return


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, timeout=_PATIENCE, check=True, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode("utf-8", "surrogateescape")
