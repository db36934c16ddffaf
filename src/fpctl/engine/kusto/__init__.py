"""The `kusto` engine: Azure Data Explorer, a Fabric eventhouse or a free cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from fpctl.engine.kusto.description import DESCRIPTION
from fpctl.errors import FpctlError

if TYPE_CHECKING:
    from fpctl.engine.interface import Engine
    from fpctl.engine.options import EngineOptions
    from fpctl.settings import Settings

T = TypeVar("T")

__all__ = ["DESCRIPTION", "endpoint", "open_engine"]


def endpoint(settings: Settings) -> str | None:
    """Return the address of the cluster, None where none is set."""
    return settings.engine.kusto.cluster


def open_engine(settings: Settings, options: EngineOptions) -> Engine:
    """Return the engine on the database of the settings. Raises FpctlError."""
    from fpctl.engine.kusto.engine import KustoEngine
    from fpctl.engine.remote.destination import KUSTO_HOSTS, Destination
    from fpctl.engine.remote.opening import request_settings, service_credential

    own = settings.engine.kusto
    cluster = _needed(own.cluster, "cluster", "FPCTL_KUSTO_CLUSTER")
    database = _needed(own.database, "database", "FPCTL_KUSTO_DATABASE")
    destination = Destination(cluster, KUSTO_HOSTS, "FPCTL_KUSTO_CLUSTER", "cluster of [engine.kusto]")
    return KustoEngine(
        cluster,
        database,
        service_credential(settings, own, options, destination),
        time_column=own.time_column,
        now=options.now,
        requests=request_settings(own, options),
    )


def _needed(value: T | None, key: str, variable: str) -> T:
    if value is None:
        raise FpctlError(f"no {key} is set for the engine kusto", None, f"set `{key}` in [engine.kusto], or {variable}")
    return value
