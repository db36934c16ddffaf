"""A limit of failed sign-ins from one address, and for one name, in a period."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

FAILURES, SECONDS = 5, 300.0
MOST_KEYS = 10_000


class FailureLimit:
    """Counts failures by key. Safe to share between threads.

    Args:
        failures: how many within the period lock the account or address out.
        seconds: the time.
    """

    def __init__(self, failures: int = FAILURES, seconds: float = SECONDS) -> None:
        self._failures, self._seconds = failures, seconds
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str, now: float) -> float:
        """Return for how many seconds a key has to wait, 0 if it may try."""
        with self._lock:
            times = self._recent(key, now)
            return times[0] + self._seconds - now if len(times) >= self._failures else 0.0

    def failed(self, key: str, now: float) -> None:
        """Count a failure."""
        with self._lock:
            self._recent(key, now).append(now)
            self._seen.move_to_end(key)
            while len(self._seen) > MOST_KEYS:
                self._seen.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        with self._lock:
            self._seen.pop(key, None)

    def _recent(self, key: str, now: float) -> deque[float]:
        times = self._seen.setdefault(key, deque())
        while times and times[0] <= now - self._seconds:
            times.popleft()
        return times
