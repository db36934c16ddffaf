"""An edited exclusion file before it takes the old one's place: what is wrong with it, and where it goes if it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.loader import ExclusionSet
from fpctl.exclusions.reader import LoadedExclusion, ValueListCache, read_exclusion_file
from fpctl.exclusions.references import check_references
from fpctl.files import read_text, write_text
from fpctl.rules.loader import RuleSet

REJECTED = ".rej"
"""Added to the file's name where an edit that was not saved is kept."""


@dataclass(frozen=True, slots=True)
class EditSession:
    """An edit of one file.

    Args:
        path: the file.
        before: its text when the editor was opened.
        id: the exclusion that was to be edited; it has to be in the new text.
        others: every exclusion, those of this file included.
        rules: for selectors that name no rule.
    """

    path: Path
    before: str
    id: str
    others: ExclusionSet
    rules: RuleSet

    def problems(self, text: str) -> tuple[Problem, ...]:
        """Return what is wrong with a new text; errors among it forbid to save it."""
        path = str(self.path)
        loaded, problems = read_exclusion_file(text, path, ValueListCache(self._root()))
        found = [exclusion for exclusion, _ in loaded]
        if not any(problem.severity == "error" for problem in problems):
            if self.id not in {exclusion.id for exclusion in found}:
                hint = (
                    "an id cannot be changed, because hits and the audit trail refer to it; to end an exclusion, "
                    "use fpctl retire"
                )
                problems.append(Problem("missing-id", f"the exclusion {self.id} is gone", Location(path), hint))
            elsewhere = {other.id.casefold(): other for other in self.others.exclusions if other.path != path}
            seen: set[str] = set()
            for exclusion in found:
                folded = exclusion.id.casefold()
                other = elsewhere.get(folded)
                if other is not None or folded in seen:
                    where = f" at {other.at}" if other is not None else ""
                    message = f"the id `{exclusion.id}` is in use{where}"
                    problems.append(Problem("duplicate-id", message, exclusion.at, "choose another id"))
                seen.add(folded)
            problems += check_references(self.rules, ExclusionSet(tuple(found), ()))
        return tuple(problems)

    def ids(self, text: str) -> tuple[str, ...]:
        """Return the ids of the exclusions that are in the file, or would be with a new text."""
        before = [loaded.id for loaded in self.others.exclusions if loaded.path == str(self.path)]
        return tuple(dict.fromkeys((*before, *(loaded.id for loaded in self.loaded(text)))))

    def loaded(self, text: str) -> list[LoadedExclusion]:
        """Return the exclusions that would be in the file with a new text."""
        found, _ = read_exclusion_file(text, str(self.path), ValueListCache(self._root()))
        return [loaded for loaded, _ in found]

    def save(self, text: str) -> None:
        """Put the new text in the place of the old.

        Raises:
            FpctlError: somebody else has changed the file since; it is left as it is.
        """
        if read_text(self.path) != self.before:
            hint = "your edit is kept next to it; compare both and edit again"
            raise FpctlError("the file was changed while it was being edited", Location(str(self.path)), hint)
        write_text(self.path, text)

    def keep(self, text: str) -> Path:
        """Write a text that is not saved beside the file, and return where; nothing already there is overwritten."""
        for number in range(1, 1000):
            place = self.path.with_name(f"{self.path.name}{REJECTED}{'' if number == 1 else number}")
            if not place.exists():
                write_text(place, text)
                return place
        raise FpctlError(f"there are too many {REJECTED} files", Location(str(self.path)), "remove them")

    def _root(self) -> Path:
        """Return the exclusions folder: the nearest above the file that has a `lists/`, else the file's own."""
        for folder in self.path.parents:
            if (folder / "lists").is_dir():
                return folder
        return self.path.parent


def stale_approval(before: ExclusionSet, after_text: str, path: str, id: str, root: Path) -> str | None:
    """Return who approved an exclusion whose rules, match, window or end another text changes; None if nobody."""
    old = next((one.exclusion for one in before.exclusions if one.id == id), None)
    found, _ = read_exclusion_file(after_text, path, ValueListCache(root))
    new = next((one.exclusion for one, _ in found if one.id == id), None)
    if old is None or new is None or new.approved_by is None or new.approval != old.approval:
        return None
    same = all(getattr(old, key) == getattr(new, key) for key in ("rules", "match", "window", "expires", "placement"))
    return None if same else new.approved_by
