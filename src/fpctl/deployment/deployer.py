"""Changes carried out one after the other, and taken back. One rule that fails never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fpctl.deployment.artifacts.body import different
from fpctl.deployment.change import READ_ONLY, Change
from fpctl.deployment.record import UNDOABLE, Deployment, Step
from fpctl.deployment.target import CONFLICT, DeployedResource, DeploymentTarget
from fpctl.engine.interface import EngineError

Progress = Callable[[int], None]
Settled = Callable[[Deployment, Step], None]


def _nobody_asks(deployment: Deployment, step: Step) -> None:
    pass


def deploy(
    wanted: Iterable[Change],
    workspace: DeploymentTarget,
    folder: Path,
    now: datetime,
    progress: Progress,
    *,
    who: str = "",
    settled: Settled = _nobody_asks,
) -> Deployment:
    """Create and update rules, and return the record of it.

    Every step is on disk before it is sent and again when it is done, so that whatever happens it can be
    reported with what was changed, and rolled back.

    Args:
        wanted: changes to carry out (`create`, `update`).
        folder: where deployments are recorded.
        now: names the record.
        progress: called with the number of rules done.
        who: starts it, for the record.
        settled: called with each step whose outcome is on disk; what it changes in the step is saved too.

    Raises:
        FpctlError: the record cannot be written; then nothing more is sent.
    """
    steps = [
        Step(
            change.artifact.title,
            change.artifact.rule.path,
            change.artifact.resource,
            change.artifact.guid,
            change.current.to_dict() if change.current else None,
            {"kind": change.artifact.body.kind if change.artifact.body else None, "properties": change.properties()},
        )
        for change in wanted
    ]
    deployment = Deployment.begin(folder, workspace.id, now, steps, who)
    for done, step in enumerate(steps, 1):
        step.status = "sent"
        deployment.save(step)
        etag = step.before["etag"] if step.before is not None else None
        try:
            step.etag = _put(step, step.wanted, etag, workspace).etag
            step.status = "done"
        except EngineError as error:
            step.status, step.error = "failed", error.message
        deployment.save(step)
        settled(deployment, step)
        deployment.save(step)  # what the audit trail says of it
        progress(done)
    return deployment


def _put(step: Step, wanted: Mapping[str, Any], etag: str | None, workspace: DeploymentTarget) -> DeployedResource:
    try:
        return workspace.put(step.resource, step.guid, wanted["kind"], wanted["properties"], etag)
    except EngineError as error:
        # A conflict may be our own doing: the first request arrived, and only its answer was lost.
        there = workspace.get(step.resource, step.guid) if error.code == CONFLICT else None
        if there is not None and _is(there, wanted["properties"]):
            return there
        raise


def _take_away(there: DeployedResource, workspace: DeploymentTarget) -> None:
    conflict: EngineError | None = None
    try:
        workspace.delete(there)
    except EngineError as error:
        if error.code != CONFLICT:
            raise
        conflict = error
    # Looked at again: it may be gone in spite of a conflict (the first request arrived, its answer was
    # lost), and still be there in spite of a 200 (of a proxy).
    if workspace.get(there.resource, there.guid) is not None:
        raise conflict or EngineError("it still exists, although the service reported it as deleted", code="service")


def roll_back(
    deployment: Deployment,
    workspace: DeploymentTarget,
    *,
    force: bool,
    progress: Progress,
    settled: Settled = _nobody_asks,
) -> None:
    """Put back what was there before a deployment, last rule first; the outcome is in its steps.

    A rule that somebody has changed since is left alone, and its step says so.

    Args:
        force: also put back what was changed since.
        progress: called with the number of rules done.
        settled: called with each step whose outcome is on disk; what it changes in the step is saved too.

    Raises:
        FpctlError: the record cannot be written.
    """
    for done, step in enumerate(reversed(deployment.steps), 1):
        if step.status in UNDOABLE:
            try:
                _undo(step, workspace, force)
                step.status, step.error, step.recorded = "rolled-back", None, False
            except EngineError as error:
                step.error = error.message
            deployment.save(step)
            settled(deployment, step)
            deployment.save(step)
        progress(done)


def _undo(step: Step, workspace: DeploymentTarget, force: bool) -> None:
    there = workspace.get(step.resource, step.guid)
    before = step.before
    if there is None and before is None:
        return
    if there is not None and before is not None and _is(there, before["properties"]):
        return
    ours = there is not None and (there.etag == step.etag or _is(there, step.wanted["properties"]))
    if not ours and not force:
        what = "taken away" if there is None else "changed"
        raise EngineError(f"it was {what} after the deployment; it is left unchanged", code=CONFLICT)
    if before is None:
        assert there is not None
        _take_away(there, workspace)
    else:
        _put(step, before, there.etag if there is not None else None, workspace)


def _is(there: DeployedResource, properties: Mapping[str, Any]) -> bool:
    """Return whether a rule has exactly these properties; what only the service writes does not count."""
    return not set(different(properties, there.properties)) - set(READ_ONLY[there.resource])
