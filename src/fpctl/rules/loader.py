"""Whole folders of rules: every readable rule is loaded, and every problem is reported."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpctl.documents.folder import authored_files, read_authored, sorted_problems, unreadable_file
from fpctl.documents.merge_conflict import merge_conflict
from fpctl.errors import FpctlError, Location, Problem, UnexpectedError
from fpctl.rules.formats.registry import SUFFIXES, LoadedRule, RuleFile, read_rule_file
from fpctl.rules.model import Rule
from fpctl.rules.selector import parse_selector
from fpctl.rules.test_cases import is_test_file
from fpctl.spelling import did_you_mean

LEAST_PREFIX = 4
"""Characters of an id that may tell a rule."""
LEAST_PART = 3
"""Characters of a name that may."""
SHOWN = 5
"""Rules that are named where several match."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a folder in order of their paths, the files they are in, and every problem."""

    rules: tuple[LoadedRule, ...]
    problems: tuple[Problem, ...]
    files: tuple[RuleFile, ...] = ()

    def select(self, patterns: Sequence[str]) -> tuple[LoadedRule, ...]:
        """Return the rules that ids, names, paths, globs or selectors such as `tag:x` match; none given means all.

        A path may be relative to the rules folder, or as shown in messages. What matches nothing so may also be the
        file's name without its ending, the beginning of an id, or a part of a name, if only one rule has it.

        Raises:
            FpctlError: a pattern matches no rule, or a part of a name is that of several.
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
            chosen |= found or {self._by_part(pattern)}
        return tuple(self.rules[index] for index in sorted(chosen))

    def _by_part(self, pattern: str) -> int:
        """Return the one rule that a part of its id, name or path identifies. Raises FpctlError if there is not one."""
        folded = pattern.strip().casefold()
        ways: tuple[Callable[[Rule], bool], ...] = (
            lambda rule: Path(rule.path).stem.casefold() == folded or rule.path.casefold() == folded,
            lambda rule: len(folded) >= LEAST_PREFIX and rule.id.casefold().startswith(folded),
            lambda rule: len(folded) >= LEAST_PART and folded in f"{rule.name}\n{rule.path}".casefold(),
        )
        for way in ways if folded else ():
            found = [index for index, loaded in enumerate(self.rules) if way(loaded.rule)]
            if len(found) == 1:
                return found[0]
            if found:
                shown = ", ".join(self.rules[index].rule.path for index in found[:SHOWN])
                more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
                raise FpctlError(f"`{pattern}` matches {len(found)} rules", None, f"name one: {shown}{more}")
        names = {name for loaded in self.rules for name in (loaded.rule.id, loaded.rule.name, loaded.rule.path)}
        raise FpctlError(f"no rule matches `{pattern}`", None, did_you_mean(pattern, names, what="rule"))


def load_rules(root: Path) -> RuleSet:
    """Return every rule of a folder (or of one file).

    A file that cannot be read as a rule is left out and is a problem; rules of one id are a problem at
    each place but are all loaded, because the file's path still distinguishes them.

    Raises:
        FpctlError: there is no such folder or file.
    """
    files: list[RuleFile] = []
    for path, relative in authored_files(root, SUFFIXES, "rules"):
        if is_test_file(path.name):
            continue
        try:
            text = read_authored(root, path)
            conflict = merge_conflict(text, str(path))
            read = RuleFile(str(path), text, (), (conflict,)) if conflict else read_rule_file(text, str(path), relative)
            files.append(read)
        except FpctlError as error:
            files.append(RuleFile(str(path), "", (), (unreadable_file(error, path),)))
        except Exception as error:
            fault = UnexpectedError.of(error, "reading this file", Location(str(path)))
            files.append(RuleFile(str(path), "", (), (Problem("bug", fault.message, Location(str(path)), fault.hint),)))
    rules = [rule for file in files for rule in file.rules]
    problems = [problem for file in files for problem in file.problems]
    places: dict[str, list[LoadedRule]] = {}
    for loaded in rules:
        places.setdefault(loaded.rule.id.casefold(), []).append(loaded)
    for same in places.values():
        for loaded in same if len(same) > 1 else ():
            others = ", ".join(str(Location(other.path, other.line)) for other in same if other is not loaded)
            message = f"the rule id `{loaded.rule.id}` is also used at {others}"
            hint = "give each rule a unique id; an exclusion that names this id applies to all of them"
            problems.append(Problem("duplicate-id", message, Location(loaded.path, loaded.line), hint, "warning"))
    return RuleSet(tuple(rules), sorted_problems(problems), tuple(files))
