"""The audit trail as the verbs keep it.

Every change goes through `recorded`, every load before a run through `noticed`, other loads through `glanced`, and
every rule that goes into a workspace or out of it through `Deploying`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fpctl.cli.shared import output
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.deployment.record import Deployment, Step
    from fpctl.exclusions.loader import ExclusionSet
    from fpctl.history.entry import RuleAuditEvent
    from fpctl.history.history import History
    from fpctl.history.trail import WorkingCopy
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
    from fpctl.history.history import History
    from fpctl.history.trail import Action
    from fpctl.person import who

    tried = done = False

    def tracked() -> None:
        nonlocal tried, done
        tried = True
        write()
        done = True

    deed = Action(action, who(folder if folder.is_dir() else None), reason)
    try:
        with History.open(settings.history.url) as history:
            history.trail.record(deed, ids, tracked, _present(known, folder, settings), now)
    except FpctlError as error:
        if tried and not done:
            raise
        _say_not_recorded(error)
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
    from fpctl.history.history import History
    from fpctl.history.trail import Action
    from fpctl.person import who

    deed = Action(action, who(folder if folder.is_dir() else None), reason)
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
    from fpctl.history.quick_hashes import last_hashes

    before = last_hashes(settings.history.url)
    after = {loaded.id: loaded.content_hash for loaded in known.exclusions}
    gone = before is not None and not _is_broken(known) and not before.keys() <= after.keys()
    if before is None or not (gone or any(before.get(id) != version for id, version in after.items())):
        return
    from fpctl.history.history import History

    try:
        with History.open(settings.history.url, lock_wait=GLANCE_WAIT) as history:
            noticed(history, known, folder, settings, now)
    except FpctlError as error:
        _say_not_recorded(error)


class Deploying:
    """Records what a deployment or its rollback does to each rule. Use it in a `with` block.

    A history that cannot be written stops nobody, and is said once: the record of the deployment says which steps
    the trail does not know, and the next deployment records them.

    Attributes:
        who: deploys.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        from fpctl.deployment.record import FOLDER
        from fpctl.person import who

        self.who = who(settings.paths.root)
        self._url = settings.history.url
        self._folder = settings.paths.root / FOLDER
        self._clock = clock
        self._history: History | None = None

    def __enter__(self) -> Self:
        """Open the history, and record what earlier deployments could not."""
        from fpctl.history.history import History

        try:
            self._history = History.open(self._url)
        except FpctlError as error:
            self._give_up(error)
            return self
        try:
            self._catch_up(self._history)
        except FpctlError as error:  # an old record that cannot be read keeps no new entry out
            _say_not_recorded(error)
        return self

    def __exit__(self, *_: object) -> None:
        if self._history is not None:
            self._history.close()

    def sent(self, deployment: Deployment, step: Step) -> None:
        """Record that a rule was sent."""
        from fpctl.deployment.trail import sent

        self._record(step, sent(step, deployment, self.who))

    def taken_back(self, deployment: Deployment, step: Step) -> None:
        """Record that a rule was taken back, or could not be."""
        from fpctl.deployment.trail import taken_back

        self._record(step, taken_back(step, deployment, self.who))

    def _record(self, step: Step, act: RuleAuditEvent) -> None:
        if self._history is None:
            return
        try:
            self._history.trail.note_rules([act], self._clock())
            step.recorded = True
        except FpctlError as error:
            self._give_up(error)

    def _catch_up(self, history: History) -> None:
        from fpctl.deployment.record import newest_first
        from fpctl.deployment.trail import unrecorded

        late = unrecorded(newest_first(self._folder), history.trail.entries(exclusion=""))
        history.trail.note_rules([act for _, _, act in late if act is not None], self._clock())
        for deployment, step, _ in late:
            step.recorded = True
            deployment.save()

    def _give_up(self, error: FpctlError) -> None:
        _say_not_recorded(error)
        if self._history is not None:
            self._history.close()
            self._history = None


def _say_not_recorded(error: FpctlError) -> None:
    output.say(f"note: not in the audit trail: {error.message}{f' ({error.at})' if error.at else ''}")


def _present(known: ExclusionSet, folder: Path, settings: Settings) -> WorkingCopy:
    from fpctl.history.trail import WorkingCopy

    return WorkingCopy(known.exclusions, folder, complete=_is_usual(folder, settings) and not _is_broken(known))


def _is_usual(folder: Path, settings: Settings) -> bool:
    return folder.is_dir() and folder.resolve() == settings.paths.exclusions.resolve()


def _is_broken(known: ExclusionSet) -> bool:
    return any(problem.severity == "error" for problem in known.problems)
