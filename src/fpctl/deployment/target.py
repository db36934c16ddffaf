"""What tuned rules are deployed to: a place with resources that are listed, read, put and deleted one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Resource = Literal["alertRules", "savedSearches", "watchlists", "detectionRules"]
"""Kinds of resources: analytics rules; hunting queries and functions; value lists; custom detections of Defender."""

CONFLICT = "conflict"
"""The code of the error that what was to be changed is no longer what it was when it was read."""

DeployedResources = Mapping[tuple[Resource, str], "DeployedResource"]
"""What is in a target, by resource and name in lower case."""


@dataclass(frozen=True, slots=True)
class DeployedResource:
    """A resource as the target has it.

    Attributes:
        guid: its name there.
        etag: of this state; where the service has none, a hash of what was read.
        kind: the service's word for what kind of rule it is, None where it has none.
    """

    resource: Resource
    guid: str
    etag: str
    kind: str | None
    properties: Mapping[str, Any]

    @property
    def query(self) -> str:
        """Its query; empty for the kinds that have none."""
        return query_of(self.properties)

    @property
    def name(self) -> str:
        """Its name for people."""
        return str(self.properties.get("displayName") or self.guid)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values, for the record of a deployment."""
        return {"etag": self.etag, "kind": self.kind, "properties": dict(self.properties)}


class DeploymentTarget(Protocol):
    """A workspace or tenant."""

    @property
    def id(self) -> str:
        """What the record and the audit trail call it."""
        ...

    def all(self) -> dict[tuple[Resource, str], DeployedResource]:
        """Return everything of the kinds that fpctl deploys. Raises EngineError."""
        ...

    def get(self, resource: Resource, guid: str) -> DeployedResource | None:
        """Return one resource, None if it is not there. Raises EngineError."""
        ...

    def put(
        self, resource: Resource, guid: str, kind: str | None, properties: Mapping[str, Any], etag: str | None
    ) -> DeployedResource:
        """Create or change a resource, and return it as it is then.

        Raises:
            EngineError: `conflict`, what is there is not what `etag` says; the service refuses it, or cannot be
                reached.
        """
        ...

    def delete(self, deployed: DeployedResource) -> None:
        """Delete a resource. Raises EngineError, as `put`."""
        ...

    def claims(self) -> Mapping[str, Any]:
        """Return what the token in use says of itself, for hints to people; nothing where it cannot be had."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def sorted_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the rows of a watchlist in an order that does not depend on the service's."""
    plain = ({str(key): str(value) for key, value in row.items()} for row in rows)
    return sorted(plain, key=lambda row: json.dumps(row, sort_keys=True, ensure_ascii=True))


def query_of(properties: Mapping[str, Any]) -> str:
    """Return the query in the properties of a resource; empty where there is none."""
    condition = properties.get("queryCondition")
    if isinstance(condition, Mapping):
        return str(condition.get("queryText") or "")
    return str(properties.get("query") or "")
