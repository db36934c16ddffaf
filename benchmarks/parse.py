"""How fast fpctl parses, against duckdb-kql's parser and Microsoft's in node: the same queries, side by side.

    python benchmarks/parse.py [queries.jsonl] [--only fpctl,duckdb-kql,microsoft]

`queries.jsonl` holds one object a line with a `query`; without it, rule-like queries are generated,
the same ones on every run. Microsoft's parser takes part where node and its npm package are there
(`make node`, or the folder named by FPCTL_NODE_MODULES). Each parser gets one round to warm up, and
the best of three counts. Start-up (Python's imports, node's 16 MB of script) is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
GENERATED = 400

MICROSOFT = """
const fs = require('fs'), vm = require('vm'), folder = process.argv[1];
for (const name of ['bridge.min.js', 'Kusto.Language.Bridge.min.js'])
  vm.runInThisContext(fs.readFileSync(folder + '/' + name, 'utf8'));
const queries = JSON.parse(fs.readFileSync(0, 'utf8'));
let best = Infinity, accepted = 0;
for (let round = 0; round <= Number(process.argv[2]); round++) {
  const start = process.hrtime.bigint();
  accepted = 0;
  for (const query of queries)
    if (Kusto.Language.KustoCode.Parse(query).GetDiagnostics().Count === 0) accepted++;
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (round > 0) best = Math.min(best, seconds);
}
console.log(JSON.stringify([best, accepted]));
"""


class Timing(NamedTuple):
    """The best round of a parser, in seconds, and how many queries it took for KQL."""

    seconds: float
    accepted: int


def best_of(accepts: Callable[[str], bool], queries: list[str]) -> Timing:
    """Time a parser that runs in this process."""
    best, accepted = float("inf"), 0
    for round_ in range(ROUNDS + 1):
        start = time.perf_counter()
        accepted = sum(map(accepts, queries))
        seconds = time.perf_counter() - start
        if round_:
            best = min(best, seconds)
    return Timing(best, accepted)


def fpctl(queries: list[str]) -> Timing | str:
    from fpctl.errors import KqlSyntaxError
    from fpctl.kql.parser import parse

    def accepts(query: str) -> bool:
        try:
            parse(query)
        except KqlSyntaxError:
            return False
        return True

    return best_of(accepts, queries)


def duckdb_kql(queries: list[str]) -> Timing | str:
    try:
        from duckdb_kql.errors import KqlError
        from duckdb_kql.parser import parse
    except ImportError as error:
        return str(error)

    def accepts(query: str) -> bool:
        try:
            parse(query)
        except (KqlError, RecursionError):
            return False
        return True

    return best_of(accepts, queries)


def modules() -> Path:
    """Return where the npm package of Microsoft's parser should be."""
    return Path(os.environ.get("FPCTL_NODE_MODULES", ROOT / "node_modules")) / "@kusto" / "language-service-next"


def microsoft(queries: list[str]) -> Timing | str:
    folder = modules()
    node = shutil.which("node")
    if node is None or not folder.is_dir():
        return f"no node, or nothing in {folder}"
    command = [node, "-e", MICROSOFT, str(folder), str(ROUNDS)]
    done = subprocess.run(command, input=json.dumps(queries), capture_output=True, text=True, check=True)
    seconds, accepted = json.loads(done.stdout)
    return Timing(seconds, accepted)


PARSERS: dict[str, Callable[[list[str]], Timing | str]] = {
    "fpctl": fpctl,
    "duckdb-kql": duckdb_kql,
    "microsoft": microsoft,
}

# --------------------------------------------------------------------------- generated queries

COLUMNS = ("DeviceName", "FileName", "ProcessCommandLine", "InitiatingProcessFileName", "AccountName", "RemoteUrl")
OPERATORS = ("==", "!=", "=~", "has", "!has", "contains", "startswith", "endswith", "has_cs")


def generated(count: int = GENERATED) -> list[str]:
    """Return rule-like queries: the same ones every time."""
    dice = random.Random(2026)
    return [_rule(dice) for _ in range(count)]


def _rule(dice: random.Random) -> str:
    lines = [
        "// Unusual processes on servers, seen by few devices",
        f"let window = {dice.randint(1, 30)}d;",
        f"let tools = dynamic([{', '.join(_text(dice) for _ in range(dice.randint(2, 30)))}]);",
        dice.choice(("DeviceProcessEvents", "DeviceNetworkEvents", "union DeviceEvents, DeviceFileEvents")),
        "| where Timestamp > ago(window)",
    ]
    lines += [f"| where {_condition(dice)}" for _ in range(dice.randint(1, 8))]
    if dice.random() < 0.5:
        lines.append(f"| extend Host = tolower(split({dice.choice(COLUMNS)}, '.')[0]), Score = {_sum(dice)}")
    if dice.random() < 0.3:
        kind = dice.choice(("inner", "leftanti", "leftouter"))
        lines += [f"| join kind={kind} (", "    DeviceInfo", f"    | where {_condition(dice)}", "    ) on DeviceId"]
    lines.append(
        "| summarize FirstSeen = min(Timestamp), count(), make_set(FileName, 100) by DeviceName, bin(Timestamp, 1h)"
    )
    lines.append(f"| where count_ > {dice.randint(1, 50)}")
    lines.append("| project-reorder DeviceName, FirstSeen, * asc")
    return "\n".join(lines) + "\n"


def _condition(dice: random.Random) -> str:
    terms = []
    for _ in range(dice.randint(1, 4)):
        column = dice.choice(COLUMNS)
        if dice.random() < 0.3:
            terms.append(f"{column} in~ ({', '.join(_text(dice) for _ in range(dice.randint(1, 20)))})")
        elif dice.random() < 0.2:
            terms.append(f"not({column} {dice.choice(OPERATORS)} {_text(dice)} or isempty({column}))")
        else:
            terms.append(f"{column} {dice.choice(OPERATORS)} {_text(dice)}")
    return f" {dice.choice(('and', 'or'))} ".join(terms)


def _text(dice: random.Random) -> str:
    word = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(4, 16)))
    return dice.choice((f'"{word}.exe"', f"'{word}'", f'@"C:\\Tools\\{word}.exe"', f'"{word}.contoso.com"'))


def _sum(dice: random.Random) -> str:
    return " + ".join(f"iff({_condition(dice)}, {dice.randint(1, 9)}, 0)" for _ in range(dice.randint(1, 4)))


# --------------------------------------------------------------------------- the table


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("queries", nargs="?", type=Path, help="JSON lines with a `query` each")
    options.add_argument("--only", default=",".join(PARSERS), help="parsers to run, separated by commas")
    arguments = options.parse_args()
    if arguments.queries:
        lines = arguments.queries.read_text(encoding="utf-8").splitlines()
        queries = [json.loads(line)["query"] for line in lines if line.strip()]
    else:
        queries = generated()
    kilobytes = sum(len(query.encode()) for query in queries) / 1000
    print(f"{len(queries)} queries, {kilobytes:.0f} kB, best of {ROUNDS} rounds")
    print(f"{'parser':<12}{'seconds':>9}{'ms per kB':>11}{'accepted':>10}{'times fpctl':>13}")
    ours: float | None = None
    for name in arguments.only.split(","):
        timing = PARSERS[name](queries)
        if isinstance(timing, str):
            print(f"{name:<12}  left out: {timing}")
            continue
        ours = timing.seconds if name == "fpctl" else ours
        factor = f"{timing.seconds / ours:.1f}" if ours else ""
        per_kilobyte = timing.seconds * 1000 / kilobytes
        print(f"{name:<12}{timing.seconds:>9.3f}{per_kilobyte:>11.3f}{timing.accepted:>10}{factor:>13}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
