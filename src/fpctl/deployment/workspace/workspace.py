"""A Sentinel workspace: its analytics rules and saved searches, read and changed through Resource Manager."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from fpctl.deployment.artifacts.alert_rule import READ_ONLY
from fpctl.deployment.artifacts.template import ALERT_RULES_VERSION, SAVED_SEARCHES_VERSION
from fpctl.deployment.target import DeployedResource, Resource
from fpctl.deployment.workspace.management import Management
from fpctl.deployment.workspace.watchlists import Watchlists
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.workspaces import check_resource_id


class SentinelWorkspace:
    """A workspace.

    Args:
        management: asks.
        resource_id: `/subscriptions/.../workspaces/NAME`.
        sleep: waits for some seconds, for what the service does in the background.

    Raises:
        EngineError: `settings`, it is not a workspace's id.
    """

    def __init__(
        self, management: Management, resource_id: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        check_resource_id(resource_id.strip().rstrip("/"))
        self.resource_id = resource_id.strip().rstrip("/")
        self._management = management
        provider = f"{quote(self.resource_id)}/providers/Microsoft.SecurityInsights"
        self._watchlists = Watchlists(management, provider, sleep=sleep)

    @property
    def id(self) -> str:
        """Its resource id, as the record and the audit trail name it."""
        return self.resource_id

    def all(self) -> dict[tuple[Resource, str], DeployedResource]:
        """Return its rules, saved searches and own watchlists by (resource, lower-case name). Raises EngineError."""
        found: dict[tuple[Resource, str], DeployedResource] = {}
        resources: tuple[Resource, ...] = ("alertRules", "savedSearches")
        for resource in resources:
            for item in self._management.get_all(self._path(resource)):
                deployed = _deployed(resource, item)
                found[resource, deployed.guid.lower()] = deployed
        for watchlist in self._watchlists.all():
            found["watchlists", watchlist.guid.lower()] = watchlist
        return found

    def get(self, resource: Resource, guid: str) -> DeployedResource | None:
        """Return one rule, None if it is not there. Raises EngineError."""
        if resource == "watchlists":
            return self._watchlists.get(guid)
        item = self._management.get(self._path(resource, guid))
        return None if item is None else _deployed(resource, item)

    def put(
        self, resource: Resource, guid: str, kind: str | None, properties: Mapping[str, Any], etag: str | None
    ) -> DeployedResource:
        """Make or change a rule, and return it as it is then.

        Raises:
            EngineError: `conflict`, what is there is not what `etag` says; the service refuses it, or cannot be
                reached.
        """
        if resource == "watchlists":
            return self._watchlists.put(guid, properties, etag)
        body: dict[str, Any] = {"properties": {k: v for k, v in properties.items() if k not in READ_ONLY}}
        if kind is not None:
            body = {"kind": kind, **body}
        if etag is not None:
            body["etag"] = etag
        query = str(properties.get("query") or "")
        return _deployed(resource, self._management.put(self._path(resource, guid), body, etag, query=query))

    def delete(self, deployed: DeployedResource) -> None:
        """Take a rule away. Raises EngineError, as `put`."""
        if deployed.resource == "watchlists":
            self._watchlists.delete(deployed.guid)
            return
        self._management.delete(self._path(deployed.resource, deployed.guid), deployed.etag)

    def claims(self) -> Mapping[str, Any]:
        """Return what the token in use says of itself."""
        return self._management.client.claims()

    def close(self) -> None:
        """Let go of connections."""
        self._management.close()

    def _path(self, resource: Resource, guid: str | None = None) -> str:
        if resource == "alertRules":
            place, version = "/providers/Microsoft.SecurityInsights/alertRules", ALERT_RULES_VERSION
        else:
            place, version = "/savedSearches", SAVED_SEARCHES_VERSION
        tail = "" if guid is None else f"/{quote(guid, safe='')}"
        return f"{quote(self.resource_id)}{place}{tail}?api-version={version}"


def _deployed(resource: Resource, item: Mapping[str, Any]) -> DeployedResource:
    name, properties = item.get("name"), item.get("properties")
    # Saved searches have come with `eTag`, and with a number for an etag.
    etag = item.get("etag") or item.get("eTag")
    if not isinstance(name, str) or not isinstance(properties, Mapping):
        raise EngineError("the workspace describes a rule in a way that is not known", code="bad-response")
    kind = item.get("kind")
    return DeployedResource(resource, name, str(etag or "*"), kind if isinstance(kind, str) else None, properties)
