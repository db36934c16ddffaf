"""`fpctl demo`: the whole job on generated data, through the real commands."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from fpctl.cli.shared import output
from fpctl.errors import EXIT_ERROR, EXIT_OK


def command(
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Folder for the demo repository.", show_default="demo")
    ] = Path("demo"),
    rows: Annotated[
        int, typer.Option("--rows", metavar="N", min=10_000, help="Number of DeviceNetworkEvents rows to generate.")
    ] = 200_000,
) -> int:
    """Run the whole workflow on generated data: 400 devices, 14 days, five benign RPort scenarios and three
    attacks.

    Creates a small rule repository with data and runs the real commands on it: the diff of the clauses, the run
    with its hits, a check that exactly the three attack sessions remain, and the report.
    """
    from fpctl.cli.app import run
    from fpctl.demo.check import remaining
    from fpctl.demo.dataset import write_dataset
    from fpctl.demo.shipped_files import write_repository

    output.say(f"1. A rule repository in {folder}: the RPort rule as published, five exclusions, generated data")
    write_repository(folder)
    data = folder / "data"
    with output.progress("Generating events", rows) as update:
        summary = write_dataset(data, rows=rows, progress=lambda done, _: update(done))
    output.say(
        f"   {summary.rows:,} events of {summary.devices} devices, {summary.start:%Y-%m-%d} to {summary.end:%Y-%m-%d}"
    )
    day = f"{summary.end:%Y-%m-%d}"
    where = ["--rules", str(folder / "rules"), "--exclusions", str(folder / "exclusions")]
    history = ["--history", str(folder / "history.db")]
    steps = (
        ("2. What the exclusions change in the rule", ["apply", *where, "--on", day, "--diff"]),
        (
            "3. The tuned rule run on the data, and what each exclusion suppressed",
            ["run", *where, "--data", str(data), "--to", f"{summary.end:%Y-%m-%dT%H:%M:%SZ}", *history],
        ),
        ("4. What the history contains now", ["hits", "--exclusions", str(folder / "exclusions"), *history]),
    )
    for title, arguments in steps:
        output.say(f"\n{title}\n   $ fpctl {shlex.join(arguments)}\n")
        sys.stderr.flush()
        code = run(arguments)
        if code != EXIT_OK:
            output.say(f"fpctl {arguments[0]} ended with exit code {code}")
            return code
    check = remaining(folder, summary)
    output.say("\n5. What is left")
    for session in check.found:
        output.say(
            f"   {session.device} -> {session.url}: {session.name}; it resembles {session.resembles} "
            f"and differs only by its {session.differs}"
        )
    if not check.ok:
        for line in check.problems:
            output.say(f"   {line}")
        output.say("   This is not the expected result.")
        return EXIT_ERROR
    output.say(
        f"   Exactly the {len(check.found)} attack sessions remain; every other RPort row was named by an exclusion."
    )
    page = str(folder / "report.html")
    report = ["report", *where, *history, "--on", f"{datetime.now(UTC):%Y-%m-%d}", "--html", page]
    output.say(f"\n6. The same as an HTML report\n   $ fpctl {shlex.join(report)}\n")
    sys.stderr.flush()
    return run(report)
