"""Resource Manager with one Sentinel workspace on this machine: analytics rules, saved searches and watchlists.

As documented, stable versions of the API neither list near-real-time rules nor accept them, and do not give back
`subTechniques` and `sentinelEntitiesMappings`; a watchlist's upload and deletion end some requests later, and a
second upload appends.

https://learn.microsoft.com/rest/api/securityinsights/alert-rules
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from servers.loopback import LoopbackServer, Misbehaviour, Request
from servers.request_schemas import violations

WORKSPACE = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/soc/providers/"
    "Microsoft.OperationalInsights/workspaces/main"
)
CUSTOMER_ID = "99999999-aaaa-bbbb-cccc-dddddddddddd"
"""The workspace's own id, which queries need."""
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
        self.delay = 2
        """Requests that a watchlist's upload and deletion take."""
        self.page = PAGE
        self.plans: dict[str, str] = {}
        """Plans of tables that are not `Analytics`."""
        self.connectors: list[dict[str, Any]] = []
        """Data connectors, as a GET gives them."""
        self.others: list[str] = []
        """Resource ids of further workspaces that the account can read."""
        self._pending: dict[str, list[tuple[int, list[dict[str, str]] | None]]] = {}
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
        if "api-version" not in options:
            return 400, _error("MissingApiVersionParameter", "The api-version query parameter is required.")
        if request.method == "GET" and (found := self._found(path, options)) is not None:
            return found
        if not path.startswith(WORKSPACE):
            return 404, _error("ResourceNotFound", "The workspace could not be found.")
        place = path.removeprefix(WORKSPACE).removeprefix("/providers/Microsoft.SecurityInsights").strip("/")
        kind, _, name = place.partition("/")
        if kind == "watchlists":
            return self._watchlist(request, place, options)
        if kind == "alertRules" and not options["api-version"][0].endswith("-preview"):
            return self._stable(request, place, name, path, options)
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

    def _found(self, path: str, options: dict[str, list[str]]) -> tuple[int, Any] | None:
        """Return the answer about subscriptions, workspaces, tables and connectors; None for anything else."""
        if path == "/subscriptions":
            ids = sorted({id.split("/")[2] for id in (WORKSPACE, *self.others)})
            return 200, {"value": [{"id": f"/subscriptions/{id}", "subscriptionId": id} for id in ids]}
        if path.endswith("/providers/Microsoft.OperationalInsights/workspaces"):
            ids = [id for id in (WORKSPACE, *self.others) if id.startswith(path[: path.index("/providers")])]
            return 200, {"value": [self._workspace(id) for id in ids]}
        if path in (WORKSPACE, *self.others):
            return 200, self._workspace(path)
        if path == f"{WORKSPACE}/tables":
            named = {"SecurityEvent": "Analytics", **self.plans}
            return 200, {"value": [{"name": name, "properties": {"plan": plan}} for name, plan in named.items()]}
        if path == f"{WORKSPACE}/providers/Microsoft.SecurityInsights/dataConnectors":
            return 200, {"value": self.connectors}
        return None

    def _workspace(self, id: str) -> dict[str, Any]:
        customer = CUSTOMER_ID if id == WORKSPACE else f"99999999-aaaa-bbbb-cccc-{self.others.index(id):012}"
        return {"id": id, "name": id.rpartition("/")[2], "properties": {"customerId": customer}}

    def _stable(
        self, request: Request, place: str, name: str, path: str, options: dict[str, list[str]]
    ) -> tuple[int, Any]:
        """Answer as a version does that knows neither near-real-time rules nor the newer properties."""
        if request.method == "PUT" and request.body.get("kind") == "NRT":
            return 400, _error("BadRequest", "The kind NRT is not known in this version.")
        if not name:
            answer = self._list("alertRules", path, options)
            answer["value"] = [one for one in answer["value"] if one["kind"] != "NRT"]
            return 200, answer
        found = self.resources.get(place)
        if found is None or found["kind"] == "NRT":
            return 404, _error("NotFound", "not found")
        hidden = ("subTechniques", "sentinelEntitiesMappings")
        return 200, {**found, "properties": {k: v for k, v in found["properties"].items() if k not in hidden}}

    def rows(self, alias: str) -> list[dict[str, str]]:
        """Return the rows of a watchlist, sorted."""
        items = (
            one for place, one in self.resources.items() if place.startswith(f"watchlists/{alias}/watchlistItems/")
        )
        return sorted((one["properties"]["itemsKeyValue"] for one in items), key=lambda row: sorted(row.items()))

    def _watchlist(self, request: Request, place: str, options: dict[str, list[str]]) -> tuple[int, Any]:
        self._pass_time()
        parts = place.split("/")
        if len(parts) == 1:
            heads = [one for path, one in sorted(self.resources.items()) if _is_watchlist(path)]
            return 200, {"value": heads}
        head = f"watchlists/{parts[1]}"
        if len(parts) == 2:
            return self._head(request, head, parts[1])
        if head not in self.resources:
            return 404, _error("NotFound", "not found")
        if len(parts) == 3:
            return 200, self._list(place, urlsplit(request.path).path, options)
        if request.method == "DELETE":
            found = self.resources.pop(place, None)
            return (200, {}) if found else (204, None)
        if request.method != "PUT":
            return 404, _error("NotFound", "not found")
        values = request.body.get("properties", {}).get("itemsKeyValue")
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            return 400, _error("BadRequest", "itemsKeyValue is required")
        if wrong := violations("watchlistItem", request.body):
            return 400, _error("BadRequest", "; ".join(wrong))
        there = place in self.resources
        self.resources[place] = {
            "name": parts[3], "etag": self._etag(), "properties": {"itemsKeyValue": values, "isDeleted": False}
        }  # fmt: skip
        return (200 if there else 201), self.resources[place]

    def _head(self, request: Request, head: str, alias: str) -> tuple[int, Any]:
        if request.method == "GET":
            return (200, self.resources[head]) if head in self.resources else (404, _error("NotFound", "not found"))
        if request.method == "DELETE":
            if head not in self.resources:
                return 204, None
            self._pending.setdefault(head, []).append((self.delay, None))
            return 200, {}
        properties = request.body["properties"]
        missing = [key for key in ("displayName", "provider", "itemsSearchKey") if key not in properties]
        if missing:
            return 400, _error("BadRequest", f"Required properties are missing: {', '.join(missing)}")
        text = properties.get("rawContent", "")
        rows = list(csv.DictReader(io.StringIO(text)))
        if rows and properties["itemsSearchKey"] not in rows[0]:
            return 400, _error("BadRequest", "The search key is not a column.")
        if wrong := violations("watchlist", request.body, self.resources.get(head, {}).get("properties")):
            return 400, _error("BadRequest", "; ".join(wrong))
        self._pending.setdefault(head, []).append((self.delay, rows))
        there = head in self.resources
        kept = {key: value for key, value in properties.items() if key not in ("rawContent", "contentType")}
        self.resources[head] = {
            "name": alias, "etag": self._etag(), "properties": {**kept, "watchlistAlias": alias, "isDeleted": False}
        }  # fmt: skip
        return (200 if there else 201), self.resources[head]

    def _pass_time(self) -> None:
        for head, works in list(self._pending.items()):
            works[0] = (works[0][0] - 1, works[0][1])
            if works[0][0] > 0:
                continue
            rows = works.pop(0)[1]
            if not works:
                del self._pending[head]
            if rows is None:
                for place in [one for one in self.resources if one == head or one.startswith(f"{head}/")]:
                    del self.resources[place]
            for row in rows or ():
                self._count += 1
                name = f"uploaded-{self._count}"
                self.resources[f"{head}/watchlistItems/{name}"] = {
                    "name": name, "etag": self._etag(), "properties": {"itemsKeyValue": row, "isDeleted": False}
                }  # fmt: skip

    def _put(self, place: str, name: str, body: dict[str, Any], there: dict[str, Any] | None) -> tuple[int, Any]:
        kind, properties = body.get("kind"), body["properties"]
        if there is not None and there.get("kind") != kind:
            return 400, _error("BadRequest", "The kind of a rule cannot change.")
        missing = [key for key in NEEDED[kind] if key not in properties]
        if missing:
            return 400, _error("BadRequest", f"Required properties are missing: {', '.join(missing)}")
        if any(text in properties["query"] for text in self.refused):
            return 400, _error("BadRequest", "The query could not be parsed.")
        if wrong := violations(kind or "savedSearch", body, there["properties"] if there is not None else None):
            return 400, _error("BadRequest", "; ".join(wrong))
        made = {"name": name, "etag": self._etag(), "properties": properties}
        if kind is not None:
            made["kind"] = kind
            properties["lastModifiedUtc"] = f"2026-11-20T00:00:{self._count:02}Z"
        self.resources[place] = made
        return 200 if there else 201, made

    def _list(self, kind: str, path: str, options: dict[str, list[str]]) -> dict[str, Any]:
        names = sorted(place for place in self.resources if place.startswith(f"{kind}/"))
        start = int(options.get("$skipToken", ["0"])[0])
        answer: dict[str, Any] = {"value": [self.resources[name] for name in names[start : start + self.page]]}
        if start + self.page < len(names):
            answer["nextLink"] = f"{self.url}{path}?api-version=x&$skipToken={start + self.page}"
        return answer

    def _etag(self) -> str:
        self._count += 1
        return f'"{self._count:08d}"'


def _is_watchlist(path: str) -> bool:
    return path.startswith("watchlists/") and path.count("/") == 1


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}
