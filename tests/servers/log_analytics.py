"""A Log Analytics workspace on this machine.

Format: https://learn.microsoft.com/azure/azure-monitor/logs/api/response-format
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from servers.loopback import LoopbackServer, Misbehaviour, Request
from servers.store import Refusal, Result, Store, moment_text, range_of, timespan_text


class LogAnalyticsServer(LoopbackServer):
    """Answers `query`, `search` and `metadata` of any workspace and resource from a store.

    Attributes:
        billed: tables of the plans Basic and Auxiliary. As documented, `query` refuses them, and `search` needs its
            time range in the address.
    """

    def __init__(self, store: Store, script: Iterable[Misbehaviour] = ()) -> None:
        super().__init__(script)
        self.store = store
        self.functions: dict[str, str] = {}
        self.billed: set[str] = set()

    def answer(self, request: Request) -> tuple[int, Any]:
        path = unquote(request.path)
        if request.method == "GET" and path.endswith("/metadata"):
            return 200, self._metadata()
        place = urlsplit(path)
        if place.path.endswith("/search"):
            return self._searched(request, parse_qs(place.query))
        if place.path.endswith("/query") and self._billed_in(request.body["query"]):
            return 400, {"error": {"code": "BadArgumentError", "message": "The table has another plan: use search"}}
        if not path.endswith("/query"):
            return 404, {"error": {"code": "PathNotFoundError", "message": "The requested path does not exist"}}
        return self._run(request, request.body.get("timespan"))

    def _billed_in(self, query: str) -> bool:
        return bool(self.billed & set(re.findall(r"\w+", re.sub(r"'[^']*'|\"[^\"]*\"", "", query))))

    def _searched(self, request: Request, options: dict[str, list[str]]) -> tuple[int, Any]:
        if set(request.body) != {"query"}:
            return 400, {"error": {"code": "BadArgumentError", "message": "only query is a member of the body"}}
        if "timespan" not in options or not self._billed_in(request.body["query"]):
            return 400, {"error": {"code": "BadArgumentError", "message": "timespan is required"}}
        return self._run(request, options["timespan"][0])

    def _run(self, request: Request, timespan: str | None) -> tuple[int, Any]:
        try:
            result = self.store.run(request.body["query"], *range_of(timespan))
        except Refusal as refusal:
            return 400, _refused(refusal)
        answer: dict[str, Any] = {"tables": [_table(result)]}
        if "include-statistics=true" in request.headers.get("Prefer", ""):
            answer["statistics"] = {
                "query": {
                    "executionTime": 0.25,
                    "resourceUsage": {"cpu": {"total cpu": "00:00:00"}},
                    "inputDatasetStatistics": {"rows": {"total": 100, "scanned": 40}},
                }
            }
        return 200, answer

    def spoil(self, kind: str, answer: Any) -> Any:
        table = answer["tables"][0]
        if kind == "wrong-columns":
            table["columns"] = table["columns"][1:]
            return answer
        table["rows"] = table["rows"][: len(table["rows"]) // 2]
        if kind == "lost-end":
            return {"tables": []}
        inner = {"code": "-2133196797", "message": "The results of this query exceed the set limit"}
        answer["error"] = {
            "code": "PartialError",
            "message": "There were some errors when processing your query.",
            "details": [{"code": "EngineError", "message": "Something went wrong", "innererror": inner}],
        }
        return answer

    def _metadata(self) -> dict[str, Any]:
        return {
            "tables": [
                {
                    "id": name,
                    "name": name,
                    "columns": [{"name": column, "type": kind} for column, kind in columns.items()],
                }
                for name, columns in self.store.tables().items()
            ],
            "functions": [{"id": name, "name": name, "body": body} for name, body in self.functions.items()],
        }


def _refused(refusal: Refusal) -> dict[str, Any]:
    innermost: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if refusal.line is not None:
        innermost |= {"line": refusal.line, "pos": refusal.pos, "token": refusal.token}
    kind, message = ("SyntaxError", "A recognition error occurred in the query.")
    if refusal.code.startswith("SEM"):
        kind, message = ("SemanticError", "A semantic error occurred.")
    return {
        "error": {
            "code": "BadArgumentError",
            "message": "The request had some invalid properties",
            "correlationId": "5b3e3c9e-0000-0000-0000-000000000000",
            "innererror": {"code": kind, "message": message, "innererror": innermost},
        }
    }


def _table(result: Result) -> dict[str, Any]:
    kinds = [kind for _, kind in result.columns]
    return {
        "name": "PrimaryResult",
        "columns": [{"name": name, "type": kind} for name, kind in result.columns],
        "rows": [[json_value(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in result.rows],
    }


def json_value(value: Any, kind: str) -> Any:
    """Return a value as Log Analytics writes it: dynamic values and decimals are strings."""
    if value is None:
        return "" if kind == "string" else None
    if kind == "datetime":
        return moment_text(value)
    if kind == "timespan":
        return timespan_text(value)
    if kind in ("guid", "decimal"):
        return str(value)
    if kind == "dynamic":
        return value if isinstance(value, str) else json.dumps(value, default=str)
    if kind == "real" and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
