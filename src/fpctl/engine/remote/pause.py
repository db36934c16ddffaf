"""A pause of a whole engine: limits of a service are the account's or tenant's, not those of one query.

Log Analytics takes 200 queries in 30 seconds, and advanced hunting gives a tenant CPU time in cycles of 15 minutes:
at 100 % every query is refused until the next cycle. What one query learns, all others learn too, so they wait
with it instead of asking for themselves.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.retry import RequestFailure


class EnginePause:
    """When the service takes queries again. Shared by all threads of an engine.

    Args:
        service: its name, for messages.
        patience: seconds that a pause may last; longer ones fail the queries, which a later run resumes.
        clock: seconds since 1970.
        sleep: waits for some seconds.
        announce: called with a readable message for each pause.
    """

    def __init__(
        self,
        service: str,
        patience: float,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        announce: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._service = service
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._announce = announce
        self._until = 0.0
        self._lock = threading.Lock()

    def begin(self, seconds: float) -> float:
        """Pause for some seconds at least, and return until when the pause lasts."""
        with self._lock:
            until = self._clock() + seconds
            if until <= self._until:
                return self._until
            self._until = until
        if seconds <= self._patience:
            self._announce(f"{self._service} takes no more queries until {_shown(until)}; waiting")
        return until

    def wait(self, waited_for: float | None = None) -> None:
        """Return when the service takes queries again.

        Args:
            waited_for: a pause that the caller has waited for itself.

        Raises:
            RequestFailure: the pause is longer than the patience.
        """
        seen = waited_for
        while True:
            with self._lock:
                until = self._until
            left = until - self._clock()
            if until == seen or left <= 0:
                return
            if left > self._patience:
                raise RequestFailure(self._too_long(until), "fatal")
            self._sleep(left)
            seen = until

    def _too_long(self, until: float) -> EngineError:
        return EngineError(
            f"{self._service} takes no more queries until {_shown(until)}, "
            f"longer than the {self._patience:,.0f} s allowed",
            code="throttled",
            hint="run again after that with --resume, or wait longer with --patience",
            retryable=True,
        )


def _shown(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S} UTC"
