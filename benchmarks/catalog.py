"""How long `list`, `audit` and `apply --check` take on a large catalog: whole processes, Python's start included.

    python benchmarks/catalog.py [--exclusions 5000] [--rules 500]

Rules are generated queries on several tables; each exclusion names one or two rules, one in fifty a tag
that ten rules have. Some have expired, some say the same as another, some are covered by another, some
share a list of a thousand hashes. Each figure is the median of three.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
DAY = "2026-11-24"
COMMANDS = {
    "list": ("list",),
    "list --matches": ("list", "--matches", "host00042.contoso.com"),
    "audit": ("audit", "--on", DAY),
    "audit --format sarif": ("audit", "--format", "sarif", "--on", DAY),
    "apply --check": ("apply", "--check", "--out", "tuned", "--on", DAY),
}

RULE = """id: rule-{n:05}
name: Generated rule {n}
tags: [group{group}]
tactics: [Execution]
relevantTechniques: [T1059]
query: |
  let lookback = {days}d;
  {table}
  | where Timestamp > ago(lookback)
  | where {condition}
  | extend Host = tolower(DeviceName), Day = bin(Timestamp, 1d)
  | project Timestamp, DeviceName, DeviceId, InitiatingProcessFileName, InitiatingProcessParentFileName,
      InitiatingProcessCommandLine, InitiatingProcessSHA256, InitiatingProcessSHA1, Host, Day{more}
  | summarize Count = count(), First = min(Timestamp) by DeviceName, Host, Day
  | where Count > {n}
"""
TABLES = (
    ("DeviceNetworkEvents", 'RemotePort == {n} and ActionType == "ConnectionSuccess"', ", RemoteUrl"),
    ("DeviceProcessEvents", 'ProcessCommandLine has "task{n}"', ", FileName"),
    ("DeviceFileEvents", 'FileName endswith ".ps1" and FolderPath has "run{n}"', ", FileName"),
    ("DeviceRegistryEvents", 'RegistryKey has @"\\\\Run\\\\key{n}"', ", RegistryKey"),
)
EXCLUSION = """id: fp-2026-{n:05}
title: Generated exclusion {n}
rules: [{rules}]
match:
  device: [{device}]
  process: [{process}]
{more}reason: benchmark
ticket: CHG{n:07}
owner: owner{owner}@contoso.com
created: 2026-11-01
expires: {expires}
approved_by: approver@contoso.com
"""


def make(folder: Path, exclusions: int, rules: int) -> None:
    """Write the repository."""
    for name in ("rules", "exclusions/lists"):
        (folder / name).mkdir(parents=True)
    for n in range(rules):
        table, condition, more = TABLES[n % len(TABLES)]
        text = RULE.format(n=n, group=n // 10, days=1 + n % 14, table=table, condition=condition.format(n=n), more=more)
        (folder / "rules" / f"rule{n:05}.yaml").write_text(text, encoding="utf-8")
    digests = "".join(f"{n:064x}\n" for n in range(1, 1001))
    (folder / "exclusions" / "lists" / "agents.txt").write_text(digests, encoding="utf-8")
    for n in range(exclusions):
        # Every hundredth says what the one before it says, every other hundredth a part of it.
        m = n - 1 if n % 100 in (50, 99) else n
        named = [f"rule-{m % rules:05}"] + ([f"rule-{(m * 7 + 1) % rules:05}"] if m % 3 == 0 else [])
        chosen = f'"tag:group{m % max(rules // 10, 1)}"' if m % 50 == 7 else ", ".join(named)
        device = f"host{m:05}.contoso.com" if n % 100 == 99 else f"host{m:05}"
        more = ["  parent_process: [services.exe]\n"] if m % 2 else []
        if n % 250 == 3:
            more.append('  hash: ["@lists/agents.txt"]\n')
        text = EXCLUSION.format(
            n=n, rules=chosen, device=device, process=f"agent{m % 40}.exe, updater{m % 7}.exe", more="".join(more),
            owner=n % 30, expires="2026-11-20" if n % 40 == 0 else "2027-04-01",
        )  # fmt: skip
        (folder / "exclusions" / f"fp-2026-{n:05}.yaml").write_text(text, encoding="utf-8")


def seconds(command: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Return the median seconds of a command, and of processor time; exit code 1 is what findings give."""
    found, busy = [], []
    for _ in range(ROUNDS):
        started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "fpctl", *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        found.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        if done.returncode not in (0, 1):
            raise SystemExit(done.stderr.decode())
    return statistics.median(found), statistics.median(busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--exclusions", type=int, default=5000)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--only", help="only this command")
    parser.add_argument("--keep", type=Path, help="make the repository here and leave it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.keep or Path(name)
        make(folder, given.exclusions, given.rules)
        subprocess.run([sys.executable, "-m", "fpctl", "--version"], cwd=folder, check=True, capture_output=True)
        applied = [sys.executable, "-m", "fpctl", "apply", "--no-verify", "--out", "tuned", "--on", DAY]
        subprocess.run(applied, cwd=folder, capture_output=True)
        print(f"{given.exclusions:,} exclusions, {given.rules:,} rules (medians of {ROUNDS})")
        for words, command in COMMANDS.items():
            if given.only in (None, words):
                passed, busy = seconds(command, folder)
                print(f"fpctl {words:24} {passed:6.1f} s, {busy:6.1f} s of processor time", flush=True)


if __name__ == "__main__":
    main()
