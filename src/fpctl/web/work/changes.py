"""Changes of exclusion files that somebody makes on a page: written as the command line writes them, under the lock
of the trail, and recorded under the person's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from fpctl.audit.renewal import beyond_policy, refuses
from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.bulk_edit import amend
from fpctl.exclusions.drafts.draft import DraftError, DraftExclusion, with_caret
from fpctl.exclusions.edit import Changes
from fpctl.exclusions.edit_session import EditSession
from fpctl.exclusions.exclusion_writer import NewExclusion, write
from fpctl.exclusions.lifecycle import approved, approver_of, check_approver, renewal, retirement
from fpctl.exclusions.loader import load_exclusions
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.files import exclusive, read_text
from fpctl.history.trail import Action, WorkingCopy
from fpctl.repository.approval_snapshot import places_seen, rules_seen
from fpctl.repository.column_advice import newly_unmatched, unmatched
from fpctl.repository.recording import entries_of, entry_of_text
from fpctl.web.state import Console
from fpctl.web.work.reserved import reserved


class Conflict(FpctlError):
    """Somebody else has changed the file since the page was loaded; `theirs` is what it holds now."""

    def __init__(self, path: str, theirs: str) -> None:
        super().__init__("somebody else has changed this exclusion since you opened it", Location(path))
        self.theirs = theirs


def record(console: Console, draft: DraftExclusion, person: str) -> Exclusion:
    """Write a new exclusion.

    Raises:
        DraftError: the loader would refuse it.
        FpctlError: the file cannot be written.
    """
    snapshot = console.snapshots.now()
    owned = replace(draft, owner=draft.owner or person)
    folder = console.config.exclusions
    (entry,) = entries_of([owned], snapshot.repository, folder, console.snapshots.today())
    return _written(console, entry, person)


def record_text(console: Console, text: str, person: str) -> Exclusion:
    """Write a new exclusion as somebody typed its file.

    Raises:
        DraftError: the loader would refuse it; each problem has its line.
        FpctlError: the file cannot be written.
    """
    repository, today = console.snapshots.now().repository, console.snapshots.today()
    return _written(console, entry_of_text(text, repository, console.config.exclusions, today), person)


def _written(console: Console, entry: NewExclusion, person: str) -> Exclusion:
    exclusion = entry.exclusion
    repository = console.snapshots.now().repository
    planner = repository.planner(console.snapshots.today())
    if problems := unmatched(exclusion, repository.rules.rules, planner, Location(str(entry.path))):
        raise DraftError(problems)
    _recorded(console, "added", [exclusion.id], person, lambda: write(entry), exclusion.reason)
    return exclusion


def renew(console: Console, ids: Sequence[str], until: date, person: str) -> None:
    """Extend the expiry date of exclusions; all of them or none.

    Raises:
        FpctlError: the policy does not allow the date, or one of them cannot be renewed.
    """
    today, settings = console.snapshots.today(), console.config.settings
    known = console.snapshots.now().repository.exclusions
    beyond = beyond_policy([known.get(id) for id in dict.fromkeys(ids)], until, settings, today, settings.paths.root)
    if refuses(beyond, settings):
        said = "; ".join(finding.message for finding in beyond if finding.severity == "error")
        raise FpctlError(said, None, "give an earlier date, or have it approved again first")
    _change(console, "renewed", ids, person, lambda exclusion: renewal(exclusion, until, today))


def retire(console: Console, ids: Sequence[str], reason: str, person: str) -> None:
    """Retire exclusions permanently; all of them or none."""
    today = console.snapshots.today()
    _change(console, "retired", ids, person, lambda exclusion: retirement(exclusion, reason, today), reason)


def approve(console: Console, seen: Mapping[str, str], person: str) -> None:
    """Record a person's approval, with what they saw; the owner cannot approve, and nobody approves for another.

    Args:
        seen: by id, the content hash of each exclusion as the person saw it.

    Raises:
        FpctlError: one of them says something else by now, or the policy does not let this person approve; then none
            is approved.
    """
    check_approver(person, console.config.settings.policy.may_approve)
    today = console.snapshots.today()
    repository = console.snapshots.now().repository
    rules = [loaded.rule for loaded in repository.rules.rules]
    planner = repository.planner(today)

    def change(exclusion: Exclusion) -> Changes:
        if exclusion.content_hash() != seen[exclusion.id]:
            hint = "reload its page, and look at it again"
            raise FpctlError(f"{exclusion.id} was changed since you looked at it", None, hint)
        approver_of(exclusion, person)
        hashes, places = rules_seen(exclusion, rules), places_seen(exclusion, rules, planner)
        return approved(exclusion, person, hashes, places, today)

    _change(console, "approved", tuple(seen), person, change)


def activate(console: Console, id: str, person: str) -> None:
    """Bring a shadow exclusion into force; it needs an approval as any other."""

    def change(exclusion: Exclusion) -> Changes:
        if exclusion.status != "shadow":
            raise FpctlError(f"{id} is {exclusion.status}, not in shadow")
        if not (exclusion.approved_by or "").strip():
            raise FpctlError(f"{id} has no approval", None, "have it approved first")
        return {"status": "active"}

    _change(console, "activated", [id], person, change)


def save_text(
    console: Console, loaded: LoadedExclusion, before: str, text: str, person: str, *, approver: bool
) -> tuple[Problem, ...]:
    """Put a new text in the place of an exclusion's file; return the errors that forbid it, none when it is saved.

    Args:
        before: the file's text when the page was loaded.
        approver: whether the person may approve.

    Raises:
        Conflict: the file has another text by now.
    """
    repository = console.snapshots.now().repository
    path = Path(loaded.path)
    revision = EditSession(path, before, loaded.id, repository.exclusions, repository.rules)
    present = read_text(path)
    if present != before:
        raise Conflict(loaded.path, present)
    problems = [problem for problem in revision.problems(text) if problem.severity == "error"]
    if not problems:
        held = {one.id: one.exclusion for one in revision.loaded(before)}
        problems = reserved(held, revision.loaded(text), loaded.path, approver=approver)
    if not problems:
        planner = repository.planner(console.snapshots.today())
        problems = newly_unmatched(revision.loaded(before), revision.loaded(text), repository.rules.rules, planner)
    if problems:
        return tuple(with_caret(problem, text, loaded.path) for problem in problems)
    if text != before:
        _recorded(console, "edited", revision.ids(text), person, lambda: revision.save(text))
    return ()


def _change(
    console: Console,
    action: str,
    ids: Sequence[str],
    person: str,
    change: Callable[[Exclusion], Changes],
    reason: str | None = None,
) -> None:
    folder = console.config.exclusions

    def write_changes() -> None:
        known = load_exclusions(folder)
        amend([known.get(id) for id in dict.fromkeys(ids)], change, folder)

    _recorded(console, action, ids, person, write_changes, reason)


def _recorded(
    console: Console,
    action: str,
    ids: Iterable[str],
    person: str,
    write_files: Callable[[], None],
    reason: str | None = None,
) -> None:
    """Write, and record it in the trail under the person's name; without the trail nothing is written."""
    snapshot = console.snapshots.now()
    known, folder = snapshot.repository.exclusions, console.config.exclusions
    complete = not any(problem.severity == "error" for problem in known.problems)
    present = WorkingCopy(known.exclusions, folder, complete=complete)
    try:
        with exclusive(folder):
            console.history.trail.record(
                Action(action, person, reason or None), ids, write_files, present, console.config.clock()
            )
    finally:
        console.snapshots.changed()


def words_of(error: FpctlError) -> list[str]:
    """Return what is wrong, a sentence each, for a page."""
    problems = error.problems if isinstance(error, DraftError) else ()
    if problems:
        return [f"{one.message}{f' ({one.hint})' if one.hint else ''}" for one in problems]
    return [f"{error.message}{f' ({error.hint})' if error.hint else ''}"]
