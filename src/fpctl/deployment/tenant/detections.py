"""A Defender XDR tenant: its custom detections, read and changed through Microsoft Graph v1.0.

https://learn.microsoft.com/graph/api/resources/security-detectionrule. Updating has no documented etag, so a rule
is read again right before it is changed, and compared with what was planned on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from fpctl.deployment.artifacts.detection_rule import READ_ONLY
from fpctl.deployment.target import CONFLICT, DeployedResource, Resource
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.decode import bad_response
from fpctl.engine.remote.endpoint import endpoint_of
from fpctl.engine.remote.errors import HttpResponse, describe_response
from fpctl.engine.remote.rest_client import RestClient, RestService
from fpctl.engine.remote.retry import Retrier

ENDPOINT = "https://graph.microsoft.com"
"""The only cloud that has custom detections in its API."""
SERVICE = "Microsoft Graph"
PERMISSION_NAME = "CustomDetection.ReadWrite.All"
_PERMISSION = (
    f"the account needs the Graph permission {PERMISSION_NAME} with admin consent, and a person needs the role "
    "Detection tuning (manage) in Defender's unified RBAC as well"
)
_PATH = "/v1.0/security/rules/detectionRules"
_RESOURCE: Resource = "detectionRules"


class DefenderTenant:
    """The custom detections of a tenant.

    Args:
        source: gives tokens.
        tenant: its id, for the record; None where it is only known to the credential.
        endpoint: Microsoft Graph's.
        retrier: tries again; a creation that is sent twice is refused the second time, since the id is ours.
        clock: seconds since 1970.

    Raises:
        EngineError: `settings`.
    """

    def __init__(
        self,
        source: TokenSource,
        *,
        tenant: str | None = None,
        endpoint: str = ENDPOINT,
        retrier: Retrier | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        place = endpoint_of(endpoint, setting="endpoint of [engine.defender]")
        if not place.loopback and place.host != "graph.microsoft.com":
            raise EngineError(
                "custom detections can be deployed in the global cloud only", code="settings", hint="export them"
            )
        self._scope = ENDPOINT + "/.default"
        service = RestService(SERVICE, self._scope, _PERMISSION, {409: self._conflict, 412: self._conflict})
        self._client = RestClient(service, place, source, retrier=retrier, clock=clock)
        self._tenant = tenant

    @property
    def id(self) -> str:
        """The tenant, as the record and the audit trail name it."""
        if self._tenant is None:
            self._tenant = str(self._client.source.claims(self._scope).get("tid") or "of the credential")
        return f"tenants/{self._tenant}"

    def all(self) -> dict[tuple[Resource, str], DeployedResource]:
        """Return the tenant's custom detections. Raises EngineError."""
        found: dict[tuple[Resource, str], DeployedResource] = {}
        for item in self._client.pages(_PATH, "@odata.nextLink"):
            deployed = _deployed(item)
            found[_RESOURCE, deployed.guid.lower()] = deployed
        return found

    def get(self, resource: Resource, guid: str) -> DeployedResource | None:
        """Return one detection, None if it is not there. Raises EngineError."""
        item = self._client.ask("GET", self._path(guid), accepted=(200, 404)).body
        return None if item is None else _deployed(item)

    def put(
        self, resource: Resource, guid: str, kind: str | None, properties: Mapping[str, Any], etag: str | None
    ) -> DeployedResource:
        """Create or change a detection, and return it as it is then.

        Raises:
            EngineError: `conflict`, what is there is not what `etag` says; as of a request.
        """
        body = writable(properties)
        query = str(properties.get("queryCondition", {}).get("queryText") or "")
        if etag is None:
            return self._created(guid, body, query)
        self._expect(guid, etag)
        # A property that is not in the body stays; one that is to be empty must say so.
        self._client.ask("PATCH", self._path(guid), body=body, query=query, accepted=(200, 204))
        changed = self.get(resource, guid)
        if changed is None:
            raise EngineError("the rule is missing after the change", code=CONFLICT)
        return changed

    def delete(self, deployed: DeployedResource) -> None:
        """Delete a detection. Raises EngineError, as `put`."""
        if self.get(deployed.resource, deployed.guid) is None:
            return
        self._expect(deployed.guid, deployed.etag)
        self._client.ask("DELETE", self._path(deployed.guid), accepted=(200, 204, 404))

    def claims(self) -> Mapping[str, Any]:
        """Return what the token in use says of itself."""
        return self._client.claims()

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _created(self, guid: str, body: Mapping[str, Any], query: str) -> DeployedResource:
        made = self._client.ask("POST", _PATH, body={"id": guid, **body}, query=query).body
        found = _deployed(made) if made else self.get(_RESOURCE, guid)
        if found is None:
            raise bad_response("the rule was created but cannot be found")
        return found

    def _expect(self, guid: str, etag: str) -> None:
        there = self.get(_RESOURCE, guid)
        if there is None or there.etag != etag:
            raise EngineError(
                "it was changed by someone else in the meantime"
                if there
                else "it was deleted by someone else in the meantime",
                code=CONFLICT,
                hint="check it with `fpctl diff --deployed --target defender`, then deploy again",
            )

    def _path(self, guid: str) -> str:
        return f"{_PATH}/{quote(guid, safe='')}"

    def _conflict(self, answer: HttpResponse) -> EngineError:
        return EngineError(
            f"a rule with this id already exists, or it was changed in the meantime ({answer.status})"
            f"{describe_response(answer, self._client.source.scrub)}",
            code=CONFLICT,
            hint="check it with `fpctl diff --deployed --target defender`, then deploy again",
        )


def writable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that a request may have: without those that only the service writes, and annotations."""
    return {
        name: _plain(value)
        for name, value in properties.items()
        if name not in READ_ONLY and not name.startswith("@odata.")
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        # The context of an answer is not part of a request; a type that distinguishes shapes is.
        return {name: _plain(item) for name, item in value.items() if not name.startswith("@odata.context")}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _deployed(item: Any) -> DeployedResource:
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
        raise bad_response("it does not describe a custom detection")
    properties = {name: value for name, value in item.items() if not name.startswith("@odata.") and name != "id"}
    return DeployedResource(_RESOURCE, item["id"], fingerprint(properties), None, properties)


def fingerprint(properties: Mapping[str, Any]) -> str:
    """Return what stands for the etag that the service does not have: a hash of all that people can change."""
    text = json.dumps(writable(properties), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
