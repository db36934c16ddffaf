"""How fast fpctl starts, against `python -c "import typer"`: medians, and their ratios.

`fpctl --help`: at most 1.5. `fpctl apply` of one rule with one exclusion, checked and written: at most 4.
They are timed in turn, so that what else the machine does falls on all.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASE = 'python -c "import typer"'
GOALS = {"fpctl --help": 1.5, "fpctl apply of one rule": 4.0}

RULE = "DeviceProcessEvents\n| where FileName =~ 'msiexec.exe' and ProcessCommandLine has 'http'\n"
EXCLUSION = """id: fp-start
title: Software deployment
rules: ["*"]
match: {device: [build01.contoso.com]}
reason: benchmark
owner: bench@contoso.com
created: 2026-11-01
expires: 2027-05-01
"""


def seconds(command: list[str]) -> float:
    """Return how long a command takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def apply_one(folder: Path) -> list[str]:
    """Return the command that applies one exclusion to one rule; both are written into the folder."""
    for name, text in (("rules/one.kql", RULE), ("exclusions/fp-start.yaml", EXCLUSION)):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text, encoding="utf-8")
    folders = ["--rules", str(folder / "rules"), "--exclusions", str(folder / "exclusions")]
    return [sys.executable, "-m", "fpctl", "apply", *folders, "--out", str(folder / "out"), "--on", "2026-11-24"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=21, help="runs of each (default 21)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="fpctl-bench-") as name:
        commands = {
            BASE: [sys.executable, "-c", "import typer"],
            "fpctl --help": [sys.executable, "-m", "fpctl", "--help"],
            "fpctl apply of one rule": apply_one(Path(name)),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for command in commands.values():
            seconds(command)  # bytecode and disk cache
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(seconds(command))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:28} {median * 1000:7.1f} ms (median of {runs})")
    for name, goal in GOALS.items():
        print(f"{f'{name} / typer':36} {medians[name] / medians[BASE]:5.2f}    (goal: at most {goal:g})")


if __name__ == "__main__":
    main()
