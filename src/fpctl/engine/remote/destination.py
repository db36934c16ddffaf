"""Whether a token may be sent to an address: a repository's settings must not be able to send it elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.endpoint import Endpoint, endpoint_of

TRUST_VARIABLE = "FPCTL_TRUSTED_HOSTS"
"""Names further hosts, separated by commas, that tokens may be sent to. The user sets it, a repository cannot."""


class Destination(NamedTuple):
    """Where a service is said to be.

    Attributes:
        address: as it is in the settings.
        hosts: the service's hosts in Microsoft's clouds; one that begins with a dot stands for its subdomains.
        variable: the environment variable that gives the address; empty where there is none.
        setting: the name of the setting, for messages.
    """

    address: str
    hosts: tuple[str, ...]
    variable: str = ""
    setting: str = "the endpoint"


LOG_ANALYTICS_HOSTS = (
    "api.loganalytics.io", "api.loganalytics.azure.com", "api.loganalytics.us", "api.loganalytics.azure.us",
    "api.loganalytics.azure.cn", ".monitor.azure.com", ".monitor.azure.us", ".monitor.azure.cn",
)  # fmt: skip
GRAPH_HOSTS = ("graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us")
RESOURCE_MANAGER_HOSTS = ("management.azure.com", "management.usgovcloudapi.net", "management.chinacloudapi.cn")
KUSTO_HOSTS = (
    ".kusto.windows.net", ".kusto.fabric.microsoft.com", ".kusto.azuresynapse.net", ".kusto.usgovcloudapi.net",
    ".kusto.chinacloudapi.cn", "adx.monitor.azure.com", "ade.loganalytics.io",
)  # fmt: skip


def trusted_endpoint(destination: Destination, environ: Mapping[str, str]) -> Endpoint:
    """Return the checked endpoint of a service to which a token may be sent.

    A host outside the service's clouds is accepted if the user named it: as the address in the environment
    variable, or in FPCTL_TRUSTED_HOSTS. A settings file may come with a cloned repository.

    Raises:
        EngineError: `settings`, the address is not one; `untrusted-host`.
    """
    place = endpoint_of(destination.address, setting=destination.setting)
    if place.loopback or _is_one_of(place.host, destination.hosts):
        return place
    if destination.variable and environ.get(destination.variable, "").strip() == destination.address.strip():
        return place
    if place.host.lower() in trusted_hosts(environ):
        return place
    raise EngineError(
        f"{destination.setting} is on {place.host}, which is not a host of this service in Microsoft's clouds: "
        "no token is sent there",
        code="untrusted-host",
        hint=f"if it is right, set {TRUST_VARIABLE}={place.host} in your environment",
    )


def trusted_hosts(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the hosts that the user named in FPCTL_TRUSTED_HOSTS, in lower case."""
    return frozenset(host.strip().lower() for host in environ.get(TRUST_VARIABLE, "").split(",")) - {""}


def _is_one_of(host: str, hosts: tuple[str, ...]) -> bool:
    name = host.lower().rstrip(".")
    return any(name.endswith(known) if known.startswith(".") else name == known for known in hosts)
