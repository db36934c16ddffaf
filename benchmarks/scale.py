"""What thousands of exclusions on one rule cost on the local engine, against the base query and an expert's SQL.

    python benchmarks/scale.py [--rows 10000000] [--rounds 5] [--folder DIR] [--skip naive,memory]

Makes ten million network events with every documented column in Parquet (4 minutes, once), of which the
rule's own conditions keep one in ten, and runs with two threads. Variants take turns; a ratio is one of
medians. Wall clock counts; the ratio of processor time beside it tells what a busy machine adds.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "benchmarks")]

from scaling import events, exclusions, expert  # noqa: E402
from scaling.clock import Spent, in_turns, once  # noqa: E402

from fpctl.engine.interface import Table  # noqa: E402
from fpctl.engine.local.engine import LocalEngine  # noqa: E402
from fpctl.exclusions.model import Exclusion  # noqa: E402
from fpctl.rewrite.plan.planner import Planner, TunedRule  # noqa: E402
from fpctl.rewrite.plan.size_fit import ClauseStyle  # noqa: E402
from fpctl.rules.formats.registry import read_rule_file  # noqa: E402
from fpctl.schema.fields import FieldMap  # noqa: E402
from fpctl.schema.tables import Tables  # noqa: E402

THREADS = 2
NOW = datetime(2026, 11, 1, tzinfo=UTC)
TABLES = Tables.packaged("auto", "xdr")


class Bench:
    """The rule, the planner and the engine that all figures are of."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.path = events.write_events(folder, rows, threads=THREADS)
        self.rule = read_rule_file(events.RULE, Path("rule.yaml"), "rule.yaml").rules[0].rule
        self.planner = Planner(TABLES, FieldMap.packaged(None, TABLES), exclusions.TODAY)
        self.engine = LocalEngine(folder, now=NOW, tables=TABLES, threads=THREADS)

    def tuned(self, chosen: Sequence[Exclusion], *, folds: bool = True) -> TunedRule:
        return self.planner.plan(self.rule, [(one, False) for one in chosen], style=ClauseStyle(folds=folds))

    def running(self, text: str) -> Callable[[], int]:
        """Return what runs a query and returns its number of rows."""
        return lambda: len(self.engine.query(text).rows)

    def counting(self, tuned: TunedRule) -> Callable[[], object]:
        """Return what runs the tuned and the counting queries together, as a run does, and reads the counts."""

        def work() -> None:
            counting = tuned.counting_queries()
            texts = [query.text for query in counting if query.text is not None]
            _, *answers = self.engine.query_many([tuned.tuned, *texts])
            for query, answer in zip(counting, answers, strict=True):
                assert isinstance(answer, Table)
                query.read(answer.names(), answer.rows)

        return work

    def expert(self, chosen: Sequence[Exclusion], name: str) -> Callable[[], int]:
        """Return what runs the expert's SQL, on the engine's own connection so that both have the same means."""
        connection = self.engine._open()
        sql = expert.query(connection, self.path, chosen, name)
        return lambda: int(connection.sql(sql).to_arrow_reader(65_536).read_all().num_rows)


def show(title: str, ratio: Spent | None, goal: float | None, note: str = "") -> None:
    """Print one line of the table."""
    figures = f"{ratio.wall:7.2f} {ratio.cpu:7.2f}" if ratio is not None else " " * 15
    print(f"{title:<58}{figures}  {f'<= {goal:.2f}' if goal else '':<8} {note}", flush=True)


def over(a: Spent, b: Spent) -> Spent:
    """Return one cost as a multiple of another."""
    return Spent(a.wall / b.wall, a.cpu / b.cpu)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="events; fewer for a quick look")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each variant")
    parser.add_argument("--folder", type=Path, default=None, help="where the events are kept between runs")
    parser.add_argument("--skip", default="", help="parts to leave out: naive, memory, planning")
    given = parser.parse_args()
    skipped = set(given.skip.split(","))
    with tempfile.TemporaryDirectory(prefix="fpctl-scale-") as temporary:
        folder = given.folder or Path(temporary)
        bench = Bench(folder, given.rows)
        print(f"{given.rows:,} events, {THREADS} threads, load {os.getloadavg()[0]:.1f}")
        queries(bench, given.rounds)
        if "planning" not in skipped:
            planning(bench)
        if "naive" not in skipped:
            naive(bench)
        if "memory" not in skipped:
            memory(bench, folder)
        bench.engine.close()
        print(f"load {os.getloadavg()[0]:.1f}")
    return 0


def queries(bench: Bench, rounds: int) -> None:
    """Print what tuned queries cost."""
    sets = {
        "1,000 devices": exclusions.devices(1_000),
        "10,000 devices": exclusions.devices(10_000),
        "1,000 mixed": exclusions.mixed(1_000),
        "10,000 mixed": exclusions.mixed(10_000),
        "100,000 hashes": exclusions.hashes(100_000),
    }
    tuned = {name: bench.tuned(chosen) for name, chosen in sets.items()}
    compared = ("1,000 devices", "10,000 mixed", "100,000 hashes")
    variants: dict[str, Callable[[], object]] = {"base": bench.running(bench.rule.query)}
    variants |= {f"tuned {name}": bench.running(one.tuned) for name, one in tuned.items()}
    variants |= {f"expert {name}": bench.expert(sets[name], f"expert_{at}") for at, name in enumerate(compared)}
    variants |= {f"counted {name}": bench.counting(tuned[name]) for name in ("1,000 devices", "10,000 mixed")}
    for name in compared:
        ours, theirs = variants[f"tuned {name}"](), variants[f"expert {name}"]()
        if ours != theirs:
            raise SystemExit(f"{name}: {ours} rows, and {theirs} by hand: one of them is wrong")
    taken = in_turns(variants, rounds)
    base = taken["base"]
    print(f"base query: {base.wall:.2f} s, {base.cpu:.2f} s of processors; median of {rounds}\n")
    print(f"{'':<58}{'wall':>7} {'cpu':>7}  goal")
    goals = {"1,000 devices": 1.10, "10,000 mixed": 1.5, "100,000 hashes": 1.5}
    for name in sets:
        show(f"tuned, {name} / base", over(taken[f"tuned {name}"], base), goals.get(name))
    for name in compared:
        show(f"tuned / by hand, {name}", over(taken[f"tuned {name}"], taken[f"expert {name}"]), 1.2)
    show("tuned + counting, 1,000 devices / base", over(taken["counted 1,000 devices"], base), 2.0)
    show("tuned + counting, 10,000 mixed / base", over(taken["counted 10,000 mixed"], base), 3.0)
    for kind in ("devices", "mixed"):
        ratio = over(taken[f"tuned 10,000 {kind}"], taken[f"tuned 1,000 {kind}"])
        show(f"10,000 / 1,000 {kind}", ratio, None, "growth; 10 would be linear")


def planning(bench: Bench) -> None:
    """Print how long planning takes, and compiling its result."""
    from fpctl.compiler import compile_query
    from fpctl.engine.local.prepared import Folder
    from fpctl.kql.parser import parse

    chosen = exclusions.mixed(10_000)
    bench.tuned(chosen[:20])
    planned = once(lambda: bench.tuned(chosen))
    text = bench.tuned(chosen).tuned
    folder: Folder = bench.engine._folder(None)
    compiled = once(lambda: compile_query(parse(text), folder, folder, NOW.replace(tzinfo=None)))
    both = planned.wall + compiled.wall
    note = f"{planned.wall:.2f} s + {compiled.wall:.2f} s for {len(text):,} characters; the goal is 2 s"
    show("planning and compiling 10,000 mixed, s", None, None, f"{both:.2f} s: {note}")


def naive(bench: Bench) -> None:
    """Print what a clause per exclusion costs, without lists or guards."""
    base = once(bench.running(bench.rule.query))
    for count in (100, 400):
        one_each = bench.tuned(exclusions.mixed(count), folds=False)
        show(
            f"naive: {count} mixed, a clause each / base",
            over(once(bench.running(one_each.tuned)), base),
            None,
            "one run",
        )
        folded = bench.tuned(exclusions.mixed(count))
        show("  the same folded / base", over(once(bench.running(folded.tuned)), base), None, "one run")


def memory(bench: Bench, folder: Path) -> None:
    """Print the peak memory of `fpctl run` with 1,000 exclusions."""
    with tempfile.TemporaryDirectory(prefix="fpctl-scale-") as temporary:
        place = Path(temporary)
        (place / "rules").mkdir()
        (place / "rules" / "rule.yaml").write_text(events.RULE, encoding="utf-8")
        (place / "exclusions").mkdir()
        texts = (one.model_dump_json(exclude_defaults=True) for one in exclusions.mixed(1_000))
        (place / "exclusions" / "all.yaml").write_text("\n---\n".join(texts) + "\n", encoding="utf-8")
        arguments = ["run", "--rules", "rules", "--exclusions", "exclusions", "--data", str(folder.resolve())]
        arguments += ["--no-record", "--threads", str(THREADS), "--to", "2026-11-01"]
        spent = once(
            lambda: subprocess.run(
                [sys.executable, "-m", "fpctl", *arguments],
                cwd=place, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, check=True, stdout=subprocess.DEVNULL,
            )
        )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 / 1024
    show("peak memory of fpctl run, GiB", None, 2.0, f"{peak:.2f} GiB, {spent.wall:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
