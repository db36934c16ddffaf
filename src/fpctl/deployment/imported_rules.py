"""Rules that come from a service as files: what was read, where it is written, and what is left alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fpctl.errors import Problem
from fpctl.files import write_text
from fpctl.rewrite.output.markers import find_clauses
from fpctl.rules.loader import load_rules
from fpctl.rules.model import Rule

_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file to write: a rule's, or a saved function's (then `rule` is None). `relative` is its name."""

    relative: str
    text: str
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class ImportedRules:
    """Files for the rules folder, files for `functions/`, and what could not be taken over.

    `notes` tell what was left out on purpose: what fpctl had put into the service itself.
    """

    rules: tuple[ImportedFile, ...]
    functions: tuple[ImportedFile, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def store(found: ImportedRules, rules: Path, functions: Path, *, replace: bool) -> tuple[list[Path], list[str]]:
    """Write the files of an import; return those that were written, and a line for each that was left alone.

    Args:
        rules, functions: the folders for rules and saved functions.
        replace: overwrite files that exist.
    """
    known = {loaded.rule.id.lower(): loaded.path for loaded in load_rules(rules).rules} if rules.is_dir() else {}
    written: list[Path] = []
    left: list[str] = []
    for each in (*found.rules, *found.functions):
        path = (rules if each.rule is not None else functions) / each.relative
        other = known.get(each.rule.id.lower()) if each.rule is not None else None
        if each.rule is not None and other is not None and not (replace and Path(other) == path):
            left.append(f"{each.rule.name}: a rule with the same id exists: {other}")
        elif path.exists() and not replace:
            left.append(f"{path} already exists")
        else:
            write_text(path, each.text)
            written.append(path)
    return written, left


def clauses_note(name: str, query: str) -> str | None:
    """Return the note on a query whose clauses of fpctl are removed; None where it has none. Raises FpctlError."""
    count = len(find_clauses(query))
    if not count:
        return None
    return f"{name}: {'1 clause' if count == 1 else f'{count} clauses'} of fpctl removed: the file has the base query"


def file_name(name: str, taken: set[str], suffix: str = ".yaml") -> str:
    """Return the name of a rule's file, numbered where several would have one; `taken` learns it."""
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_NAME].rstrip("-") or "rule"
    found, number = stem, 1
    while found in taken:
        number += 1
        found = f"{stem}-{number}"
    taken.add(found)
    return f"{found}{suffix}"
