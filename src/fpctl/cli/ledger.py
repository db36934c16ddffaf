"""The audit trail as the verbs keep it.

Every change goes through `recorded`, every load before a run through `noticed`, and other loads through `glanced`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.cli import output
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.catalog.load import ExclusionSet
    from fpctl.history.repository import History
    from fpctl.history.trail import Present
    from fpctl.settings import Settings

GLANCE_WAIT = 2.0
"""Seconds that a verb which changes nothing waits for another writer of the trail."""


def recorded(
    write: Callable[[], object],
    action: str,
    ids: Iterable[str],
    *,
    known: ExclusionSet,
    folder: Path,
    settings: Settings,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Change exclusion files, and record it in the audit trail.

    A trail that cannot be written stops nobody: the change is made, and the next command records it as one
    made outside fpctl.

    Args:
        write: changes the files.
        action: a word for it, such as `renewed`.
        ids: the exclusions that it changes.
        known: the exclusions as they were loaded.
        folder: their folder.
        reason: why, where the verb is told.

    Raises:
        FpctlError: `write` did.
    """
    from fpctl.history.repository import History
    from fpctl.history.trail import Deed
    from fpctl.person import who

    tried = done = False

    def tracked() -> None:
        nonlocal tried, done
        tried = True
        write()
        done = True

    deed = Deed(action, who(folder if folder.is_dir() else None), reason)
    try:
        with History.open(settings.history.url) as history:
            history.trail.record(deed, ids, tracked, _present(known, folder, settings), now)
    except FpctlError as error:
        if tried and not done:
            raise
        output.say(f"note: not in the audit trail: {error.message}{f' ({error.at})' if error.at else ''}")
        if not done:
            write()


def noted(
    action: str,
    ids: Iterable[str],
    reason: str,
    *,
    known: ExclusionSet,
    folder: Path,
    settings: Settings,
    now: datetime,
) -> None:
    """Record in the audit trail what was done about exclusions without changing them.

    Raises:
        FpctlError: the trail cannot be written; what asks for a record must not go on without it.
    """
    from fpctl.history.repository import History
    from fpctl.history.trail import Deed
    from fpctl.person import who

    deed = Deed(action, who(folder if folder.is_dir() else None), reason)
    with History.open(settings.history.url) as history:
        history.trail.note(deed, ids, _present(known, folder, settings), now)


def noticed(history: History, known: ExclusionSet, folder: Path, settings: Settings, now: datetime) -> int:
    """Record what has changed outside fpctl, say so, and return how many exclusions that were."""
    entries = history.trail.record_changes(_present(known, folder, settings), now)
    if entries and not all(entry.action == "found" for entry in entries):
        names = [entry.exclusion for entry in entries if entry.action != "found"]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        output.say(f"note: changed outside fpctl, and recorded so: {', '.join(names[:3])}{more} (fpctl log)")
    return len(entries)


def glanced(known: ExclusionSet, folder: Path | None, settings: Settings, now: datetime) -> None:
    """Record what has changed outside fpctl, for a verb that works without a history.

    Nothing is done where there is none, for a history on a server, which the verb must not wait for, and for
    exclusions of another folder than the usual one.

    Args:
        folder: where the exclusions were loaded from; the usual folder if None.
    """
    folder = folder or settings.paths.exclusions
    if not _is_usual(folder, settings):
        return
    from fpctl.history.glance import last_hashes

    before = last_hashes(settings.history.url)
    after = {loaded.id: loaded.content_hash for loaded in known.exclusions}
    gone = before is not None and not _is_broken(known) and not before.keys() <= after.keys()
    if before is None or not (gone or any(before.get(id) != version for id, version in after.items())):
        return
    from fpctl.history.repository import History

    try:
        with History.open(settings.history.url, lock_wait=GLANCE_WAIT) as history:
            noticed(history, known, folder, settings, now)
    except FpctlError as error:
        output.say(f"note: not in the audit trail: {error.message}{f' ({error.at})' if error.at else ''}")


def _present(known: ExclusionSet, folder: Path, settings: Settings) -> Present:
    from fpctl.history.trail import Present

    return Present(known.exclusions, folder, complete=_is_usual(folder, settings) and not _is_broken(known))


def _is_usual(folder: Path, settings: Settings) -> bool:
    return folder.is_dir() and folder.resolve() == settings.paths.exclusions.resolve()


def _is_broken(known: ExclusionSet) -> bool:
    return any(problem.severity == "error" for problem in known.problems)
