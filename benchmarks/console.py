"""The console and the HTML report on a large estate: 500 rules, 5,000 exclusions, a year of hits (2 million records).

    python benchmarks/console.py [--rules 500] [--exclusions 5000] [--days 182] [--users 8] [--clicks 40] [--keep DIR]

Starts `fpctl serve` in a process of its own, lets eight users click through the pages at once, and prints for each
page its processor time alone, the median and the 95th percentile of its answers, the server's memory, and how long
`fpctl report --html` takes and how large it is. The requests go to loopback and end by themselves.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))
sys.path.insert(0, str(ROOT / "benchmarks"))

from catalog import make  # noqa: E402

from fpctl.history import migrate  # noqa: E402
from fpctl.history.history import History  # noqa: E402
from fpctl.history.store import Store  # noqa: E402
from history import Estate  # noqa: E402
from history import fill as fill_history  # noqa: E402

PORT = 8797
TIMES_ALONE = 10


def fill(place: Path, rules: int, exclusions: int, days: int) -> int:
    """Record a run of every rule on each day, and return how many hits that are."""
    estate = Estate(
        [f"rule-{n:05}" for n in range(rules)], [f"fp-2026-{n:05}" for n in range(exclusions)], "Generated rule {}"
    )
    History.open(place).close()
    store = Store(place, create=True)
    store.write(lambda connection: migrate.downgrade(connection, "base"))
    count = store.write(lambda connection: fill_history(connection, days, estate))
    store.close()
    History.open(place).close()  # which adds the hits up by day
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


def processor(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--exclusions", type=int, default=5000)
    parser.add_argument("--days", type=int, default=182)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--clicks", type=int, default=40)
    parser.add_argument("--only", choices=("report", "pages"), help="only this part")
    parser.add_argument("--keep", type=Path, help="make the estate here and leave it, or use the one that is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fpctl-console-") as temporary:
        place = given.keep or Path(temporary)
        if not (place / "fpctl.toml").exists():
            make(place, given.exclusions, given.rules)
            (place / ".fpctl").mkdir()
            hits = fill(place / ".fpctl" / "history.db", given.rules, given.exclusions, given.days)
            (place / "fpctl.toml").write_text("", encoding="utf-8")
            print(f"{given.rules:,} rules, {given.exclusions:,} exclusions, {hits:,} hits of {given.days} days")
        if given.only != "pages":
            report(place)
        if given.only != "report":
            console(place, given.users, given.clicks)


def environment() -> dict[str, str]:
    """Return the environment in which fpctl is started."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def report(place: Path) -> None:
    """Print what the HTML report takes."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "fpctl", "report", "--html", "report.html"]
    subprocess.run(command, cwd=place, env=environment(), check=False, stderr=subprocess.DEVNULL)
    passed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = (place / "report.html").stat().st_size / 1e6
    print(f"fpctl report --html: {passed:.1f} s, {busy:.1f} s of processor time, {size:.1f} MB", flush=True)


def console(place: Path, users: int, clicks: int) -> None:
    """Print what the console's pages take."""
    served = subprocess.Popen(
        [sys.executable, "-m", "fpctl", "serve", "--port", str(PORT)], cwd=place, env=environment(),
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        click_through(served, users, clicks)
    finally:
        served.terminate()
        served.wait(20)


def alone(paths: list[str], cookie: str, pid: int) -> None:
    """Print the processor time of each page, asked for by nobody else."""
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    for path in paths:
        get(connection, path, cookie)
        before = processor(pid)
        sizes = [len(get(connection, path, cookie)[2]) for _ in range(TIMES_ALONE)]
        busy = (processor(pid) - before) / TIMES_ALONE
        print(f"{path:<32} {busy * 1000:6.0f} ms of processor time, {sizes[-1] / 1000:6.0f} kB", flush=True)
    connection.close()


def click_through(served: subprocess.Popen[str], users: int, clicks: int) -> None:
    """Let users click, and print what each page took."""
    began = time.perf_counter()
    assert served.stderr is not None
    token = next(found[1] for line in served.stderr if (found := re.search(r"token=(\S+)", line)))
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
        try:
            connection.connect()
            break
        except OSError:
            time.sleep(0.1)
    print(f"fpctl serve answers after {time.perf_counter() - began:.1f} s", flush=True)
    connection.request("GET", f"/login?token={token}")
    answer = connection.getresponse()
    answer.read()
    cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
    began = time.perf_counter()
    while b"<h1>One moment</h1>" in get(connection, "/", cookie)[2]:
        time.sleep(0.2)
    print(f"the estate is judged {time.perf_counter() - began:.1f} s after the first visit", flush=True)
    listed = get(connection, "/rules", cookie)[2].decode()
    keys = list(dict.fromkeys(re.findall(r"/rules/([0-9a-f]{12})", listed)))[:5]
    paths = [
        "/", "/rules", "/rules?q=rule+42", "/exclusions", "/exclusions?state=expired", "/exclusions/fp-2026-00042",
        "/exclusions/fp-2026-00042/edit", "/exclusions/new?rules=rule-00042&device=host00042", "/audit", "/trail",
        "/runs", "/shadow", *(f"/rules/{key}" for key in keys),
    ]  # fmt: skip
    connection.close()
    alone(paths, cookie, served.pid)
    times: dict[str, list[float]] = {path: [] for path in paths}
    threads = [
        threading.Thread(target=clicking, args=(paths, cookie, clicks, seed, times), daemon=True)
        for seed in range(users)
    ]
    before, began = processor(served.pid), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    busy, passed = processor(served.pid) - before, time.perf_counter() - began
    everything = sorted(took for found in times.values() for took in found)
    for path, found in times.items():
        if found:
            found.sort()
            tail = found[min(int(len(found) * 0.95), len(found) - 1)]
            print(f"{path:<32} median {statistics.median(found) * 1000:6.0f} ms   95 % {tail * 1000:6.0f} ms")
    tail = everything[int(len(everything) * 0.95)]
    print(f"all pages: median {statistics.median(everything) * 1000:.0f} ms, 95 % {tail * 1000:.0f} ms, {users} users")
    print(f"{len(everything)} answers in {passed:.0f} s, {1000 * busy / len(everything):.0f} ms of processor time each")
    print(f"memory of the server: {memory(served.pid):.0f} MB")


if __name__ == "__main__":
    main()
