"""Whole folders of rules and exclusions: everything that is right is loaded, everything that is wrong is said."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpctl.catalog.exclusion import Exclusion
from fpctl.catalog.exclusion_file import ListShelf, LoadedExclusion, read_exclusion_file
from fpctl.catalog.rule_file import SUFFIXES, YAML, LoadedRule, RuleFile, read_rule_file
from fpctl.catalog.rule_tests import is_test_file
from fpctl.catalog.selector import parse_selector
from fpctl.errors import FpctlError, Location, Problem
from fpctl.files import read_text
from fpctl.spelling import did_you_mean


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a folder in order of their paths, the files they stand in, and every problem."""

    rules: tuple[LoadedRule, ...]
    problems: tuple[Problem, ...]
    files: tuple[RuleFile, ...] = ()

    def select(self, patterns: Sequence[str]) -> tuple[LoadedRule, ...]:
        """Return the rules that ids, names, paths, globs or selectors such as `tag:x` reach; none given means all.

        A path may be relative to the rules folder, or as shown in messages.

        Raises:
            FpctlError: a pattern reaches no rule.
        """
        if not patterns:
            return self.rules
        chosen: set[int] = set()
        for pattern in patterns:
            selector = parse_selector(pattern)
            shown = os.path.normpath(pattern)
            found = {
                index
                for index, loaded in enumerate(self.rules)
                if selector.selects(loaded.rule) or os.path.normpath(loaded.path) == shown
            }
            if not found:
                names = {name for loaded in self.rules for name in (loaded.rule.id, loaded.rule.name, loaded.rule.path)}
                raise FpctlError(f"no rule matches `{pattern}`", None, did_you_mean(pattern, names, what="rule"))
            chosen |= found
        return tuple(self.rules[index] for index in sorted(chosen))


@dataclass(frozen=True, slots=True)
class ExclusionSet:
    """The exclusions of a folder in order of their ids, and every problem."""

    exclusions: tuple[LoadedExclusion, ...]
    problems: tuple[Problem, ...]

    def get(self, id: str) -> LoadedExclusion:
        """Return an exclusion by id.

        Raises:
            FpctlError: there is none of that id.
        """
        for loaded in self.exclusions:
            if loaded.id == id:
                return loaded
        known = [loaded.id for loaded in self.exclusions]
        raise FpctlError(f"no exclusion has the id `{id}`", None, did_you_mean(id, known, what="exclusion"))


def load_rules(root: Path) -> RuleSet:
    """Return every rule of a folder (or of one file).

    A file that cannot be read as a rule is left out and is a problem; rules of one id are a problem at
    each place but are all loaded, because the file's path still tells them apart.

    Raises:
        FpctlError: there is no such folder or file.
    """
    files: list[RuleFile] = []
    for path, relative in _files(root, SUFFIXES, "rules"):
        if is_test_file(path.name):
            continue
        try:
            files.append(read_rule_file(read_text(path), str(path), relative))
        except FpctlError as error:
            files.append(RuleFile(str(path), "", (), (_unreadable(error, path),)))
    rules = [rule for file in files for rule in file.rules]
    problems = [problem for file in files for problem in file.problems]
    places: dict[str, list[LoadedRule]] = {}
    for loaded in rules:
        places.setdefault(loaded.rule.id.casefold(), []).append(loaded)
    for same in places.values():
        for loaded in same if len(same) > 1 else ():
            others = ", ".join(str(Location(other.path, other.line)) for other in same if other is not loaded)
            message = f"the rule id `{loaded.rule.id}` is also used at {others}"
            hint = "give each rule an id of its own; an exclusion that names this id applies to all of them"
            problems.append(Problem("duplicate-id", message, Location(loaded.path, loaded.line), hint, "warning"))
    return RuleSet(tuple(rules), _sorted(problems), tuple(files))


def load_exclusions(root: Path) -> ExclusionSet:
    """Return every exclusion of a folder (or of one file).

    A document with an error is left out; exclusions of one id are all left out, since nobody can say
    which is meant, and what is left out suppresses nothing.

    Raises:
        FpctlError: there is no such folder or file.
    """
    shelf = ListShelf(root if root.is_dir() else root.parent)
    loaded: list[LoadedExclusion] = []
    problems: list[Problem] = []
    for path, _ in _files(root, YAML, "exclusions"):
        try:
            found, faults = read_exclusion_file(read_text(path), str(path), shelf)
        except FpctlError as error:
            problems.append(_unreadable(error, path))
            continue
        loaded += (exclusion for exclusion, _ in found)
        problems += faults
    places: dict[str, list[LoadedExclusion]] = {}
    for exclusion in loaded:
        places.setdefault(exclusion.id.casefold(), []).append(exclusion)
    for same in places.values():
        for exclusion in same if len(same) > 1 else ():
            others = ", ".join(str(other.at) for other in same if other is not exclusion)
            message = f"the id `{exclusion.id}` is also used at {others}; none of them is in force"
            problems.append(Problem("duplicate-id", message, exclusion.at, "give each exclusion an id of its own"))
    unique = [same[0] for same in places.values() if len(same) == 1]
    unique.sort(key=lambda exclusion: exclusion.id)
    return ExclusionSet(tuple(unique), _sorted(problems))


def check_references(rules: RuleSet, exclusions: ExclusionSet) -> tuple[Problem, ...]:
    """Return a problem for each selector that names a rule which is not there."""
    problems: list[Problem] = []
    known: set[str] | None = None
    exact = {name.casefold() for loaded in rules.rules for name in (loaded.rule.id, loaded.rule.name, loaded.rule.path)}
    for loaded in exclusions.exclusions:
        for index, text in enumerate(loaded.exclusion.rules):
            selector = parse_selector(text)
            if not selector.names_one or (selector.on is None and selector.pattern.casefold() in exact):
                continue
            if selector.on is not None and any(selector.selects(rule.rule) for rule in rules.rules):
                continue
            if known is None:
                known = {name for rule in rules.rules for name in (rule.rule.id, rule.rule.name, rule.rule.path)}
            hint = did_you_mean(selector.pattern, known, what="rule")
            message = f"exclusion {loaded.id} names the rule `{text}`, which is not there"
            problems.append(Problem("unknown-rule", message, loaded.at_key(f"rules.{index}"), hint))
    return _sorted(problems)


def read_exclusion(
    text: str, path: str = "<text>", root: Path | None = None
) -> tuple[Exclusion | None, tuple[Problem, ...]]:
    """Return the one exclusion of a text that may not be in a file yet, and its problems.

    `root` is the exclusions folder, for lists.
    """
    found, problems = read_exclusion_file(text, path, ListShelf(root or Path()))
    if len(found) > 1:
        at = found[1][0].at
        return None, (*problems, Problem("several-documents", "one exclusion is expected here", at, "split the text"))
    return (found[0][0].exclusion if found else None), tuple(problems)


def _files(root: Path, suffixes: Iterable[str], what: str) -> Iterator[tuple[Path, str]]:
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


def _unreadable(error: FpctlError, path: Path) -> Problem:
    return Problem("unreadable-file", error.message, error.at or Location(str(path)), error.hint)


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda p: (p.at.path or "", p.at.line or 0, p.at.column or 0, p.code, p.message)))
