"""The console and the HTML report on a large estate: 500 rules, 5,000 exclusions, a year of hits (2 million records).

    python benchmarks/console.py [--rules 500] [--exclusions 5000] [--days 182] [--users 8] [--clicks 40]

Starts `fpctl serve` in a process of its own, lets eight users click through the pages at once, and prints for each
page the median and the 95th percentile of its answers, the server's memory, and how long `fpctl report --html` takes
and how large it is. The requests go to loopback and end by themselves.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from catalog import make  # noqa: E402

from fpctl.history.history import History  # noqa: E402
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord  # noqa: E402

IN_A_PLAN = 22
PORT = 8797


def fill(place: Path, rules: int, exclusions: int, days: int) -> int:
    """Record a run of every rule on each day, and return how many hits that are.

    The rows are written as `History.record_run` writes them, in one transaction a day.
    """
    draw = random.Random(1)
    plans = [draw.sample(range(exclusions), IN_A_PLAN) for _ in range(rules)]
    versions = [ExclusionVersion(f"fp-2026-{n:05}", "h") for n in range(exclusions)]
    now = datetime.now(UTC)
    count = 0
    with History.open(place) as history:
        for day in range(days):
            for rule in range(rules):
                began = now - timedelta(days=days - 1 - day, seconds=rule)
                hits = tuple(
                    HitRecord(versions[one], rows, rows // 2, began if rows else None, began if rows else None)
                    for one in plans[rule]
                    if (rows := draw.randrange(40) if one % 3 else 0) is not None
                )
                history.record_run(
                    RunRecord(
                        RuleVersion(f"rule-{rule:05}", f"Generated rule {rule}", "h", "T"), "local", "ok", began, began,
                        rows_before=900, rows_suppressed=sum(hit.rows or 0 for hit in hits), result_rows=3, hits=hits,
                    )
                )  # fmt: skip
                count += len(hits)
    return count


def get(connection: http.client.HTTPConnection, path: str, cookie: str) -> tuple[float, int, bytes]:
    """Return the seconds, status and body of a page."""
    began = time.perf_counter()
    connection.request("GET", path, headers={"cookie": cookie})
    answer = connection.getresponse()
    body = answer.read()
    return time.perf_counter() - began, answer.status, body


def memory(pid: int) -> float:
    """Return a process's resident memory in MB."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]


def clicking(paths: list[str], cookie: str, clicks: int, seed: int, times: dict[str, list[float]]) -> None:
    """Be one user: open pages in an order of one's own, with a short thought between them."""
    draw = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    for _ in range(clicks):
        path = draw.choice(paths)
        took, status, _ = get(connection, path, cookie)
        assert status == 200, (path, status)
        times[path].append(took)
        time.sleep(draw.uniform(0.2, 1.0))
    connection.close()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--exclusions", type=int, default=5000)
    parser.add_argument("--days", type=int, default=182)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--clicks", type=int, default=40)
    given = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory(prefix="fpctl-console-") as temporary:
        place = Path(temporary)
        make(place, given.exclusions, given.rules)
        (place / ".fpctl").mkdir()
        (place / "fpctl.toml").write_text("", encoding="utf-8")
        hits = fill(place / ".fpctl" / "history.db", given.rules, given.exclusions, given.days)
        print(f"{given.rules:,} rules, {given.exclusions:,} exclusions, {hits:,} hits of {given.days} days", flush=True)
        began = time.perf_counter()
        command = [sys.executable, "-m", "fpctl", "report", "--html", "report.html"]
        subprocess.run(command, cwd=place, env=environment, check=False, stderr=subprocess.DEVNULL)
        size = (place / "report.html").stat().st_size / 1e6
        print(f"fpctl report --html: {time.perf_counter() - began:.1f} s, {size:.1f} MB", flush=True)
        served = subprocess.Popen(
            [sys.executable, "-m", "fpctl", "serve", "--port", str(PORT)], cwd=place, env=environment,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            click_through(served, given.users, given.clicks)
        finally:
            served.terminate()
            served.wait(20)
    busy = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"processor time of the children: {busy.ru_utime + busy.ru_stime:.0f} s")


def click_through(served: subprocess.Popen[str], users: int, clicks: int) -> None:
    """Let users click, and print what each page took."""
    assert served.stderr is not None
    token = next(found[1] for line in served.stderr if (found := re.search(r"token=(\S+)", line)))
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
        try:
            connection.connect()
            break
        except OSError:
            time.sleep(0.1)
    connection.request("GET", f"/login?token={token}")
    answer = connection.getresponse()
    answer.read()
    cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
    began = time.perf_counter()
    while b"<h1>One moment</h1>" in get(connection, "/", cookie)[2]:
        time.sleep(0.2)
    print(f"the estate is judged {time.perf_counter() - began:.1f} s after the first visit", flush=True)
    listed = get(connection, "/rules", cookie)[2].decode()
    keys = re.findall(r"/rules/([0-9a-f]{12})", listed)[:5]
    paths = [
        "/", "/rules", "/rules?q=rule+42", "/exclusions", "/exclusions?state=expired", "/exclusions/fp-2026-00042",
        "/audit", "/trail", "/runs", "/shadow", *(f"/rules/{key}" for key in keys),
    ]  # fmt: skip
    times: dict[str, list[float]] = {path: [] for path in paths}
    threads = [
        threading.Thread(target=clicking, args=(paths, cookie, clicks, seed, times), daemon=True)
        for seed in range(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = sorted(took for found in times.values() for took in found)
    for path, found in times.items():
        if found:
            found.sort()
            tail = found[min(int(len(found) * 0.95), len(found) - 1)]
            print(f"{path:<32} median {statistics.median(found) * 1000:6.0f} ms   95 % {tail * 1000:6.0f} ms")
    tail = everything[int(len(everything) * 0.95)]
    print(f"all pages: median {statistics.median(everything) * 1000:.0f} ms, 95 % {tail * 1000:.0f} ms, {users} users")
    print(f"memory of the server: {memory(served.pid):.0f} MB")


if __name__ == "__main__":
    main()
