"""The settings made into a target to deploy to."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fpctl.deployment.artifacts.rule_artifact import Target
from fpctl.deployment.target import DeploymentTarget
from fpctl.deployment.tenant.detections import ENDPOINT as GRAPH
from fpctl.deployment.tenant.detections import DefenderTenant
from fpctl.deployment.workspace.management import ENDPOINT, Management
from fpctl.deployment.workspace.workspace import SentinelWorkspace
from fpctl.engine.remote.credentials import token_source
from fpctl.engine.remote.destination import GRAPH_HOSTS, RESOURCE_MANAGER_HOSTS, Destination, trusted_endpoint
from fpctl.engine.remote.retry import Retrier
from fpctl.engine.remote.workspaces import find_workspace
from fpctl.errors import FpctlError
from fpctl.settings import Settings


def connect(
    settings: Settings,
    credential: str | None = None,
    *,
    target: Target = "sentinel",
    environ: Mapping[str, str] | None = None,
    retrier: Retrier | None = None,
) -> DeploymentTarget:
    """Return what rules are deployed to; the caller closes it.

    Nothing is sent yet, unless the workspace is set by its own id or name: then it is looked up.

    Args:
        settings: the effective settings.
        credential: how to sign in; over the settings.
        target: `sentinel`, the workspace of [deploy]; `defender`, the tenant of [engine.defender].
        environ: the environment, for the credential `token`; the process's if None.
        retrier: how requests are tried again.

    Raises:
        FpctlError: a setting that it needs is missing or wrong.
    """
    variables = os.environ if environ is None else environ
    if target == "defender":
        return _tenant(settings, credential, variables, retrier)
    own = settings.deploy
    place = own.workspace or settings.workspace or settings.engine.log_analytics.resource_id
    if place is None:
        raise FpctlError(
            "no workspace to deploy to is set",
            None,
            "set `workspace` in fpctl.toml to its resource id, its id or its name, or FPCTL_WORKSPACE",
        )
    address = own.endpoint or ENDPOINT
    destination = Destination(address, RESOURCE_MANAGER_HOSTS, "FPCTL_DEPLOY_ENDPOINT", "endpoint of [deploy]")
    source = token_source(
        credential or own.credential or settings.engine.credential,
        environ=variables,
        authority=trusted_endpoint(destination, variables).authority,
        tenant=own.tenant,
        client_id=own.client_id,
    )
    management = Management(source, endpoint=address, retrier=retrier)
    if not place.startswith("/"):
        place = find_workspace(management.client, place).resource_id
    return SentinelWorkspace(management, place)


def _tenant(
    settings: Settings, credential: str | None, environ: Mapping[str, str], retrier: Retrier | None
) -> DefenderTenant:
    own = settings.engine.defender
    address = own.endpoint or GRAPH
    destination = Destination(address, GRAPH_HOSTS, "FPCTL_DEFENDER_ENDPOINT", "endpoint of [engine.defender]")
    source = token_source(
        credential or own.credential or settings.engine.credential,
        environ=environ,
        authority=trusted_endpoint(destination, environ).authority,
        tenant=own.tenant,
        client_id=own.client_id,
    )
    return DefenderTenant(source, tenant=own.tenant, endpoint=address, retrier=retrier)
