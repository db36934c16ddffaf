"""Which deployment to roll back."""

from __future__ import annotations

from fpctl.deployment.record import Deployment, DeploymentRecords
from fpctl.errors import FpctlError, Location
from fpctl.spelling import did_you_mean


def deployment_to_undo(records: DeploymentRecords, wanted: str | None, place: str | None = None) -> Deployment:
    """Return the deployment with an id; without one the last that can be rolled back.

    Args:
        records: all deployments.
        wanted: an id.
        place: without an id, only what went there is looked at: a workspace's resource id, or a tenant.

    Raises:
        FpctlError: there is none, or a record cannot be read.
    """
    folder = Location(str(records.folder))
    if wanted is None:
        undoable = records.newest_first(where="undoable")
        found = next((one for one in undoable if place is None or one.workspace.lower() == place.lower()), None)
        if found is None:
            raise FpctlError("no deployment is recorded that could be rolled back", folder)
        return found
    if (found := records.get(wanted)) is None:
        hint = did_you_mean(wanted, records.ids(), what="deployment")
        raise FpctlError(f"no deployment {wanted} is recorded", folder, hint)
    return found


def check_same_workspace(deployment: Deployment, resource_id: str) -> None:
    """Refuse to roll back a deployment in another workspace than its own. Raises FpctlError."""
    if deployment.workspace.lower() != resource_id.lower():
        raise FpctlError(
            f"deployment {deployment.id} went to another workspace: {deployment.workspace}",
            Location(str(deployment.path)),
            "name its target with --target, or set that workspace",
        )
