"""The authored files of a folder: which there are, in what order, and the message for one that cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from fpctl.errors import FpctlError, Location, Problem
from fpctl.files import read_inside, read_regular


def authored_files(root: Path, suffixes: Iterable[str], what: str) -> Iterator[tuple[Path, str]]:
    """Yield (path, path relative to the root) of each file with a known ending, sorted; hidden ones are not ours."""
    if root.is_file():
        yield root, root.name
        return
    if not root.is_dir():
        raise FpctlError(
            f"there is no {what} folder or file `{root}`",
            None,
            f"give the {what} folder with --{what}, or set it in fpctl.toml",
        )
    endings = tuple(suffixes)
    found: list[tuple[str, Path]] = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(folder)
        for name in names:
            if name.lower().endswith(endings) and not name.startswith("."):
                path = inside / name
                found.append((path.relative_to(root).as_posix(), path))
    for relative, path in sorted(found):
        yield path, relative


def read_authored(root: Path, path: Path) -> str:
    """Return the text of one of the `authored_files` of a root, which is a folder or the file itself.

    Raises:
        FpctlError: it cannot be read, is not a regular file, or is a link that leads out of the folder.
    """
    # No linked folder is entered on the way to it, so only the file itself can be a link; most are none.
    if path.is_symlink():
        return read_inside(root if root.is_dir() else path.resolve().parent, path)
    return read_regular(path)


def unreadable_file(error: FpctlError, path: Path) -> Problem:
    return Problem("unreadable-file", error.message, error.at or Location(str(path)), error.hint)


def sorted_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda p: (p.at.path or "", p.at.line or 0, p.at.column or 0, p.code, p.message)))
