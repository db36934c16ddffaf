"""What an audit needs of the history."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from fpctl.audit.context import RunHistory

RECENT = timedelta(days=14)
"""Runs so old may still tell what a rule does."""


def read_run_history(place: str, now: datetime) -> RunHistory | None:
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
        hits = {total.exclusion: total for total in history.hits()}
        since = now - RECENT
        return RunHistory(hits, tuple(history.latest_runs(since)), tuple(history.drift(since=since)))
