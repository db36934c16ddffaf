"""Which failures of a service are tried again, how often, and after what wait.

The clients' own retries are turned off. azure-core's can be told for each call to retry a POST
(`retry_on_methods`), but it knows neither a bound on all waiting nor a pause that all queries of an engine
share, and azure-kusto-data retries nothing. One bounded policy serves all engines. A query only reads, so
sending it again is always safe.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from fpctl.engine.interface import EngineError

T = TypeVar("T")

FailureKind = Literal["throttled", "transient", "timeout", "unauthorized", "fatal"]
"""
throttled: the service asks to come back later (429).
transient: the way to the service or the service itself failed (500, 502, 503, a lost connection, a cut answer).
timeout: the service timed out running the query (504, 408).
unauthorized: the token was turned down (401): once more with a new one.
fatal: trying again cannot help.
"""


class RequestFailure(Exception):
    """What went wrong in one attempt: the error to show if it stays so, and what kind it is."""

    def __init__(self, error: EngineError, kind: FailureKind, retry_after: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.kind = kind
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The bounds. Every number is per query.

    Attributes:
        throttled, transient, timeout, unauthorized: how many failures of a kind are followed by another request.
        requests: requests in all, whatever the mix of failures.
        first_wait, longest_wait: seconds; the n-th wait is drawn from 0 to first_wait * 2^n ("full jitter").
        patience: seconds of waiting in all; a `Retry-After` beyond it fails the query at once.
    """

    throttled: int = 5
    transient: int = 3
    timeout: int = 1
    unauthorized: int = 1
    requests: int = 7
    first_wait: float = 1.0
    longest_wait: float = 60.0
    patience: float = 300.0

    def allowed(self, kind: FailureKind) -> int:
        """Return how many failures of a kind may be followed by another request."""
        return 0 if kind == "fatal" else int(getattr(self, kind))


class Retrier:
    """Runs attempts under a policy.

    Args:
        policy: the bounds.
        sleep: waits for some seconds.
        draw: gives a number from 0 up to 1, for the jitter.
    """

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.policy = policy or RetryPolicy()
        self._sleep = sleep
        self._draw = draw

    def sleep(self, seconds: float) -> None:
        """Wait, as between two requests."""
        self._sleep(seconds)

    def run(
        self,
        attempt: Callable[[], T],
        *,
        cancelled: threading.Event | None = None,
        on_unauthorized: Callable[[], bool] | None = None,
    ) -> T:
        """Return what the first good attempt returns.

        Args:
            attempt: one request; raises RequestFailure.
            cancelled: once set, nothing more is sent.
            on_unauthorized: gets a new token; False where there is none to get.

        Raises:
            EngineError: of the last attempt; the message says after how many requests.
        """
        failures: dict[FailureKind, int] = {}
        waited, requests = 0.0, 0
        while True:
            if cancelled is not None and cancelled.is_set():
                raise EngineError("the query was cancelled", code="interrupted")
            requests += 1
            try:
                return attempt()
            except RequestFailure as fault:
                failures[fault.kind] = failures.get(fault.kind, 0) + 1
                spent = requests >= self.policy.requests or failures[fault.kind] > self.policy.allowed(fault.kind)
                if not spent and fault.kind == "unauthorized" and on_unauthorized is not None:
                    spent = not on_unauthorized()
                wait = 0.0 if fault.kind == "unauthorized" else self._wait(fault, requests - 1)
                if spent or waited + wait > self.policy.patience:
                    raise self._final(fault, requests, wait if not spent else None) from None
            waited += wait
            if wait:
                self._sleep(wait)

    def _wait(self, fault: RequestFailure, before: int) -> float:
        if fault.retry_after is not None:
            # What the service asks for, and a little more, so that not all clients come back at one moment.
            return fault.retry_after + self._draw() * self.policy.first_wait
        return self._draw() * min(self.policy.longest_wait, self.policy.first_wait * 2.0**before)

    def _final(self, fault: RequestFailure, requests: int, asked: float | None) -> EngineError:
        error = fault.error
        message = error.message
        if asked is not None and fault.retry_after is not None:
            message += (
                f"; it asks to wait {fault.retry_after:,.0f} s, more than the {self.policy.patience:,.0f} s allowed"
            )
        elif requests > 1:
            message += f" (after {requests} requests)"
        return EngineError(
            message,
            code=error.code,
            hint=error.hint,
            offset=error.offset,
            retryable=error.retryable,
            at=error.at,
            caret=error.caret,
        )
