"""Changes to several exclusions at once: all of them are worked out and checked before the first file is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from fpctl.errors import FpctlError, Location
from fpctl.exclusions.edit import Changes, edit_text
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file
from fpctl.files import read_inside, write_text

Change = Callable[[Exclusion], Changes]
"""Returns the new values of an exclusion by key, for what it says now; none if nothing is to change.

It raises FpctlError where the exclusion cannot be changed so."""


def amend(chosen: Iterable[LoadedExclusion], change: Change, root: Path) -> None:
    """Change exclusions in their files; each file is written whole or not at all.

    The files are read again: what somebody else has written since they were loaded is what is changed, and kept.
    Call it under the lock of the trail (`Trail.record`), so that nobody writes between reading and writing.

    Args:
        chosen: the exclusions, as they were loaded.
        change: works out the new values.
        root: the exclusions folder, for value lists.

    Raises:
        FpctlError: one of the changes cannot be made, and then no file is touched; or a file cannot be written, and
            then those before it are.
    """
    texts: dict[str, str] = {}
    for loaded in chosen:
        text = texts[loaded.path] if loaded.path in texts else read_inside(root, Path(loaded.path))
        wanted = change(_present(text, loaded, root))
        if wanted:
            texts[loaded.path] = edit_text(text, loaded.id, wanted, loaded.path, root)
    for path, text in texts.items():
        write_text(Path(path), text)


def unchanged_since(loaded: LoadedExclusion, changes: Changes) -> Change:
    """Return changes that were worked out for what an exclusion said when it was loaded, and hold for that only."""

    def change(exclusion: Exclusion) -> Changes:
        if exclusion.content_hash() != loaded.content_hash:
            hint = f"check it (fpctl show {loaded.id}), then run the command again"
            raise FpctlError(f"{loaded.id} was changed by someone else in the meantime", loaded.at, hint)
        return changes

    return change


def _present(text: str, loaded: LoadedExclusion, root: Path) -> Exclusion:
    """Return an exclusion as its file has it now."""
    found, problems = read_exclusion_file(text, loaded.path, ValueListCache(root))
    for one, _ in found:
        if one.id == loaded.id:
            return one.exclusion
    error = next((problem for problem in problems if problem.severity == "error"), None)
    if error is not None:
        raise FpctlError(f"{loaded.id} cannot be read any more: {error.message}", error.at, error.hint)
    raise FpctlError(
        f"{loaded.id} is no longer in its file", Location(loaded.path), "it was moved or removed in the meantime"
    )
