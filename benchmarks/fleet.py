"""How long 300 rules take against a Log Analytics server that answers after 200 ms, 5 requests at once.

    python benchmarks/fleet.py [rules]

`fpctl run` itself, from the rule files to the recorded history, against a server in a process of its
own. The ideal is the least time that the documented limits leave for the requests that it sends: 5 at once, and 200
begun in 30 seconds (https://learn.microsoft.com/azure/azure-monitor/service-limits). Goal: within 1.2 of it.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RULES = 300
AT_ONCE = 5
LATENCY = 0.2
GOAL = 1.2
WINDOW_QUERIES, WINDOW = 200, 30.0
"""Queries of one user, and the seconds in which they may begin."""

COLUMNS = (("Timestamp", "datetime"), ("DeviceName", "string"), ("RemotePort", "int"))


def answer_to(query: str) -> dict[str, Any]:
    """Return what the server answers: enough for each kind of query that a run sends."""
    if "getschema" in query:
        return table((("ColumnName", "string"), ("ColumnType", "string")), [list(column) for column in COLUMNS])
    if "Oldest" in query:
        moment = "2026-11-19T08:00:00Z"
        return table((("InRange", "long"), ("Oldest", "datetime"), ("Newest", "datetime")), [[9, moment, moment]])
    if "fpctl_" in query:
        names = list(dict.fromkeys(re.findall(r"\b(fpctl_\w+) = ", query)))
        # No events: counts are 0, and the first and last time are null.
        times = [bool(re.search(rf"\b{name} = (?:min|max)", query)) for name in names]
        kinds = [(name, "datetime" if time_ else "long") for name, time_ in zip(names, times, strict=True)]
        return table(kinds, [[None if time_ else 0 for time_ in times]])
    return table(COLUMNS, [["2026-11-19T08:00:00Z", "ws-1", 443]])


def table(columns: Any, rows: list[list[Any]]) -> dict[str, Any]:
    named = [{"name": name, "type": kind} for name, kind in columns]
    return {"tables": [{"name": "PrimaryResult", "columns": named, "rows": rows}]}


def serve(address: Any, count: Any, first: Any, last: Any) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's delayed acknowledgement

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            arrived = time.monotonic()
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
            body = json.dumps(answer_to(query)).encode()
            with count.get_lock():
                count.value += 1
                first.value = first.value or arrived
                last.value = arrived
            time.sleep(max(0.0, arrived + LATENCY - time.monotonic()))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    address.put(server.server_port)
    server.serve_forever()


def write_repository(folder: Path, port: int, rules: int) -> None:
    for name in ("rules", "exclusions"):
        (folder / name).mkdir()
    for number in range(rules):
        (folder / "rules" / f"r{number:03}.kql").write_text(
            f"DeviceNetworkEvents\n| where Timestamp > ago(1d)\n| where RemotePort == {number}\n"
        )
    (folder / "exclusions" / "fp-1.yaml").write_text(
        'id: fp-1\nrules: ["*"]\nmatch:\n  device: [build01]\nreason: patching\nowner: a@contoso.com\n'
        "created: 2026-11-01\nexpires: 2027-05-01\napproved_by: b@contoso.com\nstatus: active\n"
    )
    (folder / "fpctl.toml").write_text(
        "[engine]\ndefault = 'log-analytics'\ncredential = 'none'\n[engine.log-analytics]\n"
        f"workspace_id = 'w'\nendpoint = 'http://127.0.0.1:{port}'\nconcurrency = {AT_ONCE}\n"
    )


def ideal_of(requests: int) -> float:
    """Return the seconds that requests take at least: full windows, and the slots of the last one always busy."""
    windows = (requests - 1) // WINDOW_QUERIES
    return windows * WINDOW + (requests - windows * WINDOW_QUERIES) * LATENCY / AT_ONCE


def main() -> int:
    rules = int(sys.argv[1]) if len(sys.argv) > 1 else RULES
    address: Any = multiprocessing.Queue()
    count = multiprocessing.Value("i", 0)
    first, last = multiprocessing.Value("d", 0.0), multiprocessing.Value("d", 0.0)
    server = multiprocessing.Process(target=serve, args=(address, count, first, last), daemon=True)
    server.start()
    port = address.get(timeout=30)
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_repository(folder, port, rules)
            started, began = time.perf_counter(), time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "fpctl", "run", "--to", "2026-11-20", "--format", "json"],
                cwd=folder,
                env={
                    **{key: value for key, value in os.environ.items() if not key.startswith("FPCTL_")},
                    "PYTHONPATH": os.pathsep.join(str(Path(place).resolve()) for place in sys.path if place),
                },
                stdout=subprocess.PIPE,
                text=True,
            )
            seconds = time.perf_counter() - started
    finally:
        server.terminate()
    summary = json.loads(done.stdout)["summary"]
    requests: int = count.value
    ideal = ideal_of(requests)
    print(f"rules                 {rules:8,}    ({summary['ok']:,} ok)")
    print(f"requests              {requests:8,}")
    print(f"ideal                 {ideal:8.1f} s")
    print(f"fpctl run             {seconds:8.1f} s")
    print(f"  first request after {first.value - began:8.1f} s")
    print(f"  last request after  {last.value - began:8.1f} s")
    print(f"ratio                 {seconds / ideal:8.2f}    (goal: at most {GOAL})")
    return 0 if seconds / ideal <= GOAL and summary["ok"] == rules else 1


if __name__ == "__main__":
    raise SystemExit(main())
