"""The audit trail as commands keep it: every change of an exclusion, and every rule that is deployed or rolled back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fpctl.cli.shared import output
from fpctl.errors import FpctlError
from fpctl.files import exclusive

if TYPE_CHECKING:
    from fpctl.deployment.record import Deployment, Step
    from fpctl.exclusions.loader import ExclusionSet
    from fpctl.history.entry import RuleAuditEvent
    from fpctl.history.history import History
    from fpctl.history.trail import Action, WorkingCopy
    from fpctl.settings import Settings

GLANCE_WAIT = 2.0
"""Seconds that a command which changes nothing waits for another writer of the trail."""


@dataclass(frozen=True, slots=True)
class AuditLog:
    """The trail of one repository.

    Args:
        exclusions: as they were loaded.
        path: the folder, or file, that they were loaded from.
        now: the time of new entries.
    """

    settings: Settings
    exclusions: ExclusionSet
    path: Path
    now: datetime

    def record(
        self, write: Callable[[], object], action: str, ids: Iterable[str], *, reason: str | None = None
    ) -> None:
        """Change exclusion files, and record it.

        A trail that cannot be written stops nobody: the change is made, and the next command records it as one
        made outside fpctl.

        Args:
            write: changes the files.
            action: a word for it, such as `renewed`.
            ids: the exclusions that it changes.
            reason: why, if the command knows.

        Raises:
            FpctlError: `write` did.
        """
        from fpctl.history.history import History

        tried = done = False

        def tracked() -> None:
            nonlocal tried, done
            tried = True
            write()
            done = True

        deed = self._deed(action, reason)
        # The trail's own lock is not there where the trail cannot be written.
        with exclusive(self._folder):
            try:
                with History.open(self.settings.history.url) as history:
                    history.trail.record(deed, ids, tracked, self._present(), self.now)
            except FpctlError as error:
                if tried and not done:
                    raise
                _say_not_recorded(error)
                if not done:
                    write()

    def note(self, action: str, ids: Iterable[str], reason: str) -> None:
        """Record what was done about exclusions without changing them.

        Raises:
            FpctlError: the trail cannot be written; what needs a record must not go on without it.
        """
        from fpctl.history.history import History

        with History.open(self.settings.history.url) as history:
            history.trail.note(self._deed(action, reason), ids, self._present(), self.now)

    def notice(self, history: History) -> int:
        """Record what has changed outside fpctl, say so, and return how many exclusions that were."""
        entries = history.trail.record_changes(self._present(), self.now)
        if entries and not all(entry.action == "found" for entry in entries):
            names = [entry.exclusion for entry in entries if entry.action != "found"]
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            output.say(f"note: changed outside fpctl and recorded as such: {', '.join(names[:3])}{more} (fpctl log)")
        return len(entries)

    def check_anchor(self, history: History) -> bool:
        """Check the trail against the anchor that git notes, say what is wrong, and return whether nothing is.

        A person's own history is not the one that the team's commits refer to; only in CI, and for a history on a
        server, is another one than noted a finding.
        """
        from fpctl.history.anchor import committed_anchor

        noted = committed_anchor(self.settings.paths.root)
        finding = history.trail.check(noted.anchor) if noted is not None else None
        if noted is None or finding is None:
            return True
        if finding.kind == "replaced" and not (os.environ.get("CI") or history.is_server):
            return True
        output.say(f"fpctl: the audit trail is not the one that {noted.source} notes: {finding.message}")
        output.say("  hint: fpctl log verify gives details")
        return False

    def glance(self) -> None:
        """Record what has changed outside fpctl, for a command that works without a history.

        Nothing is done where there is none, for a history on a server, which the command must not wait for, and for
        exclusions of another folder than the usual one.
        """
        if not self._is_usual():
            return
        from fpctl.history.quick_hashes import last_hashes

        before = last_hashes(self.settings.history.url)
        after = {loaded.id: loaded.content_hash for loaded in self.exclusions.exclusions}
        gone = before is not None and not self._is_broken() and not before.keys() <= after.keys()
        if before is None or not (gone or any(before.get(id) != version for id, version in after.items())):
            return
        from fpctl.history.history import History

        try:
            with History.open(self.settings.history.url, lock_wait=GLANCE_WAIT) as history:
                self.notice(history)
        except FpctlError as error:
            _say_not_recorded(error)

    def _deed(self, action: str, reason: str | None) -> Action:
        from fpctl.history.trail import Action
        from fpctl.person import who

        return Action(action, who(self._folder if self._folder.is_dir() else None), reason)

    @property
    def _folder(self) -> Path:
        return self.path.parent if self.path.is_file() else self.path

    def _present(self) -> WorkingCopy:
        from fpctl.history.trail import WorkingCopy

        complete = self._is_usual() and not self._is_broken()
        return WorkingCopy(self.exclusions.exclusions, self._folder, complete=complete)

    def _is_usual(self) -> bool:
        return self.path.is_dir() and self.path.resolve() == self.settings.paths.exclusions.resolve()

    def _is_broken(self) -> bool:
        return any(problem.severity == "error" for problem in self.exclusions.problems)


class DeploymentLog:
    """Records what a deployment or its rollback does to each rule. Use it in a `with` block.

    A history that cannot be written stops nobody, and is reported once: the record of the deployment says which steps
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
        """Record that a rule was rolled back, or could not be."""
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
        from fpctl.deployment.record import DeploymentRecords
        from fpctl.deployment.trail import unrecorded

        late = unrecorded(
            DeploymentRecords(self._folder).newest_first(where="unrecorded"), history.trail.entries(exclusion="")
        )
        history.trail.note_rules([act for _, _, act in late if act is not None], self._clock())
        for deployment, step, _ in late:
            step.recorded = True
            deployment.save(step)

    def _give_up(self, error: FpctlError) -> None:
        _say_not_recorded(error)
        if self._history is not None:
            self._history.close()
            self._history = None


def _say_not_recorded(error: FpctlError) -> None:
    output.say(f"note: not in the audit trail: {error.message}{f' ({error.at})' if error.at else ''}")
