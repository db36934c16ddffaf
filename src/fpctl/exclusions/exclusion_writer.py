"""New exclusions into their files: checked together, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, checked, with_caret
from fpctl.exclusions.loader import ExclusionSet
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.references import check_references
from fpctl.files import write_text
from fpctl.rules.loader import RuleSet
from fpctl.rules.selector import parse_selector


@dataclass(frozen=True, slots=True)
class NewExclusion:
    """An exclusion that may be written: what it says, its text, and its file."""

    exclusion: Exclusion
    text: str
    path: Path
    warnings: tuple[Problem, ...]


def new_exclusion(draft: DraftExclusion, folder: Path, rules: RuleSet, known: ExclusionSet) -> NewExclusion:
    """Return a draft as an entry.

    Raises:
        DraftError: the loader would refuse it, or it names a rule that is not there.
        FpctlError: its id is in use.
    """
    taken = {loaded.id.casefold(): loaded for loaded in known.exclusions}
    if (other := taken.get(draft.id.casefold())) is not None:
        raise FpctlError(f"the id `{draft.id}` is in use", other.at, "leave --id out, or give another")
    named = replace(draft, rules=tuple(stable_selector(selector, rules) for selector in draft.rules))
    return exclusion_of_text(named.text(folder), folder, rules, known)


def exclusion_of_text(text: str, folder: Path, rules: RuleSet, known: ExclusionSet) -> NewExclusion:
    """Return what somebody wrote as an entry: the text of a file that holds one new exclusion.

    Raises:
        DraftError: the loader would refuse it, its id is in use, or it names a rule that is not there.
        FpctlError: its file is there already.
    """
    loaded, warnings = checked(text, folder)
    exclusion = loaded.exclusion
    other = next((one for one in known.exclusions if one.id.casefold() == exclusion.id.casefold()), None)
    if other is not None:
        problem = Problem(
            "duplicate-id", f"the id `{exclusion.id}` is in use at {other.at}", loaded.at_key("id"), "choose another id"
        )
        raise DraftError([with_caret(problem, text, loaded.path)])
    unknown = check_references(rules, ExclusionSet((loaded,), ()))
    if unknown:
        raise DraftError(
            [with_caret(replace(one, message=_unnamed(one.message)), text, loaded.path) for one in unknown]
        )
    path = folder / f"{exclusion.id}.yaml"
    if path.exists() or path.is_symlink():
        raise FpctlError("the file already exists", Location(str(path)), "give another --id")
    return NewExclusion(exclusion, text, path, warnings)


def _unnamed(message: str) -> str:
    return "the exclusion" + message[message.index(" names ") :]


def stable_selector(selector: str, rules: RuleSet) -> str:
    """Return the id of the rule that a name or path means, so that renaming the rule changes nothing.

    Anything else stays as it is: globs, tags, ids, and names of no rule or several.
    """
    parsed = parse_selector(selector)
    if not parsed.names_one:
        return selector
    found = [loaded.rule for loaded in rules.rules if parsed.selects(loaded.rule) is not None]
    return found[0].id if len(found) == 1 else selector


def twins(exclusion: Exclusion, known: Iterable[LoadedExclusion]) -> list[str]:
    """Return the ids of exclusions, not retired, that match the same for one of the same rules, sorted."""
    rules = {selector.casefold() for selector in exclusion.rules}
    return sorted(
        loaded.id
        for loaded in known
        if loaded.exclusion.status != "retired"
        and loaded.exclusion.match == exclusion.match
        and rules & {selector.casefold() for selector in loaded.exclusion.rules}
    )


def write(entry: NewExclusion) -> None:
    """Write an entry's file.

    Raises:
        FpctlError: it cannot be written, or was created in the meantime.
    """
    if entry.path.exists() or entry.path.is_symlink():
        raise FpctlError("the file already exists", Location(str(entry.path)), "give another --id")
    write_text(entry.path, entry.text)
