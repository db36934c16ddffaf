"""The `log-analytics` engine: a Log Analytics workspace, which is where Microsoft Sentinel keeps its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.engine.log_analytics.description import DESCRIPTION, ENDPOINT
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.engine.interface import Engine
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.remote.rest_client import RestClient
    from fpctl.settings import Settings

__all__ = ["DESCRIPTION", "endpoint", "open_engine"]


def endpoint(settings: Settings) -> str | None:
    """Return the address of the service."""
    return settings.engine.log_analytics.endpoint or ENDPOINT


def open_engine(settings: Settings, options: EngineOptions) -> Engine:
    """Return the engine on the workspace of the settings.

    A workspace that is set by its Resource Manager id or its name is looked up: queries need its own id.

    Raises:
        FpctlError: no workspace is set, or it cannot be found.
    """
    from fpctl.engine.log_analytics.engine import LogAnalyticsEngine
    from fpctl.engine.log_analytics.workspace_facts import WorkspaceFacts
    from fpctl.engine.remote.destination import LOG_ANALYTICS_HOSTS, Destination
    from fpctl.engine.remote.opening import request_settings, service_credential
    from fpctl.engine.remote.workspaces import GUID, find_workspace

    own = settings.engine.log_analytics
    one = settings.workspace or settings.deploy.workspace
    target = own.resource_id or own.workspace_id or one
    if target is None:
        raise FpctlError(
            "no workspace is set",
            None,
            "set `workspace` in fpctl.toml to its resource id, its id or its name, or FPCTL_WORKSPACE",
        )
    address = own.endpoint or ENDPOINT
    destination = Destination(
        address, LOG_ANALYTICS_HOSTS, "FPCTL_LOG_ANALYTICS_ENDPOINT", "endpoint of [engine.log-analytics]"
    )
    facts = None
    if own.resource_id is None and one is not None:
        # Asked for when they are needed first: an account that may query often has no rights in Resource Manager.
        facts = WorkspaceFacts(lambda: _resource_manager(settings, options), one, allowed=options.allow_billed_scan)
        if own.workspace_id is None and not GUID.fullmatch(one):
            client = _resource_manager(settings, options)
            try:
                target = find_workspace(client, one).customer_id
            finally:
                client.close()
    return LogAnalyticsEngine(
        target,
        service_credential(settings, own, options, destination),
        endpoint=address,
        additional_workspaces=own.additional_workspaces,
        facts=facts,
        requests=request_settings(own, options),
    )


def _resource_manager(settings: Settings, options: EngineOptions) -> RestClient:
    """Return a client of Resource Manager in the cloud of the workspace, with the engine's sign-in."""
    from fpctl.engine.remote.destination import RESOURCE_MANAGER_HOSTS, Destination
    from fpctl.engine.remote.endpoint import endpoint_of
    from fpctl.engine.remote.opening import service_credential
    from fpctl.engine.remote.workspaces import management_address, resource_manager

    own = settings.engine.log_analytics
    place = endpoint_of(own.endpoint or ENDPOINT, setting="endpoint of [engine.log-analytics]")
    address = settings.deploy.endpoint or management_address(place)
    destination = Destination(address, RESOURCE_MANAGER_HOSTS, "FPCTL_DEPLOY_ENDPOINT", "endpoint of [deploy]")
    return resource_manager(service_credential(settings, own, options, destination), address, options.retrier)
