"""How the engine of a service makes its requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from fpctl.engine.remote.retry import Retrier


def quietly(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class RequestSettings:
    """Bounds of requests; None where the engine's own default holds.

    Attributes:
        timeout: seconds the service may run a query.
        concurrency: requests in flight at once, whichever threads they come from.
        retrier: tries again; its sleep and jitter can be replaced in tests.
        clock: seconds since 1970.
        deadline: seconds in all for one request, the download of its answer included.
        patience: seconds of waiting in all for one query, and that a pause of the whole engine may last.
        announce: called with a readable message for a pause.
    """

    timeout: float | None = None
    concurrency: int | None = None
    retrier: Retrier | None = None
    clock: Callable[[], float] = time.time
    deadline: float | None = None
    patience: float | None = None
    announce: Callable[[str], None] = quietly
