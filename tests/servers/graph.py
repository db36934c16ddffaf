"""Microsoft Graph's `security/runHuntingQuery` on this machine.

Format: https://learn.microsoft.com/graph/api/security-security-runhuntingquery
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from servers.log_analytics import json_value
from servers.loopback import LoopbackServer, Misbehaviour, Request
from servers.store import Refusal, Store, range_of

NET_TYPES = {
    "bool": "SByte",
    "int": "Int32",
    "long": "Int64",
    "real": "Double",
    "decimal": "SqlDecimal",
    "string": "String",
    "datetime": "DateTime",
    "timespan": "TimeSpan",
    "guid": "Guid",
    "dynamic": "Object",
}


class GraphServer(LoopbackServer):
    """Runs hunting queries on a store, and cuts answers at `row_limit` rows without a word.

    An answer of more than `size_limit` bytes is refused in the words that are documented for the older API:
    https://learn.microsoft.com/defender-endpoint/api/run-advanced-query-api
    """

    def __init__(self, store: Store, script: Iterable[Misbehaviour] = (), *, row_limit: int = 100_000) -> None:
        super().__init__(script)
        self.store = store
        self.row_limit = row_limit
        self.size_limit = 124 * 1024 * 1024

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.path != "/v1.0/security/runHuntingQuery" or request.method != "POST":
            return 404, {"error": {"code": "BadRequest", "message": "Resource not found for the segment"}}
        try:
            result = self.store.run(request.body["Query"], *range_of(request.body.get("Timespan")))
        except Refusal as refusal:
            message = refusal.message
            if refusal.line is not None:
                message += f"\n\nToken: {refusal.token}\nLine: {refusal.line}\nPosition: {refusal.pos}"
            inner = {"date": "2026-11-24T00:00:00", "request-id": "1", "client-request-id": "2"}
            return 400, {"error": {"code": "BadRequest", "message": message, "innerError": inner}}
        schema = [{"name": name, "type": NET_TYPES[kind]} for name, kind in result.columns]
        results = [
            {name: _value(value, kind) for (name, kind), value in zip(result.columns, row, strict=True)}
            for row in result.rows[: self.row_limit]
        ]
        if len(json.dumps(results)) > self.size_limit:
            message = (
                "Query execution has exceeded the allowed result size. Optimize your query by limiting the amount of "
                "results and try again."
            )
            return 400, {"error": {"code": "BadRequest", "message": message}}
        context = "https://graph.microsoft.com/v1.0/$metadata#microsoft.graph.security.huntingQueryResults"
        return 200, {"@odata.context": context, "schema": schema, "results": results}

    def spoil(self, kind: str, answer: Any) -> Any:
        if kind == "wrong-columns":
            answer["schema"] = answer["schema"][1:]
            return answer
        if kind == "lost-end":
            return {"schema": answer["schema"]}
        answer["results"] = answer["results"][: len(answer["results"]) // 2]
        answer["error"] = {"code": "PartialError", "message": "The results exceed the set limit"}
        return answer


def _value(value: Any, kind: str) -> Any:
    """Return a value as Graph writes it: a bool is an SByte, a dynamic one is JSON."""
    if value is None:
        return "" if kind == "string" else None
    if kind == "bool":
        return int(value)
    if kind == "dynamic":
        return json.loads(value) if isinstance(value, str) else value
    return json_value(value, kind)
