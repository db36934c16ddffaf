"""Resource Manager with one Sentinel workspace on this machine: analytics rules and saved searches.

https://learn.microsoft.com/rest/api/securityinsights/alert-rules
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from servers.loopback import LoopbackServer, Misbehaviour, Request

WORKSPACE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/soc/providers/"
    "Microsoft.OperationalInsights/workspaces/main"
)
PAGE = 2
NEEDED = {
    "Scheduled": ("displayName", "query", "severity", "enabled", "queryFrequency", "queryPeriod", "triggerOperator",
                  "triggerThreshold", "suppressionDuration", "suppressionEnabled"),
    "NRT": ("displayName", "query", "severity", "enabled", "suppressionDuration", "suppressionEnabled"),
    None: ("category", "displayName", "query"),
}  # fmt: skip


class SecurityInsightsServer(LoopbackServer):
    """A workspace whose resources have etags, and are listed in pages.

    Attributes:
        resources: by path below the workspace: `alertRules/GUID`, `savedSearches/GUID`.
        refused: texts in a query for which a PUT is refused with 400.
    """

    def __init__(self, script: Iterable[Misbehaviour] = ()) -> None:
        super().__init__(script)
        self.resources: dict[str, dict[str, Any]] = {}
        self.refused: tuple[str, ...] = ()
        self._count = 0

    def edit(self, path: str, **properties: Any) -> None:
        """Change a resource as somebody in the portal would."""
        resource = self.resources[path]
        self.resources[path] = {
            **resource, "etag": self._etag(), "properties": {**resource["properties"], **properties}
        }  # fmt: skip

    def answer(self, request: Request) -> tuple[int, Any]:
        parts = urlsplit(request.path)
        path, options = unquote(parts.path), parse_qs(parts.query)
        if not path.startswith(WORKSPACE) or "api-version" not in options:
            return 404, _error("ResourceNotFound", "The workspace could not be found.")
        place = path.removeprefix(WORKSPACE).removeprefix("/providers/Microsoft.SecurityInsights").strip("/")
        kind, _, name = place.partition("/")
        if kind not in ("alertRules", "savedSearches"):
            return 404, _error("ResourceNotFound", f"no such resource type: {kind}")
        if not name:
            return 200, self._list(kind, path, options)
        if request.method == "GET":
            found = self.resources.get(place)
            return (200, found) if found else (404, _error("NotFound", "not found"))
        condition = {key.lower(): value for key, value in request.headers.items()}
        there = self.resources.get(place)
        if condition.get("if-none-match") == "*" and there is not None:
            return 412, _error("PreconditionFailed", "It is there already.")
        if "if-match" in condition and (there is None or condition["if-match"] != there["etag"]):
            return 412, _error("PreconditionFailed", "The etag is not that of the resource.")
        if request.method == "DELETE":
            del self.resources[place]
            return 200, {}
        return self._put(place, name, request.body, there)

    def _put(self, place: str, name: str, body: dict[str, Any], there: dict[str, Any] | None) -> tuple[int, Any]:
        kind, properties = body.get("kind"), body["properties"]
        if there is not None and there.get("kind") != kind:
            return 400, _error("BadRequest", "The kind of a rule cannot change.")
        missing = [key for key in NEEDED[kind] if key not in properties]
        if missing:
            return 400, _error("BadRequest", f"Required properties are missing: {', '.join(missing)}")
        if any(text in properties["query"] for text in self.refused):
            return 400, _error("BadRequest", "The query could not be parsed.")
        made = {"name": name, "etag": self._etag(), "properties": properties}
        if kind is not None:
            made["kind"] = kind
            properties["lastModifiedUtc"] = f"2026-11-20T00:00:{self._count:02}Z"
        self.resources[place] = made
        return 200 if there else 201, made

    def _list(self, kind: str, path: str, options: dict[str, list[str]]) -> dict[str, Any]:
        names = sorted(place for place in self.resources if place.startswith(f"{kind}/"))
        start = int(options.get("$skipToken", ["0"])[0])
        answer: dict[str, Any] = {"value": [self.resources[name] for name in names[start : start + PAGE]]}
        if start + PAGE < len(names):
            answer["nextLink"] = f"{self.url}{path}?api-version=x&$skipToken={start + PAGE}"
        return answer

    def _etag(self) -> str:
        self._count += 1
        return f'"{self._count:08d}"'


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
