"""How fast `fpctl --help` starts, against `python -c "import typer"`: medians, and their ratio.

Goal: at most 1.5. The two are timed in turn, so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

GOAL = 1.5


def seconds(command: list[str]) -> float:
    """Return how long a command takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=21, help="runs of each (default 21)")
    runs = parser.parse_args().runs
    commands = {
        'python -c "import typer"': [sys.executable, "-c", "import typer"],
        "fpctl --help": [sys.executable, "-m", "fpctl", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        seconds(command)  # bytecode and disk cache
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(seconds(command))
    base, ours = (statistics.median(values) for values in times.values())
    for name, values in times.items():
        print(f"{name:28} {statistics.median(values) * 1000:7.1f} ms (median of {runs})")
    print(f"{'ratio':28} {ours / base:7.2f}    (goal: at most {GOAL})")


if __name__ == "__main__":
    main()
