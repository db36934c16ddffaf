"""What the Log Analytics engine costs over the bare client, and how well it keeps several queries going.

    python benchmarks/engines.py [rows]

Each measurement is a process of its own (for its peak memory) against one server in another, which
sends an answer that was made beforehand. Goals: time at most 1.15 and memory at most 2 times the bare
client's; 300 queries at 200 ms each, 5 at once, within 1.2 of the ideal.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ROWS = 500_000
REPEAT = 3
COLUMNS = ("TimeGenerated:datetime", "DeviceName:string", "FileName:string", "ProcessId:long", "Guid:guid",
           "Score:real", "Fields:dynamic")  # fmt: skip


def answer(rows: int) -> bytes:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    return json.dumps(
        {
            "tables": [
                {
                    "name": "PrimaryResult",
                    "columns": [dict(zip(("name", "type"), column.split(":"), strict=True)) for column in COLUMNS],
                    "rows": [
                        [
                            (start + timedelta(milliseconds=x)).isoformat().replace("+00:00", "") + "Z",
                            f"host{x % 1000}.contoso.com",
                            f"file{x % 5000}.exe",
                            x,
                            f"74be27de-1e4e-49d9-b579-{x:012x}",
                            x / 8,
                            f'{{"a":{x},"b":["x","y"]}}',
                        ]
                        for x in range(rows)
                    ],
                }
            ]
        }
    ).encode()


def serve(rows: int, address: Any) -> None:
    big, small = answer(rows), answer(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's delayed acknowledgement

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
            if query == "wait":
                time.sleep(0.2)
            body = small if query == "wait" else big
            self.send_response(200)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    address.put((server.server_port, len(big)))
    server.serve_forever()


# ----------------------------------------------------------------- measured in a process of its own


def bare(url: str) -> int:
    from azure.core.credentials import AccessToken
    from azure.monitor.query import LogsQueryClient

    class Credential:
        def get_token(self, *_: str, **__: Any) -> AccessToken:
            return AccessToken("benchmark", 4_000_000_000)

    client = LogsQueryClient(Credential(), endpoint=url, audience="https://api.loganalytics.io", use_env_settings=False)
    result = client.query_workspace("w", "big", timespan=None, enforce_https=False)
    return len(result.tables[0].rows)  # type: ignore[union-attr]


def engine(url: str) -> int:
    from fpctl.engine.log_analytics.engine import LogAnalyticsEngine
    from fpctl.engine.remote.credentials import token_source

    with LogAnalyticsEngine("w", token_source("none", environ={}), endpoint=url) as opened:
        return len(opened.query("big").rows)


def many(url: str) -> int:
    from fpctl.engine.log_analytics.engine import LogAnalyticsEngine
    from fpctl.engine.remote.credentials import token_source
    from fpctl.engine.remote.request_settings import RequestSettings

    requests = RequestSettings(concurrency=5)
    with LogAnalyticsEngine("w", token_source("none", environ={}), endpoint=url, requests=requests) as opened:
        opened.query("wait")
        started = time.perf_counter()
        opened.query_many(["wait"] * 300)
        return round((time.perf_counter() - started) * 1000)


def measure(kind: str, url: str) -> None:
    work = {"bare": bare, "engine": engine, "many": many}[kind]
    started = time.perf_counter()
    count = work(url)
    print(json.dumps({"seconds": time.perf_counter() - started, "count": count, "kib": peak()}))


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def child(kind: str, url: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, kind, url], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    if len(sys.argv) == 3:
        measure(sys.argv[1], sys.argv[2])
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    address: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(rows, address), daemon=True)
    server.start()
    try:
        port, size = address.get(timeout=300)
        url = f"http://127.0.0.1:{port}"
        # In turns, and the best of each: what else the machine does then hits both alike.
        runs = [(child("bare", url), child("engine", url)) for _ in range(REPEAT)]
        plain = min(run[0]["seconds"] for run in runs)
        ours = min(run[1]["seconds"] for run in runs)
        plain_mib, ours_mib = (max(run[at]["kib"] for run in runs) / 1024 for at in (0, 1))
        print(f"result: {rows:,} rows, {len(COLUMNS)} columns, {size / 1e6:,.0f} MB of JSON")
        print(f"bare azure-monitor-query  {plain:6.2f} s  {plain_mib:6,.0f} MiB")
        print(f"engine log-analytics      {ours:6.2f} s  {ours_mib:6,.0f} MiB")
        print(f"ratio                     {ours / plain:6.2f}    {ours_mib / plain_mib:6.2f}   (goals 1.15 and 2)")
        taken, ideal = child("many", url)["count"] / 1000, 300 * 0.2 / 5
        print(f"300 queries of 200 ms, 5 at once: {taken:.2f} s, {taken / ideal:.2f} of the ideal (goal 1.2)")
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
