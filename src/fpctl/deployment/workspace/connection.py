"""The settings made into a workspace to deploy to."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fpctl.deployment.workspace.management import ENDPOINT, Management
from fpctl.deployment.workspace.workspace import SentinelWorkspace
from fpctl.engine.remote.credentials import token_source
from fpctl.engine.remote.destination import RESOURCE_MANAGER_HOSTS, Destination, trusted_endpoint
from fpctl.engine.remote.retry import Retrier
from fpctl.errors import FpctlError
from fpctl.settings import Settings


def connect(
    settings: Settings,
    credential: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    retrier: Retrier | None = None,
) -> SentinelWorkspace:
    """Return the workspace of `[deploy]`; the caller closes it. Nothing is sent yet.

    Args:
        settings: the settings in force.
        credential: who asks; over the settings.
        environ: the environment, for the credential `token`; the process's if None.
        retrier: how requests are tried again.

    Raises:
        FpctlError: a setting that it needs is missing or wrong.
    """
    own = settings.deploy
    place = own.workspace or settings.engine.log_analytics.resource_id
    if place is None:
        raise FpctlError(
            "no workspace to deploy to is set",
            None,
            "set `workspace` in [deploy] of fpctl.toml to its resource id, or FPCTL_DEPLOY_WORKSPACE",
        )
    endpoint = own.endpoint or ENDPOINT
    variables = os.environ if environ is None else environ
    destination = Destination(endpoint, RESOURCE_MANAGER_HOSTS, "FPCTL_DEPLOY_ENDPOINT", "endpoint of [deploy]")
    place_of_service = trusted_endpoint(destination, variables)
    source = token_source(
        credential or own.credential or settings.engine.credential,
        environ=variables,
        authority=place_of_service.authority,
        tenant=own.tenant,
        client_id=own.client_id,
    )
    return SentinelWorkspace(Management(source, endpoint=endpoint, retrier=retrier), place)
