"""An upper bound on how long a call may take, whatever the network does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import wait
from typing import TypeVar

from fpctl.background import in_background

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The call has not returned in time."""


def call_within(seconds: float, work: Callable[[], T]) -> T:
    """Return what `work` returns, or stop waiting for it.

    The clients' read timeout is per packet: an answer that drips in byte by byte never ends. So the
    call runs in the background, and this thread waits, where Ctrl-C reaches it at once. A call that is
    abandoned ends by itself; its thread does not keep the process alive.

    Raises:
        DeadlineExceeded: `work` has not returned in time.
    """
    future = in_background(work, "fpctl-request")
    if not wait([future], seconds).done:
        raise DeadlineExceeded
    return future.result()
