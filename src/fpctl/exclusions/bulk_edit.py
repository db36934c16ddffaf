"""Changes to several exclusions at once: all of them are checked before the first file is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from fpctl.exclusions.edit import Changes, edit_text
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.files import read_text, write_text


def remaining(chosen: Sequence[LoadedExclusion], done: Callable[[Exclusion], bool]) -> Sequence[LoadedExclusion]:
    """Return the exclusions that are not done yet, so that a change of several that was stopped amid can be repeated.

    If all of them are done, all are returned: then there is nothing to do, and the change says so.
    """
    return [loaded for loaded in chosen if not done(loaded.exclusion)] or chosen


def amend(changes: Iterable[tuple[LoadedExclusion, Changes]], root: Path) -> None:
    """Change exclusions in their files; each file is written whole or not at all.

    Args:
        changes: the exclusions, each with its new values by key.
        root: the exclusions folder, for value lists.

    Raises:
        FpctlError: one of the changes cannot be made, and then no file is touched; or a file cannot be
            written, and then those before it are.
    """
    texts: dict[str, str] = {}
    for loaded, wanted in changes:
        before = texts[loaded.path] if loaded.path in texts else read_text(Path(loaded.path))
        texts[loaded.path] = edit_text(before, loaded.id, wanted, loaded.path, root)
    for path, text in texts.items():
        write_text(Path(path), text)
