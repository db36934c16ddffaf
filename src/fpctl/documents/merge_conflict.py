"""Markers that git leaves in a file which it could not merge."""

from __future__ import annotations

import re

from fpctl.errors import Location, Problem

_MARKERS = re.compile(r"^<{7} .*?^={7}$.*?^>{7} ", re.MULTILINE | re.DOTALL)


def merge_conflict(text: str, path: str) -> Problem | None:
    """Return that a text holds an unresolved merge of git, with the line where it begins; None for none."""
    found = _MARKERS.search(text.replace("\r\n", "\n")) if "<<<<<<<" in text else None
    if found is None:
        return None
    line = text.replace("\r\n", "\n").count("\n", 0, found.start()) + 1
    hint = "keep one of the two sides and remove the lines <<<<<<<, ======= and >>>>>>>"
    return Problem(
        "merge-conflict", "git could not merge this file: it holds both versions", Location(path, line, 1), hint
    )
