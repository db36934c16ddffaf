"""Exclusions as text, read as the loader reads a file."""

from __future__ import annotations

from pathlib import Path

from fpctl.errors import Problem
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import ValueListCache, read_exclusion_file


def read_exclusion(
    text: str, path: str = "<text>", root: Path | None = None
) -> tuple[Exclusion | None, tuple[Problem, ...]]:
    """Return the one exclusion of a text that may not be in a file yet, and its problems.

    `root` is the exclusions folder, for lists.
    """
    found, problems = read_exclusion_file(text, path, ValueListCache(root or Path()))
    if len(found) > 1:
        at = found[1][0].at
        return None, (*problems, Problem("several-documents", "one exclusion is expected here", at, "split the text"))
    return (found[0][0].exclusion if found else None), tuple(problems)
