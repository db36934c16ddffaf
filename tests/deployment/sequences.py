"""How many seeded sequences the tests of trouble run: a few by default, all of them where the environment says so.

FPCTL_SEQUENCES=200 FPCTL_ESTATE_RULES=300 python -m pytest tests/deployment

And the audit trail of such a sequence: entries that are lost on the way, and what must be in it at the end.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fpctl.cli.shared.audit_log import DeploymentLog
from fpctl.deployment.deployer import Settled
from fpctl.deployment.record import Deployment, Step
from fpctl.deployment.target import query_of
from fpctl.history.entry import TrailEntry
from fpctl.history.history import History
from fpctl.settings import load_settings

SEEDS = range(int(os.environ.get("FPCTL_SEQUENCES", "20")))
"""Of sequences of faults, for each kind of thing that is deployed."""
ESTATE_RULES = int(os.environ.get("FPCTL_ESTATE_RULES", "20"))
"""Rules of the estate that is deployed, changed and rolled back."""
_ACTIONS = {"done": "deployed", "failed": "deployment failed", "sent": "deployment unanswered"}

Held = Callable[[Step], Mapping[str, Any] | None]
"""The properties that the service holds of a step's rule; None where it has none."""


class SequenceTrail:
    """The trail of one sequence, in a history that all sequences of a module share.

    Args:
        root: of the repository, with its records of deployments.
        place: of the history.
        seed: makes the deployment's time, which tells it from those of other sequences.
    """

    def __init__(self, root: Path, place: Path, seed: int) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=seed)
        self.folder = root / ".fpctl" / "deployments"
        self._place = place
        settings = load_settings(folder=root, environ={})
        self._settings = settings.model_copy(
            update={"history": settings.history.model_copy(update={"url": str(place)})}
        )

    @contextmanager
    def log(self) -> Iterator[DeploymentLog]:
        """Open the log as a command does; what the trail was not told of is recorded then."""
        with DeploymentLog(self._settings, lambda: self.now) as opened:
            yield opened

    def catch_up(self) -> None:
        """Record what the trail was not told of, as the next command does."""
        with self.log():
            pass

    def of(self, deployment: Deployment) -> dict[str, list[TrailEntry]]:
        """Return the entries of a deployment by the id of their rule, the oldest first; the chain must be whole."""
        with History.open(self._place) as history:
            assert history.trail.verify().findings == ()
            found: dict[str, list[TrailEntry]] = {}
            for entry in reversed(history.trail.entries(exclusion="")):
                if entry.rule is not None and entry.rule.deployment == deployment.id:
                    found.setdefault(entry.rule.guid, []).append(entry)
        return found

    def check_sent(self, deployment: Deployment, held: Held) -> None:
        """Check that each step that was sent is one entry, and says what the service holds."""
        entries = self.of(deployment)
        assert set(entries) == {step.guid for step in deployment.steps if step.status != "planned"}
        for step in deployment.steps:
            if step.status == "planned":
                continue
            (entry,) = entries[step.guid]
            assert entry.action == _ACTIONS[step.status]
            assert entry.before == _hash(step.before and step.before["properties"])
            assert entry.after == _hash(step.wanted["properties"])
            if step.status == "done":
                assert entry.after == _hash(held(step))
            elif step.status == "failed":
                assert step.error
                assert step.error in (entry.reason or "")

    def check_undone(self, deployment: Deployment, held: Held) -> None:
        """Check that each step that was rolled back has that as its last entry, once, and what the service holds."""
        entries = self.of(deployment)
        for step in deployment.steps:
            last = entries[step.guid][-1]
            undone = [entry for entry in entries[step.guid] if entry.action == "rolled back"]
            assert (last.action, len(undone)) == ("rolled back", 1)
            assert last.after == _hash(held(step))


def sometimes(draw: random.Random, settled: Settled) -> Settled:
    """Return what tells the trail of most steps: of some it does not, as if the history could not be written."""
    return lambda deployment, step: settled(deployment, step) if draw.random() < 0.75 else None


def _hash(properties: Mapping[str, Any] | None) -> str | None:
    return None if properties is None else hashlib.sha256(query_of(properties).encode()).hexdigest()
