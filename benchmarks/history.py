"""Two million recorded hits: what `hits` and `audit` need of them, and what rolling up and pruning take.

    python benchmarks/history.py [--url URL] [--days 310]

URL is an empty PostgreSQL database (postgresql+psycopg://...); a SQLite file without it. 300 rules run once
a day, each with 22 of 1,000 exclusions in its plan. The hits are put in as an fpctl before 0004 recorded them.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, text

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from fpctl.history import migrate  # noqa: E402
from fpctl.history.history import History  # noqa: E402
from fpctl.history.store import Store  # noqa: E402

RULES = 300
EXCLUSIONS = 1_000
IN_A_PLAN = 22
EXCLUSION = """\
id: fp-{number:04}
title: Patching of build{number:04}
rules: ["*"]
match: {{device: [build{number:04}.contoso.com], process: [msiexec.exe]}}
reason: Monthly patching
owner: a.rossi@contoso.com
created: {made:%Y-%m-%d}
expires: 2099-01-01
"""
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)

T = TypeVar("T")


def timed(what: str, work: Callable[[], T], goal: str = "") -> T:
    """Run `work`, print how long it took, and return what it returns."""
    began = time.perf_counter()
    result = work()
    print(f"{what:<58} {time.perf_counter() - began:6.2f} s  {goal}", flush=True)
    return result


@dataclass(frozen=True)
class Estate:
    """Whose runs are put in: ids of rules and exclusions, and how a rule of a number is called."""

    rules: Sequence[str] = tuple(f"rule-{n:03}" for n in range(RULES))
    exclusions: Sequence[str] = tuple(f"fp-{n:04}" for n in range(EXCLUSIONS))
    name: str = "Rule {}"


def fill(connection: Connection, days: int, estate: Estate = Estate()) -> int:
    """Make the tables of version 0003 and put runs and hits in; return how many hits.

    `History.open` adds them up by day.
    """
    migrate.upgrade(connection, "0003")
    seen = NOW - timedelta(days=days)
    zone = "" if connection.dialect.name == "sqlite" else "+00"

    def stamp(moment: datetime) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S}.000000{zone}"

    def many(table: str, columns: str, rows: list[dict[str, object]]) -> None:
        names = ", ".join(f":{name.strip()}" for name in columns.split(","))
        for at in range(0, len(rows), 50_000):
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({names})"), rows[at : at + 50_000])

    shared = {"content_hash": "h", "query": "T", "title": "t", "document": "", "first_seen": stamp(seen)}
    rules = [{"id": n, "rule_id": id, **shared} for n, id in enumerate(estate.rules)]
    many("rule_version", "id, rule_id, content_hash, query, first_seen", rules)
    exclusions = [{"id": n, "exclusion_id": id, **shared} for n, id in enumerate(estate.exclusions)]
    many("exclusion_version", "id, exclusion_id, content_hash, title, document, first_seen", exclusions)
    draw = random.Random(1)
    plans = [draw.sample(range(len(exclusions)), IN_A_PLAN) for _ in rules]
    count = 0
    for day in range(days):
        runs: list[dict[str, object]] = []
        hits: list[dict[str, object]] = []
        for rule in range(len(rules)):
            id, started = day * len(rules) + rule + 1, stamp(NOW - timedelta(days=days - 1 - day, seconds=rule * 60))
            runs.append(
                {"id": id, "rule_version_id": rule, "rule_name": estate.name.format(rule), "engine": "local",
                 "status": "ok", "started": started, "finished": started, "rows_before": 900, "rows_suppressed": 90}
            )  # fmt: skip
            for exclusion in plans[rule]:
                rows = draw.randrange(40) if exclusion % 3 else 0
                moment = started if rows else None
                hits.append(
                    {"run_id": id, "exclusion_version_id": exclusion, "rows": rows, "unique_rows": rows // 2,
                     "first_event": moment, "last_event": moment}
                )  # fmt: skip
        many(
            "run",
            "id, rule_version_id, rule_name, engine, status, started, finished, rows_before, rows_suppressed",
            runs,
        )
        many("hit", "run_id, exclusion_version_id, rows, unique_rows, first_event, last_event", hits)
        count += len(hits)
    return count


def command(place: Path, *arguments: str) -> Callable[[], object]:
    """Return what runs fpctl in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return lambda: subprocess.run(
        [sys.executable, "-m", "fpctl", *arguments], cwd=place, env=environment, check=False, stdout=subprocess.DEVNULL
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=None)
    parser.add_argument("--days", type=int, default=310)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fpctl-history-") as temporary:
        place = Path(temporary)
        location = given.url or place / "history.db"
        History.open(location).close()
        store = Store(location, create=True)
        store.write(lambda connection: migrate.downgrade(connection, "base"))
        count = store.write(lambda connection: fill(connection, given.days))
        store.close()
        print(f"{count:,} hits of {RULES * given.days:,} runs, {EXCLUSIONS:,} exclusions")
        timed("bring the store up to date, which rolls up by day", lambda: History.open(location).close())
        (place / "exclusions").mkdir()
        texts = [EXCLUSION.format(number=number, made=NOW - timedelta(days=given.days)) for number in range(EXCLUSIONS)]
        (place / "exclusions" / "all.yaml").write_text("---\n".join(texts), encoding="utf-8")
        (place / "rules").mkdir()
        figures(location, place)
        before = (NOW - timedelta(days=90)).date()
        with History.open(location) as history:
            held = history.hits()
            removed = timed(f"prune what is older than {before}", lambda: history.prune(before))
            print(f"{removed:,} hits of single runs removed")
            if history.hits() != held:
                raise SystemExit("pruning has changed what hits says")
        figures(location, place)


def figures(location: str | Path, place: Path) -> None:
    """Print what reading takes."""
    with History.open(location) as history:
        history.hits(exclusion="fp-0001")
        timed("hits of all exclusions", history.hits, "<= 1 s")
        timed("  with every day of their trends", lambda: [list(one.trend) for one in history.hits()])
        timed("hits of all exclusions by rule", lambda: history.hits(by_rule=True))
        timed("hits of the last 30 days", lambda: history.hits(since=NOW - timedelta(days=30)))
        timed("hits of one rule", lambda: history.hits(rule="Rule 7"))
        timed("hits of one exclusion", lambda: history.hits(exclusion="fp-0007"))
        timed("the last 30 runs of a rule", lambda: history.past_hits("rule-007", 30))
    for name in ("hits", "audit"):
        timed(f"fpctl {name} --history none", command(place, name, "--history", "none.db"))
        timed(f"fpctl {name}", command(place, name, "--history", str(location)), "<= 1 s more")


if __name__ == "__main__":
    main()
