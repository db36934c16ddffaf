"""What fpctl prints: data to stdout, messages to stderr, and colours only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from fpctl.cli.shared.json_fields import SELECTION
from fpctl.cli.shared.progress import progress
from fpctl.cli.shared.stream import coloured, counted, is_terminal, say, write
from fpctl.cli.shared.table import fitted
from fpctl.errors import Problem
from fpctl.text.visible import csv_cell, json_text, visible, visible_lines

__all__ = [
    "coloured",
    "counted",
    "is_terminal",
    "moment",
    "progress",
    "say",
    "show_csv",
    "show_json",
    "show_payload",
    "show_problems",
    "show_table",
    "sparkline",
    "visible",
    "visible_lines",
    "write",
]


def show_table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = (), identifiers: bool = False
) -> None:
    """Print a table to stdout. On a terminal it is made to fit; in a pipe or a file nothing is cut.

    Args:
        headers: one for each column.
        rows: cells; None is shown as `-`, a time in UTC to the second, a list or a mapping as JSON.
        right: headers of the columns that are aligned to the right.
        identifiers: numbers may be ports or ids, and get no separators.
    """
    cells = [[_cell(value, separators=not identifiers) for value in row] for row in rows]
    width = terminal_width() if is_terminal(sys.stdout) else None
    write(fitted([visible(header) for header in headers], cells, frozenset(right), width))


def terminal_width() -> int:
    """Return how many columns the terminal has."""
    import shutil

    return shutil.get_terminal_size().columns


def show_json(document: Mapping[str, Any], problems: Sequence[Problem] = ()) -> None:
    """Print the JSON document of a command to stdout: keys in the order given, times as ISO 8601 in UTC.

    Args:
        problems: what is wrong with files that the command read: the last key of the document.
    """
    whole = {**document, "problems": [problem.to_dict() for problem in problems]}
    chosen = SELECTION.get()
    write(json_text(whole if chosen is None else chosen.of(whole), default=_json) + "\n")


def show_payload(value: Any) -> None:
    """Print JSON that is meant for another program, in that program's own shape."""
    write(json_text(value, default=_json) + "\n")


def show_csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV (RFC 4180) to stdout; an unknown value is an empty field, a formula is none for a spreadsheet."""
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headers)
    writer.writerows([csv_cell(_json(value) if isinstance(value, date) else value) for value in row] for row in rows)
    write(text.getvalue())


def show_problems(problems: Sequence[Problem]) -> None:
    """Print problems to stderr, in the order given, and how many there are."""
    for problem in problems:
        style = coloured(problem.severity, problem.severity, sys.stderr)
        say(visible_lines(str(problem)).replace(f": {problem.severity}: ", f": {style}: ", 1))
    if problems:
        errors = sum(problem.severity == "error" for problem in problems)
        counts = [counted(errors, "error"), counted(len(problems) - errors, "warning")]
        say(", ".join(count for count in counts if not count.startswith("0 ")))


def moment(value: datetime) -> str:
    """Return a time in UTC to the second, for people: `2026-11-20 03:15:00`."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def sparkline(counts: Sequence[int | None]) -> str:
    """Return one character for each count: `▁` for zero, `▂` to `█` for more, `?` where unknown."""
    top = max((count for count in counts if count is not None), default=0)
    bars = "▂▃▄▅▆▇█"
    return "".join(
        "?" if count is None else "▁" if count == 0 else bars[(count * len(bars) - 1) // top] for count in counts
    )


def _cell(value: Any, *, separators: bool) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if separators else str(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, list | dict):
        return json_text(value, indent=None, default=str)
    return visible(str(value))


def _json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum | PurePath):
        return str(value.value if isinstance(value, Enum) else value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
