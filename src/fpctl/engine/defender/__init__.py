"""The `defender` engine: Microsoft Defender XDR advanced hunting."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fpctl.engine.defender.description import DESCRIPTION, ENDPOINT

if TYPE_CHECKING:
    from fpctl.engine.interface import Engine
    from fpctl.engine.options import EngineOptions
    from fpctl.settings import Settings

__all__ = ["DESCRIPTION", "endpoint", "open_engine"]


def endpoint(settings: Settings) -> str | None:
    """Return the address of Microsoft Graph."""
    return settings.engine.defender.endpoint or ENDPOINT


def open_engine(settings: Settings, options: EngineOptions) -> Engine:
    """Return the engine on the tenant of the settings. Raises FpctlError."""
    from fpctl.engine.defender.engine import DefenderEngine, HuntingLimits
    from fpctl.engine.remote.destination import GRAPH_HOSTS, Destination
    from fpctl.engine.remote.opening import request_settings, service_credential

    own = settings.engine.defender
    address = own.endpoint or ENDPOINT
    destination = Destination(address, GRAPH_HOSTS, "FPCTL_DEFENDER_ENDPOINT", "endpoint of [engine.defender]")
    limits = HuntingLimits()
    if own.look_back_days is not None:
        limits = HuntingLimits(look_back=timedelta(days=own.look_back_days))
    return DefenderEngine(
        service_credential(settings, own, options, destination),
        endpoint=address,
        limits=limits,
        requests=request_settings(own, options),
    )
