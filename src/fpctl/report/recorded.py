"""What the report asks of the history, read in a process of its own while the files are read."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from fpctl.audit.context import RunHistory
from fpctl.audit.run_history import RECENT, run_history
from fpctl.history.records import StoredDrift, StoredRun
from fpctl.policy import Usage
from fpctl.report.estate import SERIES, RecordedFacts, largest

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from fpctl.history.history import History

LOOK_BACK = timedelta(days=90)
"""Suppressed events are drawn by day for so long before the day of the report."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the history knows on a day, all of it None or empty where there is none.

    Attributes:
        facts: what the page draws.
        runs: what the audit's checks look at.
        drift: what the last run of each rule found to have changed.
    """

    facts: RecordedFacts | None = None
    runs: RunHistory | None = None
    drift: tuple[StoredDrift, ...] = ()


def read_recorded(place: str, on: date, usage: Usage) -> Recorded:
    """Return what the history at a path or URL knows, opened once.

    Raises:
        FpctlError: it cannot be read.
    """
    from fpctl.history.store import is_there

    if not is_there(place):
        return Recorded()
    from fpctl.history.history import History

    with History.open(place, create=False) as history:
        start = datetime.combine(on - LOOK_BACK, time(), UTC)
        runs = history.latest_runs(start)
        since = datetime.combine(on + timedelta(days=1), time(), UTC) - RECENT
        return Recorded(
            _facts(history, runs, start),
            run_history(history, runs, since, on, usage),
            tuple(history.drift(latest=True)),
        )


def _facts(history: History, runs: list[StoredRun], start: datetime) -> RecordedFacts:
    by_rule: dict[str, list[StoredRun]] = {}
    for run in runs:
        by_rule.setdefault(run.rule, []).append(run)
    hits = history.hits_by_rule(start)
    counts: dict[str, int] = {}
    for one in hits:
        if one.rows:
            counts[one.exclusion] = counts.get(one.exclusion, 0) + one.rows
    return RecordedFacts(
        start.date(),
        tuple(hits),
        tuple(total for id in largest(counts, SERIES) for total in history.hits(exclusion=id, since=start)),
        {rule: tuple(found) for rule, found in by_rule.items()},
        tuple(history.suppressed_by_day(start)),
    )


def begin_reading(place: str, on: date, usage: Usage) -> Callable[[], Recorded]:
    """Read in a forked process, and return what waits for the answer; where processes cannot be forked, it reads.

    Call it before threads are started. The database's driver is not even loaded in this process.
    """
    if not sys.platform.startswith("linux"):
        return lambda: read_recorded(place, on, usage)
    import multiprocessing

    forking = multiprocessing.get_context("fork")
    ours, theirs = forking.Pipe(duplex=False)
    reader = forking.Process(target=_answer, args=(ours, theirs, place, on, usage), daemon=True)
    reader.start()
    theirs.close()

    def answer() -> Recorded:
        try:
            found: Recorded = ours.recv()
        except EOFError:
            # Whatever stopped the reader happens again here, where it can be reported.
            return read_recorded(place, on, usage)
        finally:
            ours.close()
            reader.join()
        return found

    return answer


def _answer(ours: Connection, theirs: Connection, place: str, on: date, usage: Usage) -> None:
    """Read and answer, in the forked process. Without an answer the other process reads, and reports what is wrong."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ours.close()
    with contextlib.suppress(Exception):
        theirs.send(read_recorded(place, on, usage))
