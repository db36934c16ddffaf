"""Progress on stderr, where work takes longer."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from fpctl.cli.shared.stream import COLOURS, counted, is_terminal, say

PROGRESS_AFTER = 1.0
"""Seconds of silence before progress is shown: what is quick needs none."""
LINE_EVERY = 60.0
"""Seconds between lines of progress where stderr is a log and no terminal."""


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
        a function that takes how many steps are done in all, and what else is to be shown (`3 failed`).
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
        self._colours = COLOURS.get() and not os.environ.get("NO_COLOR")
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
                console=Console(stderr=True, color_system="auto" if self._colours else None),
                transient=True,
            )
            self._task = self._bar.add_task(self._what, total=self._total, completed=self._done, note=self._note)
            self._bar.start()
