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
    from fpctl.engine.defender.engine import LOOK_BACK, DefenderEngine, HuntingLimits
    from fpctl.engine.remote.destination import GRAPH_HOSTS, Destination
    from fpctl.engine.remote.opening import request_settings, service_credential
    from fpctl.schema.tables import Tables

    own = settings.engine.defender
    address = own.endpoint or ENDPOINT
    destination = Destination(address, GRAPH_HOSTS, "FPCTL_DEFENDER_ENDPOINT", "endpoint of [engine.defender]")
    limits = HuntingLimits(
        look_back=LOOK_BACK if own.look_back_days is None else timedelta(days=own.look_back_days),
        streamed={table: timedelta(days=days) for table, days in own.look_back.items()},
        unified=own.unified,
    )
    known = None
    if own.unified:
        # The list of names is not closed: Sentinel's documented ones, and those that the repository has learned.
        known = tuple(sorted({*Tables.packaged().tables(), *(options.tables.tables() if options.tables else ())}))
    return DefenderEngine(
        service_credential(settings, own, options, destination),
        endpoint=address,
        limits=limits,
        known_tables=known,
        requests=request_settings(own, options),
    )
