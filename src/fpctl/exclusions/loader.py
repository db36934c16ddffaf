"""Whole folders of exclusions: every readable exclusion is loaded, and every problem is reported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fpctl.documents.folder import authored_files, read_authored, sorted_problems, unreadable_file
from fpctl.errors import FpctlError, Location, Problem, UnexpectedError
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file
from fpctl.rules.formats.registry import YAML
from fpctl.spelling import did_you_mean

FileContent = tuple[list[LoadedExclusion], list[Problem]]
"""The exclusions of one file, and its problems."""
LEAST_PART = 4
"""Characters of an id that may tell an exclusion."""


@dataclass(frozen=True, slots=True)
class ExclusionSet:
    """The exclusions of a folder in order of their ids, and every problem."""

    exclusions: tuple[LoadedExclusion, ...]
    problems: tuple[Problem, ...]

    def get(self, id: str) -> LoadedExclusion:
        """Return an exclusion by its id, or by a part of it that only one has: `0007` for `fp-2026-0007`.

        Raises:
            FpctlError: there is none of that id, or a part of it is that of several.
        """
        for loaded in self.exclusions:
            if loaded.id == id:
                return loaded
        folded = id.strip().casefold()
        found = [loaded for loaded in self.exclusions if len(folded) >= LEAST_PART and folded in loaded.id.casefold()]
        if len(found) == 1:
            return found[0]
        known = [loaded.id for loaded in found or self.exclusions]
        hint = did_you_mean(id, known, what="exclusion")
        if found:
            raise FpctlError(f"`{id}` is part of {len(found)} ids", None, hint)
        raise FpctlError(f"no exclusion has the id `{id}`", None, hint)


class ReadFiles:
    """What the files of a folder said when they were last read, for who reads the folder again and again.

    A file whose text is the same is not taken apart again, unless it takes values from list files: these may have
    changed. Not safe to share between threads.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, FileContent]] = {}
        self._next: dict[str, tuple[str, FileContent]] = {}

    def get(self, path: str, text: str) -> FileContent | None:
        """Return what a file holds if it has been read with this text."""
        kept = self._known.get(path)
        if kept is None or kept[0] != text:
            return None
        self._next[path] = kept
        return kept[1]

    def keep(self, path: str, text: str, content: FileContent) -> None:
        """Keep what a file holds; one with problems or lists is read each time."""
        loaded, problems = content
        if not problems and not any(one.lists for one in loaded):
            self._next[path] = text, content

    def done(self) -> None:
        """Forget the files that are not there any more."""
        self._known, self._next = self._next, {}


def load_exclusions(root: Path, read: ReadFiles | None = None) -> ExclusionSet:
    """Return every exclusion of a folder (or of one file).

    A document with an error is left out; exclusions of one id are all left out, since nobody can say
    which is meant, and what is left out suppresses nothing.

    Args:
        read: what the files said at the last reading; exclusions of unchanged files are the same objects.

    Raises:
        FpctlError: there is no such folder or file.
    """
    shelf = ValueListCache(root if root.is_dir() else root.parent)
    loaded: list[LoadedExclusion] = []
    problems: list[Problem] = []
    for path, _ in authored_files(root, YAML, "exclusions"):
        try:
            found, faults = _file_content(root, path, shelf, read)
        except FpctlError as error:
            problems.append(unreadable_file(error, path))
            continue
        except Exception as error:
            fault = UnexpectedError.of(error, "reading this file", Location(str(path)))
            problems.append(Problem("bug", fault.message, Location(str(path)), fault.hint))
            continue
        loaded += found
        problems += faults
    if read is not None:
        read.done()
    places: dict[str, list[LoadedExclusion]] = {}
    for exclusion in loaded:
        places.setdefault(exclusion.id.casefold(), []).append(exclusion)
    for same in places.values():
        for exclusion in same if len(same) > 1 else ():
            others = ", ".join(str(other.at) for other in same if other is not exclusion)
            message = f"the id `{exclusion.id}` is also used at {others}; none of them is active"
            problems.append(Problem("duplicate-id", message, exclusion.at, "give each exclusion a unique id"))
    unique = [same[0] for same in places.values() if len(same) == 1]
    unique.sort(key=lambda exclusion: exclusion.id)
    return ExclusionSet(tuple(unique), sorted_problems(problems))


def _file_content(root: Path, path: Path, shelf: ValueListCache, read: ReadFiles | None) -> FileContent:
    text = read_authored(root, path)
    kept = read.get(str(path), text) if read is not None else None
    if kept is not None:
        return kept
    found, faults = read_exclusion_file(text, str(path), shelf)
    content = [exclusion for exclusion, _ in found], faults
    if read is not None:
        read.keep(str(path), text, content)
    return content
