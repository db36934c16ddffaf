"""An anchor of the audit trail: the number and hash of an entry, noted where whoever writes the history cannot write.

Whoever may write to the database can make the whole chain anew, or delete it. What shows that is a hash kept in
another place: a commit's trailer, a CI log, a ticket.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from fpctl.errors import FpctlError

TRAILER = "Fpctl-Trail"
"""The trailer of a git commit that holds an anchor: `Fpctl-Trail: 123:9f86d081...@1a2b3c4d`."""

TRAIL_DIGITS = 8
"""Digits of the first entry's hash that identify a history."""

_PATTERN = re.compile(r"([1-9]\d{0,17}):([0-9a-fA-F]{8,64})(?:@([0-9a-fA-F]{8}))?")
_PATIENCE = 20.0


class Anchor(NamedTuple):
    """The number of an entry, and its hash or at least the first 8 digits of it, in lower case.

    `trail` is how the hash of the trail's first entry begins; empty where it was not noted.
    """

    number: int
    hash: str
    trail: str = ""

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}{f'@{self.trail}' if self.trail else ''}"


class NotedAnchor(NamedTuple):
    """An anchor, and where it was noted, in words."""

    anchor: Anchor
    source: str


def parse_anchor(text: str) -> Anchor:
    """Return the anchor that `123:9f86d081` or `123:9f86d081@1a2b3c4d` stands for.

    Raises:
        FpctlError: it is not an entry's number and hash.
    """
    parts = _PATTERN.fullmatch(text.strip())
    if parts is None:
        raise FpctlError(f"`{text}` is not an entry's number and hash", None, "write 123:9f86d081...")
    return _anchor(*parts.groups())


def _anchor(number: str, noted: str, trail: str | None) -> Anchor:
    return Anchor(int(number), noted.lower(), (trail or "").lower())


def committed_anchor(folder: Path) -> NotedAnchor | None:
    """Return the anchor of the newest commit with a trailer `Fpctl-Trail`; None where git knows none.

    Args:
        folder: a folder of the working copy.
    """
    form = f"%H%x1f%(trailers:key={TRAILER},valueonly,separator=%x20)"
    command = ["git", "log", "-n", "20", "-i", f"--grep=^{TRAILER}:", f"--format={form}"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=_PATIENCE, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        commit, _, trailers = line.partition("\x1f")
        found = [_anchor(*parts) for parts in _PATTERN.findall(trailers)]
        if found:
            return NotedAnchor(max(found), f"git commit {commit[:12]}")
    return None
