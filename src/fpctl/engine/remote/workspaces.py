"""Log Analytics workspaces in Azure Resource Manager: found by any of their names, and the plans of their tables.

https://learn.microsoft.com/rest/api/loganalytics/workspaces/get
https://learn.microsoft.com/rest/api/loganalytics/tables/list-by-workspace
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import bad_response
from fpctl.engine.remote.endpoint import Endpoint, endpoint_of
from fpctl.engine.remote.rest_client import RestClient, RestService
from fpctl.engine.remote.retry import Retrier

RESOURCE_MANAGER = "https://management.azure.com"
"""The public cloud; US Government has https://management.usgovcloudapi.net."""
SERVICE = "Azure Resource Manager"
GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
RESOURCE_ID = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.OperationalInsights/workspaces/[^/]+",
    re.IGNORECASE,
)
_VERSION = "2023-09-01"
_SUBSCRIPTIONS_VERSION = "2022-12-01"
_CONNECTORS_VERSION = "2025-09-01"
_READER = "the account needs Reader (or Microsoft Sentinel Reader) on the workspace, or on its resource group"
_MANAGEMENT_HOSTS = (
    (".us", "https://management.usgovcloudapi.net"),
    (".cn", "https://management.chinacloudapi.cn"),
)
"""Host endings of services in the sovereign clouds, and Resource Manager there."""


class Workspace(NamedTuple):
    """A workspace: what Resource Manager calls it, and the id that queries need."""

    resource_id: str
    customer_id: str

    @property
    def name(self) -> str:
        """Its name."""
        return self.resource_id.rpartition("/")[2]


def management_address(place: Endpoint) -> str:
    """Return the address of Resource Manager in the cloud of another service."""
    return next((address for ending, address in _MANAGEMENT_HOSTS if place.host.endswith(ending)), RESOURCE_MANAGER)


def management_scope(place: Endpoint) -> str:
    """Return what a token for Resource Manager is asked for."""
    return (RESOURCE_MANAGER if place.loopback else f"https://{place.host}") + "/.default"


def resource_manager(source: TokenSource, address: str, retrier: Retrier | None = None) -> RestClient:
    """Return a client that reads from Resource Manager. Raises EngineError `settings`."""
    place = endpoint_of(address, setting="endpoint of [deploy]")
    return RestClient(RestService(SERVICE, management_scope(place), _READER), place, source, retrier=retrier)


def find_workspace(client: RestClient, text: str) -> Workspace:
    """Return the workspace with a Resource Manager id, an id of its own (a GUID) or a name.

    By its own id or name it is looked for in every subscription that the account can read.

    Raises:
        EngineError: `settings`, there is none, or several have the name; as of a request.
    """
    wanted = text.strip().rstrip("/")
    if wanted.startswith("/"):
        check_resource_id(wanted)
        found = client.ask("GET", f"{quote(wanted)}?api-version={_VERSION}", accepted=(200, 404)).body
        if found is None:
            raise EngineError(f"there is no workspace {wanted}", code="settings", hint=_READER)
        return _workspace(found)
    key = wanted.lower()
    there = list(_all(client))
    same = [one for one in there if key in (one.customer_id.lower(), one.name.lower())]
    if len(same) == 1:
        return same[0]
    if same:
        names = ", ".join(sorted(one.resource_id for one in same))
        raise EngineError(
            f"{len(same)} workspaces have the name {wanted}", code="settings", hint=f"set `workspace` to one of {names}"
        )
    raise EngineError(
        f"none of the {len(there)} workspaces that the account can read is {wanted}", code="settings", hint=_READER
    )


def check_resource_id(text: str) -> None:
    """Refuse what is not a workspace's Resource Manager id. Raises EngineError `settings`."""
    if not RESOURCE_ID.fullmatch(text):
        raise EngineError(
            f"`workspace` is not the resource id of a workspace: {text}",
            code="settings",
            hint="copy it from the portal (JSON view): /subscriptions/.../resourceGroups/.../providers/"
            "Microsoft.OperationalInsights/workspaces/NAME",
        )


def table_plans(client: RestClient, resource_id: str) -> Mapping[str, str]:
    """Return the plan of each of a workspace's tables: `Analytics`, `Basic` or `Auxiliary`. Raises EngineError."""
    plans: dict[str, str] = {}
    for item in client.pages(f"{quote(resource_id)}/tables?api-version={_VERSION}"):
        properties = item.get("properties")
        name, plan = item.get("name"), properties.get("plan") if isinstance(properties, Mapping) else None
        if isinstance(name, str) and isinstance(plan, str):
            plans[name] = plan
    return plans


def data_connectors(client: RestClient, resource_id: str) -> Mapping[str, bool]:
    """Return a workspace's data connectors by kind, name and id in lower case, each with whether it collects anything.

    Connectors that come with a solution or with an agent may be in no list: one that is missing here can be connected.
    https://learn.microsoft.com/rest/api/securityinsights/data-connectors/list

    Raises:
        EngineError: as of a request.
    """
    found: dict[str, bool] = {}
    place = f"{quote(resource_id)}/providers/Microsoft.SecurityInsights/dataConnectors"
    for item in client.pages(f"{place}?api-version={_CONNECTORS_VERSION}"):
        properties = item.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        shown = properties.get("connectorUiConfig")
        names = [item.get("kind"), item.get("name"), shown.get("id") if isinstance(shown, Mapping) else None]
        collects = _collects(properties.get("dataTypes"))
        for name in names:
            if isinstance(name, str) and name:
                found[name.lower()] = found.get(name.lower(), False) or collects
    return found


def _collects(types: Any) -> bool:
    """Return whether one of a connector's data types is enabled; a connector that has none of them always collects."""
    if not isinstance(types, Mapping):
        return True
    states = [one.get("state") for one in types.values() if isinstance(one, Mapping)]
    return not states or any(str(state).lower() == "enabled" for state in states)


def _all(client: RestClient) -> Iterator[Workspace]:
    for subscription in client.pages(f"/subscriptions?api-version={_SUBSCRIPTIONS_VERSION}"):
        id = quote(str(subscription.get("subscriptionId") or ""))
        path = f"/subscriptions/{id}/providers/Microsoft.OperationalInsights/workspaces?api-version={_VERSION}"
        yield from map(_workspace, client.pages(path))


def _workspace(item: Mapping[str, Any]) -> Workspace:
    properties = item.get("properties")
    id, customer = item.get("id"), properties.get("customerId") if isinstance(properties, Mapping) else None
    if not isinstance(id, str) or not isinstance(customer, str) or not GUID.fullmatch(customer):
        raise bad_response("it does not describe a workspace")
    return Workspace(id.rstrip("/"), customer)
