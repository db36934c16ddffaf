"""What an audit needs of the history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.audit.context import RunHistory
from fpctl.history.records import HitTotals, StoredRun
from fpctl.policy import Usage

if TYPE_CHECKING:
    from fpctl.history.history import History

RECENT = timedelta(days=14)
"""Runs so old may still tell what a rule does."""
TREND = timedelta(days=29)
"""For every exclusion, the hits of this many days before today, and of today, are known."""

MANY = 200
"""Exclusions from which on all days of all are asked for at once: 200 questions take as long as that one."""


def read_run_history(place: str, now: datetime, today: date, usage: Usage) -> RunHistory | None:
    """Return what the history at a path or URL knows; None where there is no history.

    Raises:
        FpctlError: it cannot be read.
    """
    if "://" not in place and not Path(place).exists():
        return None
    # Only now: the database takes longer to load than a small audit.
    from fpctl.history.history import History
    from fpctl.history.store import is_there

    if not is_there(place):
        return None
    with History.open(place, create=False) as history:
        since = now - RECENT
        return run_history(history, history.latest_runs(since), since, today, usage)


def run_history(history: History, runs: Iterable[StoredRun], since: datetime, today: date, usage: Usage) -> RunHistory:
    """Return what an audit on a day needs of an open history.

    All days are known of the exclusions that suppress as much as the policy's floor in a run; of the others, which are
    the most, only the last ones are: adding up text of a million days takes longer than the rest of an audit.

    Args:
        runs: the latest runs since a moment or earlier.
        since: the moment from which runs and what they noticed count.
        today: the day of the audit.
    """
    compared = today - timedelta(days=usage.days - 1)
    hits = {total.exclusion: total for total in history.hits(trend=min(today - TREND, compared))}
    busy = [id for id, total in hits.items() if (per_run(total, compared, today) or 0) >= usage.floor]
    if len(busy) > MANY:
        hits = {total.exclusion: total for total in history.hits()}
    else:
        hits.update({id: history.hits(exclusion=id)[0] for id in busy})
    recent = tuple(run for run in runs if run.started >= since)
    return RunHistory(hits, recent, tuple(history.drift(since=since)))


def per_run(hits: HitTotals, first: date, last: date) -> float | None:
    """Return the average hits of a run on the days from `first` to `last`; None where no run says."""
    runs, rows = 0, 0
    for point in hits.between(first, last):
        if point.rows is not None:
            runs += point.runs
            rows += point.rows
    return rows / runs if runs else None
