"""Where a service is, which cloud that belongs to, and whether a token may be sent there."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from fpctl.engine.interface import EngineError

_AUTHORITIES = (
    (".us", "login.microsoftonline.us"),
    (".usgovcloudapi.net", "login.microsoftonline.us"),  # Resource Manager and Kusto clusters there
    (".cn", "login.chinacloudapi.cn"),
)
"""Host endings of the sovereign clouds, and who signs people in there (azure.identity.AzureAuthorityHosts)."""
_PUBLIC_AUTHORITY = "login.microsoftonline.com"

_LOG_ANALYTICS_AUDIENCES = {
    # The newer name of the public endpoint takes tokens for the older one.
    "api.loganalytics.azure.com": "https://api.loganalytics.io",
}


class Endpoint(NamedTuple):
    """A service's base address, without a `/` at its end. `authority` is the host that gives tokens for its cloud."""

    url: str
    host: str
    loopback: bool
    authority: str


def endpoint_of(address: str, *, setting: str) -> Endpoint:
    """Return a checked endpoint.

    Args:
        address: as written in the settings; `https://` is added where no scheme is given.
        setting: the name of the setting, for the error.

    Raises:
        EngineError: `settings`: no address, or plain http to another machine: the token would be readable on the way.
    """
    text = address.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        raise EngineError(
            f"{setting} is not an address of a service: {address!r}",
            code="settings",
            hint="write it as https://host, without a user name",
        )
    loopback = is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise EngineError(
            f"{setting} is plain http: {address}",
            code="settings",
            hint="use https://; plain http is accepted for this machine (127.0.0.1) only",
        )
    shown = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    authority = next((place for ending, place in _AUTHORITIES if host.endswith(ending)), _PUBLIC_AUTHORITY)
    return Endpoint(url, host, loopback, authority)


def is_loopback(host: str) -> bool:
    """Return whether a host name is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def log_analytics_audience(endpoint: Endpoint) -> str:
    """Return for whom a token for a Log Analytics endpoint must be made out.

    It is the endpoint itself in the public cloud, US Government and China
    (https://learn.microsoft.com/azure/azure-monitor/logs/api/access-api).
    """
    if endpoint.loopback:
        return "https://api.loganalytics.io"
    return _LOG_ANALYTICS_AUDIENCES.get(endpoint.host, f"https://{endpoint.host}")
