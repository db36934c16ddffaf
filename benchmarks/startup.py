"""How fast fpctl starts, against `python -c "import typer"`: medians, the least processor time, and their ratios.

`fpctl --help`: at most 1.5. `fpctl apply` of one rule with one exclusion, checked and written: at most 4.
They are timed in turn, so that what else the machine does falls on all; processor time is nearly free of it.
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


def seconds(command: list[str]) -> tuple[float, float]:
    """Return how long a command takes, and the processor time of that."""
    started, used = time.perf_counter(), processor_time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started, processor_time() - used


def processor_time() -> float:
    """Return the seconds of processor time of the commands that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


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
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for command in commands.values():
            seconds(command)  # bytecode and disk cache
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(seconds(command))
    medians = {name: statistics.median(elapsed for elapsed, _ in values) for name, values in times.items()}
    least = {name: min(used for _, used in values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:28} {median * 1000:7.1f} ms, {least[name] * 1000:6.1f} ms of processor time")
    for name, goal in GOALS.items():
        ratio, of_processor = medians[name] / medians[BASE], least[name] / least[BASE]
        print(f"{f'{name} / typer':36} {ratio:5.2f}, {of_processor:.2f} of processor time (goal: at most {goal:g})")


if __name__ == "__main__":
    main()
