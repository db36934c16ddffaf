"""Files and folders, by their full paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fpctl.fields.field import (
    ON_DEVICE,
    Attack,
    BoundColumn,
    FieldTest,
    NotExpressibleError,
    ValueProblem,
    compared,
)
from fpctl.fields.kinds.path_prefix import PathPrefixField
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.term import Affix, Lacks, Regex, Term, all_of, any_of, is_in

# Also every file of one extension on it.
_WHOLE_DRIVE = re.compile(r"(?:[A-Za-z]:)?[\\/*]*(?:\.\w+)?")
_ROOTED = re.compile(r"[A-Za-z]:[\\/]|[\\/]|\*")
_VARIABLE = re.compile(r"%[^%\\/]+%|\$\{\w+\}|\$env:\w+|^\$\w+|^~(?=[\\/])")
_IN_FOLDER = "[^\\\\/]*"


class PathField(PathPrefixField):
    """A file or folder by its full path, or anything below it."""

    name = "path"
    help = "Full path of a file or folder, and everything below it. `*` matches any text within a folder name."
    question = "Which files or folders? (full paths; everything below a folder matches too)"
    meaning = "the path of the process's file; in events about a file, the path of that file"
    matches = "that path and everything below it, at a `\\` or `/`"
    spares = "paths that only start with the same letters, or go through a `..`"
    synonyms = ("folder", "folderpath", "directory")
    # folder-path: a folder without the file name; the others as for file names.
    roles = ("file-path", "folder-path", "windows-path")
    telling = ("folder-path", "windows-path", "file-path")
    assumed = (("FolderPath", "folder-path"),)
    verbatim = "file-path"
    test_rank = 90
    tell_rank = 60
    chosen = "whoever may write there chooses what is there"
    pattern_noun = "file whose path"
    ecs = ("process.executable", "file.path", "file.directory")
    sigma_read = (
        ("image", "process.executable"),
        ("targetfilename", "file.path"),
    )
    sigma_written = (
        ("process.executable", "Image"),
        ("file.path", "TargetFilename"),
    )

    def check(self, value: str) -> ValueProblem | None:
        if _WHOLE_DRIVE.fullmatch(value):
            return ValueProblem(f"`{value}` is a whole drive", "name a folder")
        variable = _VARIABLE.search(value)
        if variable:
            return ValueProblem(f"`{variable.group()}` is not expanded in events", "write the path as events show it")
        bad = re.search(r"[\"<>|]", value)
        if bad:
            return ValueProblem(f"`{bad.group()}` cannot be part of a path", None)
        if not _ROOTED.match(value):
            return ValueProblem(f"`{value}` is not a full path", "begin with a drive, `/`, `\\\\server` or `**\\`")
        if re.search(r"[\\/]\.\.?(?:[\\/]|$)", value):
            return ValueProblem(f"`{value}` holds `.` or `..` as a folder", "write the path as events show it")
        return None

    def parse(self, value: str) -> str:
        return value.rstrip("\\/")

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        paths, patterns = wildcard.split_by_wildcard(values)
        terms: list[Term] = []
        if paths:
            terms.append(is_in(operand, paths))
            terms += [Affix(operand, "startswith", path + end) for path in paths for end in _separators(path)]
        terms += [Regex(operand, f"(?is)^{wildcard.pattern(p, _IN_FOLDER, '.*')}(?:[\\\\/]|$)") for p in patterns]
        # The path must be what it says: C:\Tools\..\Temp is not below C:\Tools.
        return all_of([any_of(terms), Lacks(operand, "..\\"), Lacks(operand, "../")])

    def attacks(self, value: str) -> Iterator[Attack]:
        slash = "/" if value.startswith("/") else "\\"
        stem = value.rstrip(slash)
        advice = "name the hash or the signer of what may lie there"
        below = {"path": f"{stem}{slash}evil.exe"}
        yield Attack("a file put below the excluded folder", below, ON_DEVICE, advice)
        yield Attack("a folder whose name begins so", {"path": f"{stem}2{slash}evil.exe"})

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        for value in values:
            if "*" in value:
                raise NotExpressibleError(f"`*` is in the path `{value}`")
        found: list[FieldTest] = []
        stems = [value.rstrip("\\/") for value in values]
        below = [stem + ("/" if "/" in stem and "\\" not in stem else "\\") for stem in stems]
        for name in ("file.path", "process.executable"):
            found += [*compared(name, "==", stems), *compared(name, "STARTSWITH", below)]
        return found

    def watchlist_note(self, values: Sequence[str]) -> str:
        return "a query that compares SearchKey does not match what is below a path"


def _separators(path: str) -> str:
    """Return what may follow a path: Windows takes a `/` for a `\\`, others take a `\\` for a letter."""
    return "\\/" if "\\" in path else "/"


FIELD = PathField()
