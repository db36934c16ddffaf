"""Rule files of every format fpctl reads: which reader takes which file, and what a reader gives back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath

from fpctl.errors import Problem
from fpctl.rules.model import MetadataProblem, Rule
from fpctl.rules.text.query_text import RuleText
from fpctl.text.edits import Edit, apply_edits, deletion
from fpctl.text.source import SourceText

YAML = (".yaml", ".yml")
BARE = (".kql", ".csl", ".kusto", ".txt")
SUFFIXES = (*YAML, *BARE, ".json", ".md")
"""File name endings that a rules folder is searched for."""


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule, its query's place in the file, and the 1-based line at which the rule begins."""

    rule: Rule
    text: RuleText
    line: int

    @property
    def path(self) -> str:
        """The file as shown in messages; `rule.path` is relative to the rules folder."""
        return self.text.path


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file: its text and the rules in it, in order; no rules if it is broken, and then `problems` says why."""

    path: str
    text: str
    rules: tuple[LoadedRule, ...]
    problems: tuple[Problem, ...]


def read_rule_file(text: str, path: str, relative: str) -> RuleFile:
    """Return the rules of one file.

    Args:
        text: the whole file, newlines and BOM as they are.
        path: the file as shown in messages.
        relative: the path relative to the rules folder, with `/`: the base of rule ids where none is stated.
    """
    suffix = PurePosixPath(relative).suffix.lower()
    reader = RuleReader(text, path, relative)
    if suffix in YAML:
        from fpctl.rules.formats.yaml import read
    elif suffix == ".json":
        from fpctl.rules.formats.json import read
    elif suffix == ".md":
        from fpctl.rules.formats.markdown import read
    else:
        from fpctl.rules.formats.kql import read
    rules = tuple(read(reader))
    problems = sorted(reader.problems, key=lambda problem: (problem.at.line or 0, problem.at.column or 0, problem.code))
    return RuleFile(path, text, rules, tuple(problems))


class RuleReader:
    """What the readers of all formats share: the file, and the problems found on the way."""

    def __init__(self, text: str, path: str, relative: str) -> None:
        self.text = text
        self.path = path
        self.relative = relative
        self.source = SourceText(text, path)
        self.problems: list[Problem] = []

    def error(self, code: str, message: str, offset: int, hint: str | None = None) -> None:
        """Note a fault for which the rule is left out."""
        self.problems.append(Problem(code, message, self.source.location(offset), hint))

    def warn(self, code: str, message: str, offset: int, hint: str | None = None) -> None:
        """Note a fault in spite of which the rule is read."""
        self.problems.append(Problem(code, message, self.source.location(offset), hint, "warning"))

    def faults(self, faults: Iterable[MetadataProblem], places: dict[str, int], default: int) -> None:
        """Note metadata that cannot be used, at the places of its keys."""
        for fault in faults:
            hint = "the rule is read without this value"
            self.warn("rule-metadata", fault.message, places.get(fault.key, default), hint)


def edited(file_text: str, edits: Iterable[tuple[RuleText, Sequence[Edit]]]) -> str:
    """Return a file with the edits of several of its rules in it.

    Raises:
        UnsafeEdit: an edit cannot be written in the file's style.
    """
    return apply_edits(file_text, chain.from_iterable(text.file_edits(own) for text, own in edits))


def stripped(file_text: str, spans: Iterable[tuple[RuleText, Sequence[tuple[int, int]]]]) -> str:
    """Return a file without spans of several of its rules: the inverse of `edited`."""
    gone = chain.from_iterable(text.file_spans(own) for text, own in spans)
    return apply_edits(file_text, [deletion(start, end) for start, end in gone])
