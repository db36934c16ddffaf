"""What the whole `apply` of a collection costs, against two parsers that only parse the same texts.

    python benchmarks/rewrite.py [queries.jsonl] [--exclusions N]

`queries.jsonl` holds one object a line with a `query`; without it, rule-like queries are generated,
the same ones on every run. fpctl reads the files, parses, works out the columns of every insertion point, places
and splices, and writes into a new folder (`fpctl apply --no-verify --out`): the whole process, Python's
start included, on all cores, as `apply` does it. Microsoft's parser in node is timed twice: warm (the texts
in memory, a round to warm up, the best of three rounds, its start left out) and as a whole process that reads
the same texts and parses them once. The other figures are medians of five. Then: how the time grows with
the length of a query, to 1 MB; and 10,000-deep nesting.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

from parse import MICROSOFT, Timing, duckdb_kql, generated, microsoft, modules

from fpctl.cli.app import GC_THRESHOLD

ROUNDS = 5
DAY = date(2026, 11, 24)
EXCLUSION = """id: fp-bench-{n}
rules: ["*"]
match: {{device: [build{n}.contoso.com], process: [msiexec.exe, setup.exe]}}
reason: benchmark
owner: bench@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""


def median(work: Callable[[], None]) -> float:
    """Return the median seconds of five runs after one to warm up."""
    work()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def whole_apply(queries: list[str], folder: Path, exclusions: int) -> tuple[float, float]:
    """Return the seconds of the whole process, and of the same work in a process that has started."""
    for number, query in enumerate(queries):
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules" / f"q{number:05}.kql").write_bytes(query.encode("utf-8", "surrogatepass"))
    (folder / "exclusions").mkdir()
    for number in range(exclusions):
        (folder / "exclusions" / f"e{number}.yaml").write_text(EXCLUSION.format(n=number))
    arguments = [
        *("apply", "--rules", str(folder / "rules"), "--exclusions", str(folder / "exclusions")),
        *("--no-verify", "--on", DAY.isoformat()),
    ]

    rounds = count()

    def process() -> None:
        out = folder / f"out{next(rounds)}"
        subprocess.run([sys.executable, "-m", "fpctl", *arguments, "--out", out], capture_output=True, check=False)

    def inside() -> None:
        from fpctl.files import write_text
        from fpctl.repository.apply import tuned_files
        from fpctl.repository.model import open_repository
        from fpctl.repository.parallel import Planning, tune_in_parallel

        repository = open_repository(folder / "rules", folder / "exclusions", root=folder)
        planning = Planning(repository.active(), repository.planner(DAY), verified=False)
        outcomes = list(tune_in_parallel(repository.rules.rules, planning))
        out = folder / f"out{next(rounds)}"
        for file in tuned_files(outcomes)[0]:
            write_text(out / file.relative, file.text, durable=False)

    return median(process), median(inside)


def microsoft_process(queries: list[str]) -> float | None:
    """Return the seconds of a node that starts, loads Microsoft's parser and parses the texts once."""
    folder = modules()
    node = shutil.which("node")
    if node is None or not folder.is_dir():
        return None
    command, texts = [node, "-e", MICROSOFT, str(folder), "0"], json.dumps(queries)
    return median(lambda: subprocess.run(command, input=texts, capture_output=True, text=True, check=True) and None)


def growth() -> list[tuple[int, float]]:
    """Return (characters, seconds) of planning one query of growing length."""
    from fpctl.exclusions.model import Exclusion
    from fpctl.rewrite.plan.planner import Planner
    from fpctl.rules.model import Rule
    from fpctl.schema.fields import FieldMap
    from fpctl.schema.tables import Tables

    tables = Tables.packaged()
    planner = Planner(tables, FieldMap.packaged(None, tables), DAY)
    exclusion = Exclusion.model_validate(
        {"id": "fp-1", "rules": ["*"], "match": {"device": ["build01.contoso.com"]}, "expires": date(2027, 5, 1)}
    )
    figures = []
    line = "| where FileName has_any ('alpha', 'beta') or ProcessCommandLine contains @'c:\\temp' // why not\n"
    for kilobytes in (16, 64, 256, 1024):
        text = "DeviceProcessEvents\n" + line * (kilobytes * 1024 // len(line))
        rule = Rule("r", "r", text, "r.kql", "bare")
        figures.append((len(text), median(lambda rule=rule: planner.plan(rule, [(exclusion, True)]))))  # type: ignore[misc]
    return figures


def deep() -> str:
    """Return what a query nested 10,000 deep comes to."""
    from fpctl.errors import KqlSyntaxError
    from fpctl.kql.parser import parse

    try:
        parse("T | where " + "(" * 10_000 + "1 == 1" + ")" * 10_000)
    except KqlSyntaxError as error:
        return f"an error: {error.message}"
    return "accepted"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("queries", type=Path, nargs="?")
    parser.add_argument("--exclusions", type=int, default=1, help="exclusions that sweep every rule (default 1)")
    args = parser.parse_args()
    gc.set_threshold(GC_THRESHOLD)
    queries = (
        generated()
        if args.queries is None
        else [json.loads(line)["query"] for line in args.queries.read_text(encoding="utf-8").splitlines()]
    )
    characters = sum(map(len, queries))
    print(f"{len(queries):,} queries, {characters / 1e3:,.0f} thousand characters; {args.exclusions} exclusion(s)")
    with tempfile.TemporaryDirectory(prefix="fpctl-bench-") as name:
        process, inside = whole_apply(queries, Path(name), args.exclusions)
    print(f"fpctl apply, whole process          {process:8.2f} s")
    print(f"fpctl apply, without Python's start {inside:8.2f} s")
    for label, found in (
        ("Microsoft's parser in node, parsing", microsoft(queries)),
        ("duckdb-kql's parser", duckdb_kql(queries)),
    ):
        if isinstance(found, Timing):
            print(
                f"{label:<36}{found.seconds:8.2f} s   apply / it: whole process {process / found.seconds:.2f}, "
                f"without start {inside / found.seconds:.2f}"
            )
        else:
            print(f"{label:<36}not measured: {found}")
    whole = microsoft_process(queries)
    if whole is not None:
        print(
            f"{'Microsoft in node, whole process':<36}{whole:8.2f} s   apply / it: whole process {process / whole:.2f}"
        )
    print("\nplanning one query, by its length")
    figures = growth()
    for characters, seconds in figures:
        print(
            f"{characters:>12,} characters {seconds * 1e3:9.1f} ms   {seconds / characters * 1e9:7.1f} ns a character"
        )
    print(f"\n10,000 nested parentheses: {deep()}")


if __name__ == "__main__":
    main()
