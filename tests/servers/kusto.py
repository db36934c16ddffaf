"""A Kusto cluster on this machine: duckdb-kql's own REST endpoint, which speaks the v1 and v2 formats.

`progressive` cuts its plain v2 answers into the frames that a cluster sends when asked for progress.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from duckdb_kql import KqlError
from duckdb_kql.server import KustoRestServer, Result, error_response, v1_response, v2_response

from servers.loopback import LoopbackServer, Misbehaviour, Request
from servers.store import Store

_SIX_DIGITS = re.compile(r"\.(\d{6})Z\Z")


class KustoServer(LoopbackServer):
    """Answers queries and management commands of one database from a store."""

    def __init__(self, store: Store, script: Iterable[Misbehaviour] = (), *, progressive: bool = False) -> None:
        super().__init__(script)
        self.progressive = progressive
        # Its socket is not used, only what it makes of a query; the port is let go at once.
        self._cursor = store.connection.cursor()
        self._kusto = KustoRestServer(self._cursor, port=0, quiet=True)
        self._kusto.server_close()
        self.database = self._kusto.database

    def close(self) -> None:
        super().close()
        self._cursor.close()

    def scripted(self, request: Request) -> bool:
        # Before its first query the client asks (GET) which cloud this is.
        return request.method == "POST"

    def answer(self, request: Request) -> tuple[int, Any]:
        if request.method != "POST":
            return 404, error_response("no such page")
        # Microsoft's client sends the properties as a string of JSON.
        properties = json.loads(request.body.get("properties") or "{}")
        options = {name.lower(): value for name, value in properties.get("Options", {}).items()}
        try:
            result: Result = self._kusto.run(request.body["csl"], None, request.body["db"], options)
        except KqlError as error:
            return 400, error_response(str(error))
        except Exception as error:
            return 400, error_response(str(error))
        if request.path.startswith("/v1/"):
            return 200, v1_response(result)
        frames = _seven_digits(v2_response(result, request.headers.get("x-ms-client-request-id", "")))
        return 200, progressive_frames(frames) if self.progressive else frames

    def spoil(self, kind: str, answer: Any) -> Any:
        if not isinstance(answer, list):
            return {"Tables": []}
        if kind == "lost-end":
            return answer[:-1]
        primary = next(frame for frame in answer if frame.get("TableKind") == "PrimaryResult")
        if kind == "wrong-columns":
            primary["Columns"] = primary["Columns"][1:]
            return answer
        primary["Rows"] = primary["Rows"][: len(primary["Rows"]) // 2]
        error = {"code": "LimitsExceeded", "message": "Request is invalid", "@message": "E_QUERY_RESULT_SET_TOO_LARGE"}
        answer[-1] |= {"HasErrors": True, "OneApiErrors": [{"error": error}]}
        return answer


def _seven_digits(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for frame in frames:
        kinds = [column["ColumnType"] for column in frame.get("Columns", ())]
        for row in frame.get("Rows", ()):
            for at, kind in enumerate(kinds):
                if kind == "datetime" and isinstance(row[at], str):
                    row[at] = _SIX_DIGITS.sub(r".\g<1>7Z", row[at])
    return frames


def progressive_frames(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return plain frames as progressive ones: a first guess that is replaced, then the rest in pieces."""
    result: list[dict[str, Any]] = []
    for frame in frames:
        if frame.get("TableKind") != "PrimaryResult":
            result.append({**frame, "IsProgressive": True} if frame["FrameType"] == "DataSetHeader" else frame)
            continue
        rows, identity = frame["Rows"], frame["TableId"]
        half = len(rows) // 2
        result.append({name: value for name, value in frame.items() if name != "Rows"} | {"FrameType": "TableHeader"})
        for kind, part in (("DataAppend", rows[:1]), ("DataReplace", rows[:half]), ("DataAppend", rows[half:])):
            result.append(
                {
                    "FrameType": "TableFragment",
                    "TableFragmentType": kind,
                    "TableId": identity,
                    "FieldCount": len(frame["Columns"]),
                    "Rows": part,
                }
            )
            result.append({"FrameType": "TableProgress", "TableId": identity, "TableProgress": 50.0})
        result.append({"FrameType": "TableCompletion", "TableId": identity, "RowCount": len(rows)})
    return result
