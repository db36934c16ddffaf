"""Which deployment to roll back."""

from __future__ import annotations

from pathlib import Path

from fpctl.deployment.record import UNDOABLE, Deployment, deployments
from fpctl.errors import FpctlError, Location
from fpctl.spelling import did_you_mean


def deployment_to_undo(folder: Path, wanted: str | None) -> Deployment:
    """Return the deployment with an id; without one the last that can be rolled back.

    Raises:
        FpctlError: there is none, or a record cannot be read.
    """
    recorded = deployments(folder)
    if wanted is not None:
        for deployment in recorded:
            if deployment.id == wanted:
                return deployment
        known = [deployment.id for deployment in recorded]
        hint = did_you_mean(wanted, known, what="deployment")
        raise FpctlError(f"no deployment {wanted} is recorded", Location(str(folder)), hint)
    for deployment in recorded:
        if any(step.status in UNDOABLE for step in deployment.steps):
            return deployment
    raise FpctlError("no deployment is recorded that could be rolled back", Location(str(folder)))


def check_same_workspace(deployment: Deployment, resource_id: str) -> None:
    """Refuse to roll back a deployment in another workspace than its own. Raises FpctlError."""
    if deployment.workspace.lower() != resource_id.lower():
        raise FpctlError(
            f"deployment {deployment.id} went to another workspace: {deployment.workspace}",
            Location(str(deployment.path)),
            "set that one in [deploy], or FPCTL_DEPLOY_WORKSPACE",
        )
