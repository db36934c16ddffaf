"""Value lists: `@lists/name.txt` in a match takes its values from a file, one a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from fpctl.errors import FpctlError, Location, Problem
from fpctl.fields.registry import check_value
from fpctl.files import read_inside


@dataclass(frozen=True, slots=True)
class ListEntry:
    """A value of a list and its 1-based line."""

    value: str
    line: int


@dataclass(frozen=True)
class ValueList:
    """A list file: its values in order without duplicates, and what is wrong with it as a list of `field`."""

    name: str
    path: str
    field: str
    entries: tuple[ListEntry, ...]
    problems: tuple[Problem, ...]

    def values(self) -> tuple[str, ...]:
        """Return the values in order."""
        return tuple(entry.value for entry in self.entries)

    @cached_property
    def lines(self) -> Mapping[str, int]:
        """The line of each value, counted from 1."""
        return {entry.value: entry.line for entry in self.entries}


def parse_list(text: str, name: str, path: str, field: str) -> ValueList:
    """Return the list in a text. `#` begins a comment at a line's start or after a space; empty lines are skipped."""
    entries: list[ListEntry] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        value = line_value(line)
        if not value:
            continue
        problem = check_value(field, value)
        column = line.index(value) + 1
        if problem is not None:
            at = Location(path, number, column)
            problems.append(Problem("invalid-value", f"`{_short(value)}`: {problem.message}", at, problem.hint))
            continue
        first = seen.setdefault(value.casefold(), number)
        if first != number:
            message = f"`{_short(value)}` is already on line {first}"
            problems.append(
                Problem("duplicate-value", message, Location(path, number, column), "remove one of them", "warning")
            )
            continue
        entries.append(ListEntry(value, number))
    if not entries and not any(problem.severity == "error" for problem in problems):
        problems.append(
            Problem("empty-list", "the list has no values", Location(path, 1, 1), "add values, one per line")
        )
    return ValueList(name, path, field, tuple(entries), tuple(problems))


def read_list(root: Path, reference: str, field: str, at: Location) -> ValueList:
    """Return the list that `@name` refers to; `name` is relative to the exclusions folder.

    A file that is missing or outside the folder is a problem of the list, located at the reference.
    """
    name = reference.removeprefix("@").strip()
    relative = PurePosixPath(name)
    path = root / relative
    if not name or relative.is_absolute() or ".." in relative.parts or "\\" in name:
        hint = "write @lists/name.txt, relative to the exclusions folder"
        problem = Problem("invalid-list", f"`{reference}` is not a list in the exclusions folder", at, hint)
        return ValueList(name, str(path), field, (), (problem,))
    try:
        return parse_list(read_inside(root, path), name, str(path), field)
    except FpctlError as error:
        where = f" ({error.at})" if error.at else ""
        problem = Problem(
            "missing-list", f"the list `{reference}` cannot be read: {error.message}{where}", at, error.hint
        )
        return ValueList(name, str(path), field, (), (problem,))


def line_value(line: str) -> str:
    """Return the value on a line: without the comment after it and blanks around it; empty if there is none."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return (line if at < 0 else line[:at]).strip()


def _short(value: str) -> str:
    return value if len(value) <= 60 else value[:57] + "..."
