"""Runs that are started from a page: one run of a rule at a time, a few at once, cancelled when asked.

A run goes on when the page that started it is closed. Its end is recorded as the command line records it; what is
left unfinished by a server that stops is marked so at the next start, and nothing of it is half recorded.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from fpctl.engine.interface import Engine, Timespan
from fpctl.errors import FpctlError
from fpctl.execution.drift_check import DriftWatch
from fpctl.execution.run import RunResult
from fpctl.execution.session import Session
from fpctl.execution.time_range import window_range
from fpctl.history.console import RUNNING, ConsoleRun
from fpctl.history.history import History
from fpctl.repository.apply import tune
from fpctl.rules.formats.registry import LoadedRule
from fpctl.web.config import ConsoleConfig
from fpctl.web.work.engines import capabilities, opened
from fpctl.web.work.kept_rows import KeptRows, RowStore
from fpctl.web.work.rule_key import rule_key
from fpctl.web.work.snapshot import Snapshots

AT_ONCE = 2
ROWS = Path(".fpctl") / "rows"
"""Where the rows of each rule's last run are kept, in the folder of the settings."""
KEPT = 50
"""How many runs have their results kept in memory; the counts of all are in the history."""


@dataclass(slots=True)
class LiveRun:
    """A run under way or just ended."""

    id: str
    rule_key: str
    rule_name: str
    person: str
    days: int | None
    status: str = "queued"
    message: str = "waiting for its turn"
    result: RunResult | None = None
    rows: KeptRows | None = None
    engine: Engine | None = None
    cancelled: bool = False
    changes: int = 0
    events: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in RUNNING


class RunState(NamedTuple):
    """The state of a run; `changes` grows with each change."""

    changes: int
    status: str
    message: str
    ended: bool


class RunQueue:
    """Starts, follows and cancels runs. Safe to share between threads."""

    def __init__(self, config: ConsoleConfig, history: History, snapshots: Snapshots) -> None:
        self._config, self._history, self._snapshots = config, history, snapshots
        self._runs: dict[str, LiveRun] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(AT_ONCE, "run")
        self._rows = RowStore(config.settings.paths.root / ROWS)
        history.console.interrupt_unfinished(config.clock())

    def start(self, loaded: LoadedRule, person: str, days: int | None = None) -> LiveRun:
        """Start a run of a rule.

        Args:
            days: how far back to look; None for the rule's own time.

        Raises:
            FpctlError: the rule is being run already.
        """
        key = rule_key(loaded)
        with self._lock:
            for other in self._runs.values():
                if other.rule_key == key and not other.ended:
                    raise FpctlError(
                        f"{loaded.rule.name} is being run already, for {other.person}",
                        None,
                        "wait for it, or cancel it",
                    )
            asked = self._history.console.ask_run(loaded.rule.id, person, self._config.clock())
            run = LiveRun(asked.id, key, loaded.rule.name, person, days)
            self._runs[run.id] = run
            for old in [one for one in self._runs.values() if one.ended][: max(len(self._runs) - KEPT, 0)]:
                del self._runs[old.id]
        self._pool.submit(self._work, run, loaded)
        return run

    def get(self, id: str) -> LiveRun | None:
        """Return a run of this server, or None."""
        with self._lock:
            return self._runs.get(id)

    def recent(self) -> list[ConsoleRun]:
        """Return the runs that were asked for last, those of earlier servers too."""
        return self._history.console.runs()

    def rows_of(self, key: str) -> KeptRows | None:
        """Return the rows of a rule's last run, those of earlier servers too; None where there are none."""
        return self._rows.of(key)

    def cancel(self, id: str) -> bool:
        """Stop a run, and return whether there was one to stop."""
        with self._lock:
            run = self._runs.get(id)
            if run is None or run.ended:
                return False
            run.cancelled = True
            engine = run.engine
        self._say(run, run.status, "is being stopped")
        interrupt: Any = getattr(engine, "interrupt", None)
        if interrupt is not None:
            interrupt()
        return True

    def state(self, id: str) -> RunState | None:
        """Return how a run of this server stands; None where there is none. It never waits."""
        with self._lock:
            run = self._runs.get(id)
            return None if run is None else RunState(run.changes, run.status, run.message, run.ended)

    def close(self) -> None:
        """Stop everything and wait for it."""
        for id in list(self._runs):
            self.cancel(id)
        self._pool.shutdown(wait=True, cancel_futures=True)

    # ------------------------------------------------------------------ on a thread of the pool

    def _work(self, run: LiveRun, loaded: LoadedRule) -> None:
        try:
            if run.cancelled:
                self._end(run, "cancelled", "was cancelled before it began")
                return
            self._say(run, "running", "is being planned")
            self._run(run, loaded)
        except FpctlError as error:
            self._end(run, "cancelled" if run.cancelled else "failed", error.message)
        except Exception as error:
            # A fault of ours must not leave a run that never ends; it is reported as such.
            self._end(run, "failed", f"unexpected {type(error).__name__}: this is a fault of fpctl")
            raise

    def _run(self, run: LiveRun, loaded: LoadedRule) -> None:
        config, repository = self._config, self._snapshots.now().repository
        now = config.clock()
        span = Timespan(now - timedelta(days=run.days), now) if run.days else None
        engine = opened(config, repository, now)
        with self._lock:
            run.engine = engine
        try:
            windows = None if capabilities(config).local_time else window_range(span, now)
            planner = repository.planner(now.date(), windows_within=windows)
            (outcome,) = tune([loaded], repository.active(), planner)
            if outcome.tuned is None:
                raise outcome.error or FpctlError("the rule cannot be planned")
            self._say(run, "running", f"is running on {engine.name}")
            session = Session(
                engine, span, now, config.clock, {one.id: one for one in repository.exclusions.exclusions},
                self._history, with_base=capabilities(config).free_queries,
                watch=DriftWatch([one.exclusion for one in repository.exclusions.exclusions], planner, self._history),
            )  # fmt: skip
            (result,) = session.run([outcome])
        finally:
            with self._lock:
                run.engine = None
            with suppress(FpctlError):
                engine.close()
        self._snapshots.changed()
        count = result.result.count if result.result is not None else 0
        message = f"{count:,} result row{'' if count == 1 else 's'}"
        if result.result is not None:
            run.rows = KeptRows.of(run.id, message, result.result)
            try:
                self._rows.keep(run.rule_key, run.rows)
            except FpctlError as error:
                message = f"{message}; {error.message}"
        # The counts stay in memory, the rows do not: there may be millions.
        run.result = replace(result, result=None)
        if result.error is not None:
            self._end(run, "cancelled" if run.cancelled else result.status, result.error)
        else:
            self._end(run, result.status, message)

    def _say(self, run: LiveRun, status: str, message: str) -> None:
        with self._lock:
            run.status, run.message = status, message
            run.changes += 1
        self._history.console.mark_run(run.id, status, message)

    def _end(self, run: LiveRun, status: str, message: str) -> None:
        self._history.console.mark_run(run.id, status, message, self._config.clock())
        with self._lock:
            run.status, run.message = status, message
            run.changes += 1
