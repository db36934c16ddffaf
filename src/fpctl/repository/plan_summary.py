"""What an `apply` changes in a folder of tuned rules, in a line: `2 exclusions added, 1 expired; 3 files changed`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fpctl.errors import FpctlError
from fpctl.exclusions.model import State
from fpctl.files import read_text
from fpctl.repository.apply import TunedFile, differences
from fpctl.rewrite.output.markers import MARKER, find_clauses
from fpctl.rules.formats.registry import read_rule_file

REASONS: Mapping[State, str] = {
    "expired": "expired",
    "retired": "retired",
    "draft": "back to draft",
    "shadow": "only counted now",
    "not-yet-valid": "not yet valid",
}
"""By the state that an exclusion has now, why its clauses are removed."""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What becomes of the tuned rules.

    Attributes:
        added: ids of exclusions that get clauses in a rule that had none of theirs.
        removed: ids of exclusions that lose clauses, by why: a word of `REASONS`, `deleted` or `removed`.
        changed: files that change, or are new.
        files: all of them.
    """

    added: tuple[str, ...] = ()
    removed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    files: int = 0

    def text(self) -> str:
        """Return the summary as a line."""
        parts = [f"{_counted(len(self.added), 'exclusion')} added"] if self.added else []
        parts += [f"{len(ids):,} {why}" for why, ids in sorted(self.removed.items())]
        files = (
            f"{len(self.changed):,} of {_counted(self.files, 'file')} changed" if self.changed else "no file changed"
        )
        return f"{', '.join(parts)}; {files}" if parts else files

    def to_dict(self) -> dict[str, object]:
        """Return the documented JSON."""
        return {
            "added": list(self.added),
            "removed": {why: list(ids) for why, ids in sorted(self.removed.items())},
            "changed": list(self.changed),
            "files": self.files,
        }


def plan_summary(files: Sequence[TunedFile], folder: Path, states: Mapping[str, State]) -> PlanSummary:
    """Return what changes when files are written to a folder.

    A clause that stands for so many exclusions that it does not name them says only that its file changes.

    Args:
        folder: where tuned rules of an earlier `apply` may be.
        states: of each exclusion that exists, on the day of the plan.
    """
    changed = differences(files, folder)
    wanted = set(changed)
    added: set[str] = set()
    removed: dict[str, set[str]] = {}
    for file in files:
        if file.relative not in wanted:
            continue
        before = _ids(_text_of(folder / file.relative), file.relative)
        after = _ids(file.text, file.relative) if file.exclusions is None else file.exclusions
        added |= after - before
        for id in before - after:
            state = states.get(id)
            why = "deleted" if state is None else REASONS.get(state, "removed")
            removed.setdefault(why, set()).add(id)
    sorted_ids = {why: tuple(sorted(ids)) for why, ids in removed.items()}
    return PlanSummary(tuple(sorted(added)), sorted_ids, tuple(changed), len(files))


def _text_of(path: Path) -> str:
    try:
        return read_text(path) if path.is_file() else ""
    except FpctlError:
        return ""


def _ids(text: str, relative: str) -> set[str]:
    """Return the ids that the clauses in a rule file name; none where it cannot be read."""
    if MARKER not in text:
        return set()
    try:
        rules = read_rule_file(text, relative, relative).rules
        return {id for loaded in rules for clause in find_clauses(loaded.rule.query) for id in clause.exclusions}
    except FpctlError:
        return set()


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
