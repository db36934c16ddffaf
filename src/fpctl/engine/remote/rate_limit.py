"""A limit of calls in a period of time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class RateLimit:
    """A sliding window, for all threads of the process: `acquire` waits until one more call is in bounds.

    Args:
        calls: how many calls may begin in a window.
        seconds: how long the window is.
        clock: a clock that never goes back, in seconds.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        calls: int,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calls = calls
        self.seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._begun: deque[float] = deque()
        self._lock = threading.Lock()

    def acquire(self) -> float:
        """Wait for a place in the window, and return the seconds waited."""
        waited = 0.0
        while True:
            with self._lock:
                now = self._clock()
                while self._begun and self._begun[0] <= now - self.seconds:
                    self._begun.popleft()
                if len(self._begun) < self.calls:
                    self._begun.append(now)
                    return waited
                # Never too short to move a clock of floats on.
                wait = max(0.001, self._begun[0] + self.seconds - now)
            waited += wait
            self._sleep(wait)
