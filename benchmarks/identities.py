"""How well `fpctl tune` finds planted patterns of identities, and whether planted attacks still fire.

Usage: identities.py [SEEDS] [ROWS] [FIRST] [-v]

Each seed is an estate with a rule over each of four tables: failed sign-ins (SigninLogs), failed logons
(SecurityEvent), downloads (OfficeActivity), denied connections (CommonSecurityLog). In each are two to four benign jobs
with names, addresses, applications and hours drawn at random (a service account, an application that synchronizes for
everybody, a scanner), people of whom some share an address with them, and attacks that differ from a job in one thing:
another account from the same network, the same account elsewhere, the same application with another account, the same
scanner on another port. `tune` sees none of the labels. Then its proposals are accepted, the rule is applied with them,
and the labels say what was taken out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

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
FOUND = 0.95
"""A pattern is found if this part of its events is taken out."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A table, the filter of its rule, and the columns of account, address, application and port."""

    table: str
    filter: str
    tail: str
    account: str
    ip: str
    app: str | None = None
    port: str | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ("service",)

    @property
    def columns(self) -> list[str]:
        named = [self.account, self.ip, self.app, self.port]
        return ["TimeGenerated", *(name for name in named if name), *self.fixed, "Label"]


SOURCES = (
    Source(
        "SigninLogs", "SigninLogs\n| where ResultType != '0'",
        "| project TimeGenerated, UserPrincipalName, IPAddress, AppDisplayName, ResultType",
        "UserPrincipalName", "IPAddress", "AppDisplayName", None, {"ResultType": "50126"}, ("service", "sync"),
    ),
    Source(
        "SecurityEvent", "SecurityEvent\n| where EventID == 4625", "| summarize count() by Account, IpAddress",
        "Account", "IpAddress", None, None, {"EventID": 4625, "ProcessName": "-"},
    ),
    Source(
        "OfficeActivity", "OfficeActivity\n| where Operation == 'FileDownloaded'",
        "| summarize count() by UserId, bin(TimeGenerated, 1h)",
        "UserId", "ClientIP", "AppId", None, {"Operation": "FileDownloaded"}, ("service", "sync"),
    ),
    Source(
        "CommonSecurityLog", "CommonSecurityLog\n| where DeviceAction == 'deny'",
        "| summarize dcount(DestinationPort) by SourceIP",
        "SourceUserName", "SourceIP", None, "DestinationPort", {"DeviceAction": "deny"}, ("service", "scanner"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A benign job. `accounts`, `apps` and `ports` are those that its events have; `hours` (first, length) when."""

    label: str
    kind: str
    accounts: tuple[str, ...]
    ips: tuple[str, ...]
    apps: tuple[str, ...]
    ports: tuple[int, ...]
    hours: tuple[int, int]
    weekdays: tuple[int, ...]


def word(random: Random) -> str:
    return "".join(random.choice("bcdfglmnprstv") + random.choice("aeiou") for _ in range(3))


def guid(random: Random) -> str:
    return "-".join(f"{random.getrandbits(4 * size):0{size}x}" for size in (8, 4, 4, 4, 12))


def address(random: Random) -> str:
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"


def make_jobs(random: Random, source: Source, people: list[str]) -> list[Job]:
    found = []
    for number in range(random.randint(2, 4)):
        kind = random.choice(source.kinds)
        name = f"{kind}{number}{word(random)}"
        # An application of Microsoft 365 is told by its id, a sign-in by the name that it shows.
        app = guid(random) if source.app == "AppId" else f"{word(random).title()} {kind}"
        hours = random.choice([(0, 24), (random.randrange(24), random.randint(1, 3))])
        days = tuple(range(7)) if random.random() < 0.7 else tuple(random.sample(range(7), 2))
        ips = tuple(address(random) for _ in range(random.choice((1, 1, 1, 2, 3))))
        if kind == "service":
            ports = (random.choice((443, 1433, 5432, 8443)),)
            made = Job(name, kind, (f"svc-{name}@contoso.com",), ips, (app,), ports, hours, days)
        elif kind == "sync":
            some = tuple(random.sample(people, random.randint(20, 60)))
            made = Job(name, kind, some, ips[:1], (app,), (443,), hours, days)
        else:
            ports = tuple(random.sample((22, 80, 443, 445, 3389, 5985, 8080), random.randint(1, 3)))
            made = Job(name, kind, ("",), ips[:1], ("",), ports, hours, days)
        found.append(made)
    return found


def moments(job: Job, random: Random, count: int) -> list[datetime]:
    first, length = job.hours
    days = [d for d in range(DAYS) if (NOW - timedelta(days=DAYS - d)).weekday() in job.weekdays]
    found = []
    for _ in range(count):
        day = NOW - timedelta(days=DAYS - random.choice(days))
        moment = day + timedelta(hours=first, minutes=random.random() * 60 * length)
        found.append(moment if moment < NOW else moment - timedelta(days=7))
    return found


def event(source: Source, moment: datetime, label: str, account: str, ip: str, app: str, port: int) -> Row:
    row: Row = {"TimeGenerated": moment, source.account: account, source.ip: ip, "Label": label, **source.fixed}
    if source.table == "OfficeActivity":
        row[source.ip] = f"{ip}:{40_000 + port}"
    if source.app:
        row[source.app] = app
    if source.port:
        row[source.port] = port
    return row


def attacks(source: Source, jobs: list[Job], random: Random, people: list[str]) -> list[Row]:
    """Return the events of attacks: each shares all but one thing with a job, on one to three dates."""
    rows = []
    for number, job in enumerate(jobs):
        kinds = ["network", "elsewhere"]
        if job.kind == "scanner":
            kinds = ["port", "elsewhere"]
        elif job.kind == "sync":
            kinds = ["app", "elsewhere"]
        elif source.app:
            kinds.append("account")
        for kind in kinds:
            account, ip, app = random.choice(job.accounts), random.choice(job.ips), random.choice(job.apps)
            port = random.choice(job.ports)
            if kind == "network":  # another account from the same network, with what it uses
                account, app = random.choice(people), "Portal"
            elif kind == "elsewhere":  # the same account and application from another place
                ip = f"203.0.113.{number + 1}"
            elif kind == "account":  # the same application with another account, from elsewhere
                account, ip = random.choice(people), f"203.0.113.{number + 101}"
            elif kind == "app":
                app = "Portal"
            else:
                port = 6667
            inside = moments(job, random, random.randint(2, 3))
            days = [random.choice(inside)] if random.random() < 0.66 else inside
            for step in range(random.randint(3, 30)):
                moment = days[step % len(days)].replace(minute=step, second=step)
                rows.append(event(source, moment, f"attack {number} {kind}", account, ip, app, port))
    return rows


def make(source: Source, seed: int, total: int, folder: Path) -> tuple[list[Job], Counter[str]]:
    random = Random(f"identities {source.table} {seed}")
    people = [f"{word(random)}.{word(random)}@contoso.com" for _ in range(300)]
    jobs = make_jobs(random, source, people)
    rows = attacks(source, jobs, random, people)
    firing = int(total * random.uniform(0.7, 0.95))
    weights = [random.uniform(0.15, 1.0) for _ in jobs]
    for job, weight in zip(jobs, weights, strict=True):
        for moment in moments(job, random, max(200, int(firing * weight / sum(weights)))):
            account, ip = random.choice(job.accounts), random.choice(job.ips)
            rows.append(
                event(source, moment, job.label, account, ip, random.choice(job.apps), random.choice(job.ports))
            )
    shared = [ip for job in jobs for ip in job.ips]
    while len(rows) < total:
        # People, each with an own address, now and then from behind one that a job uses.
        moment = NOW - timedelta(seconds=random.random() * DAYS * 86_400)
        ip = random.choice(shared) if random.random() < 0.02 else address(random)
        app = random.choice(("Portal", "Mail", "Chat")) if source.app != "AppId" else guid(random)
        rows.append(event(source, moment, "people", random.choice(people), ip, app, random.choice((53, 80, 443, 8080))))
    table = pyarrow.table({name: pyarrow.array([row.get(name) for row in rows]) for name in source.columns})
    pyarrow.parquet.write_table(table, folder / f"{source.table}.parquet")
    return jobs, Counter(str(row["Label"]) for row in rows)


@dataclass(frozen=True)
class Result:
    """What came of one seed and table."""

    table: str
    planted: int
    found: int
    attacks: int
    silenced: tuple[str, ...]
    people: float
    proposals: int
    seconds: float


def judge(source: Source, seed: int, total: int) -> tuple[Result, TuningResult]:
    with tempfile.TemporaryDirectory(prefix="fpctl-") as place:
        folder = Path(place)
        jobs, labels = make(source, seed, total, folder)
        tables, span = Tables.packaged(), Timespan(NOW - timedelta(days=DAYS), NOW)
        planner = Planner(tables, FieldMap.packaged(None, tables), NOW.date(), windows_within=window_range(span, NOW))
        rule = Rule("identities", source.table, f"{source.filter}\n{source.tail}", "identities.kql", "bare")
        with LocalEngine(folder, now=NOW, tables=tables) as engine:
            began = time.perf_counter()
            criteria = ProposalCriteria(shared_names(Forbidden()), RiskWeights(), frozenset(), lambda exclusion: True)
            tuning = suggest(rule, (), planner, engine, span, criteria)
            seconds = time.perf_counter() - began
            chosen = [one.exclusion.model_copy(update={"status": "active"}) for one in tuning.suggestions]
            tuned = planner.plan(replace(rule, query=source.filter), [(one, True) for one in chosen])
            answer = engine.query(f"{tuned.tuned}\n| summarize n = count() by Label", span)
            after = Counter({row["Label"]: row["n"] for row in answer.dicts()})
    hostile = [label for label in labels if label.startswith("attack")]
    return (
        Result(
            source.table,
            len(jobs),
            sum(after[job.label] <= (1 - FOUND) * labels[job.label] for job in jobs),
            len(hostile),
            tuple(sorted(label for label in hostile if after[label] < labels[label])),
            1 - after["people"] / labels["people"],
            len(tuning.suggestions),
            seconds,
        ),
        tuning,
    )


def main() -> None:
    """Print a line per seed and table, and the sums."""
    numbers = [int(one) for one in sys.argv[1:] if one.isdigit()]
    seeds, total, first = (*numbers, *(3, 20_000, 1)[len(numbers) :])
    results = []
    for seed in range(first, first + seeds):
        for source in SOURCES:
            result, tuning = judge(source, seed, total)
            results.append(result)
            print(
                f"seed {seed:4} {source.table:18} | patterns {result.found} of {result.planted},"
                f" {result.proposals} proposals | attacks silenced {len(result.silenced)} of {result.attacks}"
                f" {', '.join(result.silenced)} | people taken out {result.people:.2%} | {result.seconds:.1f} s",
                flush=True,
            )
            if "-v" in sys.argv:
                for one in tuning.suggestions:
                    print("   ", one.rows_removed, one.when.words, dict(one.exclusion.match[0].fields()))
    print(f"\n{seeds} seeds of {total:,} rows a table")
    for table in (*(source.table for source in SOURCES), "all"):
        some = [one for one in results if table in (one.table, "all")]
        planted, found = sum(r.planted for r in some), sum(r.found for r in some)
        hostile, silenced = sum(r.attacks for r in some), sum(len(r.silenced) for r in some)
        seconds = sorted(r.seconds for r in some)
        print(
            f"{table:18} | patterns found {found} of {planted} with {sum(r.proposals for r in some)} proposals"
            f" | attacks that fire in whole {hostile - silenced} of {hostile}"
            f" | people's events taken out {sum(r.people for r in some) / len(some):.2%}"
            f" | seconds: median {seconds[len(seconds) // 2]:.1f}, slowest {seconds[-1]:.1f}"
        )


if __name__ == "__main__":
    main()
