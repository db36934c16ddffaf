"""The `log-analytics` engine: a Log Analytics workspace, which is where Microsoft Sentinel keeps its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.engine.log_analytics.description import DESCRIPTION, ENDPOINT
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.engine.interface import Engine
    from fpctl.engine.options import EngineOptions
    from fpctl.settings import Settings

__all__ = ["DESCRIPTION", "endpoint", "open_engine"]


def endpoint(settings: Settings) -> str | None:
    """Return the address of the service."""
    return settings.engine.log_analytics.endpoint or ENDPOINT


def open_engine(settings: Settings, options: EngineOptions) -> Engine:
    """Return the engine on the workspace of the settings. Raises FpctlError."""
    from fpctl.engine.log_analytics.engine import LogAnalyticsEngine
    from fpctl.engine.remote.destination import LOG_ANALYTICS_HOSTS, Destination
    from fpctl.engine.remote.opening import request_settings, service_credential

    own = settings.engine.log_analytics
    target = own.resource_id or own.workspace_id
    if target is None:
        raise FpctlError(
            "no workspace is set",
            None,
            "set `workspace_id` in [engine.log-analytics] of fpctl.toml, or FPCTL_WORKSPACE_ID",
        )
    address = own.endpoint or ENDPOINT
    destination = Destination(
        address, LOG_ANALYTICS_HOSTS, "FPCTL_LOG_ANALYTICS_ENDPOINT", "endpoint of [engine.log-analytics]"
    )
    return LogAnalyticsEngine(
        target,
        service_credential(settings, own, options, destination),
        endpoint=address,
        additional_workspaces=own.additional_workspaces,
        requests=request_settings(own, options),
    )
