"""What fpctl prints: data to stdout, talk to stderr, and colour and progress only on a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import PurePath
from typing import IO, Any, Literal, Protocol

from fpctl.errors import Problem

PROGRESS_AFTER = 1.0
"""Seconds of silence before progress is shown: what is quick needs none."""
LINE_EVERY = 60.0
"""Seconds between lines of progress where stderr is a log and no terminal."""

Align = Literal["left", "right"]

# A value may come from an attacker: no escape sequence in it reaches the terminal.
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}
_BIDI = {code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_VISIBLE = _CONTROL | _BIDI
_SPELLED_OUT = "".join(re.escape(chr(code)) for code in _VISIBLE if code not in (0x09, 0x0A))
_NO_COLOUR = re.compile(rf"(?!\x1b\[\d+m)[{_SPELLED_OUT}]")

_COLOURS = {"error": "31", "warning": "33", "added": "32", "removed": "31", "dim": "2", "bold": "1"}


def write(text: str) -> None:
    """Write data to stdout as UTF-8, byte for byte: no newline conversion, whatever the platform."""
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(text)
    else:
        buffer.write(text.encode("utf-8", "surrogateescape"))
        buffer.flush()


def say(text: str = "") -> None:
    """Write a line of talk to stderr, colours kept, other control characters spelled out."""
    print(_NO_COLOUR.sub(lambda found: _VISIBLE[ord(found[0])], text), file=sys.stderr)


def visible(text: str) -> str:
    """Return a text with its control and direction characters spelled out."""
    return text.translate(_VISIBLE)


def is_terminal(stream: IO[str]) -> bool:
    """Tell whether a person is looking at a stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def coloured(text: str, style: str, stream: IO[str] | None = None) -> str:
    """Return a text in one of the styles `error warning added removed dim bold`, where colours can be seen.

    `NO_COLOR` turns them off. `stream` is where it will be printed, stdout if not given.
    """
    if not is_terminal(stream or sys.stdout) or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m"


def show_table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Iterable[str] = ()) -> None:
    """Print a table to stdout.

    Args:
        headers: one for each column.
        rows: cells; None is shown as `-`, a number with separators, a time in UTC to the second.
        right: headers of the columns that are aligned to the right.
    """
    from tabulate import tabulate

    lines = [[_cell(value) for value in row] for row in rows]
    aligned = set(right)
    text = tabulate(
        lines,
        headers=list(headers),
        tablefmt="simple",
        disable_numparse=True,
        colalign=["right" if header in aligned else "left" for header in headers] if lines else None,
    )
    write("".join(f"{line.rstrip()}\n" for line in text.splitlines()))


def show_json(value: Any) -> None:
    """Print a JSON document to stdout: keys in the order given, times as ISO 8601 in UTC."""
    write(json.dumps(value, indent=2, ensure_ascii=False, default=_json) + "\n")


def show_csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV (RFC 4180) to stdout; an unknown value is an empty field."""
    import csv
    import io

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headers)
    writer.writerows([_json(value) if isinstance(value, date) else value for value in row] for row in rows)
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


def visible_lines(text: str) -> str:
    """Return a text of several lines with the control characters of each spelled out, tabs kept."""
    table = {code: shown for code, shown in _VISIBLE.items() if code not in (0x09, 0x0A)}
    return text.translate(table)


def counted(number: int, noun: str) -> str:
    """Return `1 rule` or `12,000 rules`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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


class Update(Protocol):
    """Tells how far the work is."""

    def __call__(self, done: int, note: str = "") -> None: ...


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Update]:
    """Show progress on stderr while the block runs, if it takes longer.

    A person sees a bar; a log gets a line a minute, where it is known how many steps there are.

    Args:
        what: words such as `Running rules`.
        total: how many steps there are; None shows a spinner and the time.

    Yields:
        a function that is told how many steps are done in all, and what else is to be shown (`3 failed`).
        It may be called from any thread.
    """
    # One at a time: work within work that already shows its progress shows none of its own.
    if not _showing.acquire(blocking=False):
        yield lambda done, note="": None
        return
    try:
        if is_terminal(sys.stderr):
            with _Progress(what, total) as shown:
                yield shown.update
        else:
            yield _Lines(what, total).update
    finally:
        _showing.release()


_showing = threading.Lock()


class _Lines:
    """Progress for a log."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total
        self._began = self._said = time.monotonic()
        self._lock = threading.Lock()

    def update(self, done: int, note: str = "") -> None:
        now = time.monotonic()
        with self._lock:
            if self._total is None or now - self._said < LINE_EVERY or not 0 < done < self._total:
                return
            self._said = now
        say(progress_line(self._what, done, self._total, note, now - self._began))


def progress_line(what: str, done: int, total: int, note: str, seconds: float) -> str:
    """Return how far work is: `Running rules: 41 of 300, 2 failed, 12,345 hits, about 4 minutes left`.

    Args:
        done: steps that are done, at least one.
        seconds: that they took.
    """
    left = seconds / done * (total - done)
    rest = f"about {counted(round(left / 60), 'minute')} left" if left >= 90 else "less than 2 minutes left"
    return ", ".join(part for part in (f"{what}: {done:,} of {total:,}", note, rest) if part)


class _Progress:
    """Rich's progress bar, begun late and gone at the end."""

    def __init__(self, what: str, total: int | None) -> None:
        self._what, self._total = what, total
        self._done, self._note = 0, ""
        self._ended = False
        self._lock = threading.Lock()
        self._bar: Any = None
        self._task: Any = None
        self._timer = threading.Timer(PROGRESS_AFTER, self._begin)
        self._timer.daemon = True

    def __enter__(self) -> _Progress:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._bar.stop()

    def update(self, done: int, note: str = "") -> None:
        with self._lock:
            self._done, self._note = done, note
            if self._bar is not None:
                self._bar.update(self._task, completed=done, note=note)

    def _begin(self) -> None:
        from rich import progress as rich
        from rich.console import Console

        with self._lock:
            if self._ended:
                return
            known: list[rich.ProgressColumn] = []
            if self._total is not None:
                known = [rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn()]
            self._bar = rich.Progress(
                rich.SpinnerColumn(),
                rich.TextColumn("{task.description}"),
                *known,
                rich.TimeElapsedColumn(),
                rich.TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self._what, total=self._total, completed=self._done, note=self._note)
            self._bar.start()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return moment(value)
    return visible(str(value))


def _json(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum | PurePath):
        return str(value.value if isinstance(value, Enum) else value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
