"""What the engine knows of the tables that rules read: asked once per table and time range, for all rules."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from fpctl.engine.interface import Engine, EngineError, TableStatus, Timespan


class TableFacts:
    """The states of tables, shared by the runs of a session. Safe to share between threads.

    Hundreds of rules read a dozen tables: asked for each rule anew, the check would cost as much as
    the rules themselves.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[tuple[str, Timespan | None], Future[TableStatus]] = {}
        self._names: list[str] | None = None
        self._listed = False
        self._lock = threading.Lock()

    def of(self, tables: Sequence[str], timespan: Timespan | None) -> list[TableStatus]:
        """Return the state of each table, in the order given.

        Raises:
            EngineError: the engine could not tell; it is asked again the next time.
        """
        futures: dict[str, Future[TableStatus]] = {}
        asked: list[str] = []
        with self._lock:
            for table in tables:
                key = (table, timespan)
                if key not in self._known:
                    self._known[key] = Future()
                    asked.append(table)
                futures[table] = self._known[key]
        if asked:
            self._ask(asked, timespan, futures)
        return [futures[table].result() for table in tables]

    def names(self) -> list[str] | None:
        """Return the names of the tables that the engine has, None where it cannot tell. Asked once."""
        with self._lock:
            if not self._listed:
                self._listed = True
                with contextlib.suppress(EngineError):
                    self._names = self._engine.tables()
            return self._names

    def _ask(self, asked: Sequence[str], timespan: Timespan | None, futures: dict[str, Future[TableStatus]]) -> None:
        try:
            found = {status.name: status for status in self._engine.preflight(asked, timespan)}
            for table in asked:
                if table not in found:
                    raise EngineError(f"the engine did not say what it has of {table}", code="bad-response")
            for table in asked:
                futures[table].set_result(found[table])
        except BaseException as error:
            with self._lock:
                for table in asked:
                    del self._known[table, timespan]
            for table in asked:
                if not futures[table].done():
                    futures[table].set_exception(error)
