"""How well `fpctl tune` finds planted patterns, and whether planted attacks still fire. Usage: tuning.py [SEEDS] [ROWS]

Each seed is an estate of its own: devices, three to six benign patterns (patching, reboots, deployment,
monitoring scripts, backups) with names, files, hosts and hours drawn at random, diffuse noise, and attacks
that differ from a pattern in one thing: the device, the host (a look-alike), the file's hash, the parent, or
the hour where the pattern keeps hours. `tune` sees none of the labels. Then its proposals are accepted, the
rule is applied with them, and the labels say what was taken out.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pyarrow
import pyarrow.parquet

from fpctl.engine.interface import Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.exclusions.risk.shared_names import shared_names
from fpctl.execution.time_range import window_range
from fpctl.policy import Forbidden
from fpctl.rewrite.plan.planner import Planner
from fpctl.risk_weights import RiskWeights
from fpctl.rules.model import Rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables
from fpctl.tuning.suggestion import ProposalCriteria, TuningResult, suggest

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAYS = 14
FILTER = "DeviceNetworkEvents\n| where InitiatingProcessVersionInfoProductName has 'rmm' and RemotePort == 443"
RULE = Rule(
    "rmm", "RMM tool connects", f"{FILTER}\n| summarize Count = count() by DeviceName, RemoteUrl", "rmm.kql", "bare"
)
EVENTS = replace(RULE, query=FILTER)
COLUMNS = (
    "Timestamp", "ActionType", "DeviceName", "RemoteUrl", "RemotePort", "InitiatingProcessFileName",
    "InitiatingProcessParentFileName", "InitiatingProcessSHA256", "InitiatingProcessCommandLine",
    "InitiatingProcessAccountName", "InitiatingProcessVersionInfoProductName", "Label",
)  # fmt: skip
FOUND = 0.95
"""A pattern is found if this part of its events is taken out."""


@dataclass(frozen=True)
class Pattern:
    """A benign job. `hours` (first, length) and `weekdays` say when it runs."""

    label: str
    devices: tuple[str, ...]
    urls: tuple[str, ...]
    programs: tuple[tuple[str, str], ...]
    parent: str
    lines: tuple[str, ...]
    hours: tuple[int, int]
    weekdays: tuple[int, ...]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def word(random: Random) -> str:
    return "".join(random.choice("bcdfglmnprstv") + random.choice("aeiou") for _ in range(3))


def make_patterns(random: Random, hosts: dict[str, list[str]]) -> list[Pattern]:
    tool = f"{word(random)}agent.exe"
    zone = f"{word(random)}.example"
    start = random.randrange(24)
    kinds = ["patching", "reboot", "deployment", "monitoring", "backup"]
    random.shuffle(kinds)
    found = []
    for number, kind in enumerate(kinds[: random.randint(3, 5)] + (["monitoring"] if random.random() < 0.3 else [])):
        name = word(random)
        seed = f"{kind}{number}{name}"
        if kind == "patching":
            devices = random.sample(hosts["build"], random.randint(2, 5))
            programs = [
                (exe, digest(seed + exe)) for exe in ("msiexec.exe", "setup.exe", "patch.exe")[: random.randint(1, 3)]
            ]
            made = Pattern(seed, tuple(devices), (f"{name}.{zone}",), tuple(programs), tool, (f"/update /log {name}",),
                           (start, random.randint(1, 3)), (random.randrange(7),))  # fmt: skip
        elif kind == "reboot":
            devices = random.sample(hosts["server"], random.randint(2, 6))
            days = tuple(random.sample(range(7), 2))
            programs = [("taskhostw.exe", digest(seed))]
            made = Pattern(seed, tuple(devices), (f"{name}.{zone}",), tuple(programs), "svchost.exe",
                           (f"shutdown /r /t 60 /c {name}",), ((start + 5) % 24, 1), days)  # fmt: skip
        elif kind == "deployment":
            devices = random.sample(hosts["work"], random.randint(60, len(hosts["work"])))
            programs = [(tool, digest(f"{seed}{version}")) for version in range(random.randint(1, 2))]
            made = Pattern(seed, tuple(devices), (f"{name}.{zone}",), tuple(programs), "services.exe",
                           (f"{tool} service run",), (8, 9), (0, 1, 2, 3, 4))  # fmt: skip
        elif kind == "monitoring":
            devices = random.sample(hosts["monitor"], random.randint(1, 3))
            lines = tuple(
                f"powershell.exe -NoProfile -File C:\\mon\\Get-{name}.ps1 -Target {target}"
                for target in hosts["server"]
            )
            programs = [("powershell.exe", digest("powershell"))]
            made = Pattern(seed, tuple(devices), (f"{name}.{zone}",), tuple(programs), tool, lines,
                           (0, 24), tuple(range(7)))  # fmt: skip
        else:
            devices = random.sample(hosts["sql"], random.randint(2, 6))
            programs = [("sqlservr.exe", digest(seed))]
            made = Pattern(seed, tuple(devices), (f"backup-{name}.{zone}",), tuple(programs), "services.exe",
                           ("sqlservr.exe -sMSSQLSERVER",), ((start + 2) % 24, 2), tuple(range(7)))  # fmt: skip
        found.append(made)
    return found


def moments(pattern: Pattern, random: Random, count: int) -> list[datetime]:
    first, length = pattern.hours
    days = [d for d in range(DAYS) if (NOW - timedelta(days=DAYS - d)).weekday() in pattern.weekdays]
    found = []
    for _ in range(count):
        day = NOW - timedelta(days=DAYS - random.choice(days))
        moment = day + timedelta(hours=first, minutes=random.random() * 60 * length)
        if moment >= NOW:
            moment -= timedelta(days=7)
        found.append(moment)
    return found


def event(pattern: Pattern, random: Random, moment: datetime, label: str, **changes: str) -> tuple[object, ...]:
    program, file_hash = random.choice(pattern.programs)
    row = {
        "device": random.choice(pattern.devices), "url": random.choice(pattern.urls), "program": program,
        "parent": pattern.parent, "hash": file_hash, "line": random.choice(pattern.lines), **changes,
    }  # fmt: skip
    return (
        moment, "ConnectionSuccess", row["device"], row["url"], 443, row["program"], row["parent"], row["hash"],
        row["line"], "system", "rmm agent", label,
    )  # fmt: skip


def attacks(patterns: list[Pattern], random: Random, hosts: dict[str, list[str]]) -> list[tuple[object, ...]]:
    """Return the events of attacks: each resembles a pattern and differs in one thing, on one to three dates."""
    rows = []
    for number, pattern in enumerate(patterns):
        kinds = ["device", "url", "hash", "parent"]
        if pattern.hours[1] <= 3:
            kinds.append("hour")
        for kind in random.sample(kinds, 2):
            changes: dict[str, str] = {}
            inside = moments(pattern, random, random.randint(2, 3))
            target = random.choice(pattern.devices)
            if kind == "device":
                changes["device"] = random.choice([h for hs in hosts.values() for h in hs if h not in pattern.devices])
                if len(pattern.devices) > 50:
                    # Among so many devices one more is no attack: the file is another one as well.
                    changes["hash"] = digest(f"attack {number}")
            else:
                changes["device"] = target
            if kind == "url":
                changes["url"] = random.choice(
                    [f"{pattern.urls[0]}.evil.test", f"not{pattern.urls[0]}", "cdn.evil.test"]
                )
            elif kind == "hash":
                changes["hash"] = digest(f"attack {number}")
            elif kind == "parent":
                changes["parent"] = "explorer.exe"
            elif kind == "hour":
                inside = [moment.replace(hour=(pattern.hours[0] + 12) % 24) for moment in inside]
                inside = [moment for moment in inside if moment < NOW] or [inside[0] - timedelta(days=7)]
            # Two of three stay on one date, the others come back on every date of the pattern that is drawn.
            days = [random.choice(inside)] if random.random() < 0.66 else inside
            label = f"attack {number} {kind}"
            for step in range(random.randint(3, 30)):
                # They keep to one hour: within that of the pattern, unless the hour is what differs.
                day = days[step % len(days)]
                rows.append(event(pattern, random, day.replace(minute=step, second=step), label, **changes))
    return rows


def make(seed: int, total: int, folder: Path) -> tuple[list[Pattern], Counter[str]]:
    random = Random(f"tuning {seed}")
    hosts = {
        kind: [f"{kind}{number:03}.corp.example" for number in range(count)]
        for kind, count in (("build", 12), ("server", 30), ("work", 300), ("monitor", 6), ("sql", 10))
    }
    everybody = [host for names in hosts.values() for host in names]
    patterns = make_patterns(random, hosts)
    rows = attacks(patterns, random, hosts)
    firing = int(total * random.uniform(0.15, 0.6))
    weights = [random.uniform(0.05, 1.0) for _ in patterns]
    for pattern, weight in zip(patterns, weights, strict=True):
        for moment in moments(pattern, random, max(200, int(firing * weight / sum(weights)))):
            rows.append(event(pattern, random, moment, pattern.label))
    for _ in range(int(firing * 0.03)):
        moment = NOW - timedelta(seconds=random.random() * DAYS * 86_400)
        name = word(random)
        rows.append((
            moment, "ConnectionSuccess", random.choice(everybody), f"{name}.test", 443, f"{name}.exe", "explorer.exe",
            digest(name), f"{name}.exe /run", "user", "rmm agent", "noise",
        ))  # fmt: skip
    while len(rows) < total:
        moment = NOW - timedelta(seconds=random.random() * DAYS * 86_400)
        rows.append((
            moment, "ConnectionSuccess", random.choice(everybody), "cdn.example", 443, "chrome.exe", "explorer.exe",
            digest("chrome"), "chrome.exe", "user", "Chrome", "background",
        ))  # fmt: skip
    columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    table = pyarrow.table({name: pyarrow.array(list(values)) for name, values in columns.items()})
    pyarrow.parquet.write_table(table, folder / "DeviceNetworkEvents.parquet")
    return patterns, Counter(str(row[-1]) for row in rows)


@dataclass(frozen=True)
class Result:
    """What came of one seed."""

    seed: int
    planted: int
    found: int
    needed: int
    attacks: int
    silenced: tuple[str, ...]
    removed: float
    proposals: int
    seconds: float


def judge(seed: int, total: int) -> tuple[Result, TuningResult]:
    with tempfile.TemporaryDirectory(prefix="fpctl-") as place:
        folder = Path(place)
        patterns, labels = make(seed, total, folder)
        tables = Tables.packaged()
        span = Timespan(NOW - timedelta(days=DAYS), NOW)
        planner = Planner(tables, FieldMap.packaged(None, tables), NOW.date(), windows_within=window_range(span, NOW))
        with LocalEngine(folder, now=NOW, tables=tables, memory="3GB") as engine:
            began = time.perf_counter()
            criteria = ProposalCriteria(shared_names(Forbidden()), RiskWeights(), frozenset(), lambda exclusion: True)
            tuning = suggest(RULE, (), planner, engine, span, criteria)
            seconds = time.perf_counter() - began

            def left(count: int) -> Counter[str]:
                chosen = [one.exclusion.model_copy(update={"status": "active"}) for one in tuning.suggestions[:count]]
                tuned = planner.plan(EVENTS, [(one, True) for one in chosen])
                answer = engine.query(f"{tuned.tuned}\n| summarize n = count() by Label", span)
                return Counter({row["Label"]: row["n"] for row in answer.dicts()})

            def found_with(rest: Counter[str]) -> int:
                return sum(rest[p.label] <= (1 - FOUND) * labels[p.label] for p in patterns)

            after = left(len(tuning.suggestions))
            found = found_with(after)
            needed = next(n for n in range(len(tuning.suggestions) + 1) if found_with(left(n)) == found)
    hostile = [label for label in labels if label.startswith("attack")]
    silenced = tuple(sorted(label for label in hostile if after[label] < labels[label]))
    benign = sum(labels[p.label] for p in patterns)
    removed = 1 - sum(after[p.label] for p in patterns) / benign
    return (
        Result(seed, len(patterns), found, needed, len(hostile), silenced, removed, len(tuning.suggestions), seconds),
        tuning,
    )


def main() -> None:
    """Print a line per seed, and the sums."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    total = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    results = []
    for seed in range(first, first + seeds):
        result, tuning = judge(seed, total)
        results.append(result)
        used = f"with {result.needed} of {result.proposals} proposals"
        print(
            f"seed {seed:4} | patterns {result.found} of {result.planted}, {used}"
            f" | attacks silenced {len(result.silenced)} of {result.attacks} {', '.join(result.silenced)}"
            f" | benign events taken out {result.removed:.1%} | {result.seconds:.1f} s",
            flush=True,
        )
        if "-v" in sys.argv:
            for one in tuning.suggestions:
                print("   ", one.rows_removed, one.when.words, dict(one.exclusion.match[0].fields()))
    planted, found = sum(r.planted for r in results), sum(r.found for r in results)
    hostile, silenced = sum(r.attacks for r in results), sum(len(r.silenced) for r in results)
    exact = sum(r.needed <= r.planted for r in results)
    seconds = sorted(r.seconds for r in results)
    print(f"\n{len(results)} seeds of {total:,} rows")
    print(f"patterns found {found} of {planted} ({found / planted:.1%})")
    print(f"attacks still firing in whole {hostile - silenced} of {hostile} ({1 - silenced / hostile:.2%})")
    print(f"seeds whose patterns need no more proposals than there are patterns: {exact} of {len(results)}")
    print(f"benign events taken out: {sum(r.removed for r in results) / len(results):.1%} on average")
    print(f"seconds: median {seconds[len(seconds) // 2]:.1f}, slowest {seconds[-1]:.1f}")


if __name__ == "__main__":
    main()
