"""An upper bound on how long a call may take, whatever the network does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The time is over and the call has not returned."""


def call_within(seconds: float, work: Callable[[], T]) -> T:
    """Return what `work` returns, or give up on it.

    The clients' read timeout is per packet: an answer that drips in byte by byte never ends. So the
    call runs in a thread, and this one waits, where Ctrl-C reaches it at once. A call given up on is
    left to end by itself; its thread does not keep the process alive.

    Raises:
        DeadlineExceeded: `work` has not returned in time.
    """
    done = threading.Event()
    result: list[T] = []
    failure: list[BaseException] = []

    def body() -> None:
        try:
            result.append(work())
        except BaseException as error:
            failure.append(error)
        finally:
            done.set()

    threading.Thread(target=body, name="fpctl-request", daemon=True).start()
    if not done.wait(seconds):
        raise DeadlineExceeded
    if failure:
        raise failure[0]
    return result[0]
