"""Work in a thread of its own, whose result is a standard `Future`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_background(work: Callable[[], T], name: str, future: Future[T] | None = None) -> Future[T]:
    """Start `work` in a daemon thread, and return the future of what it returns or raises.

    The threads of `concurrent.futures.ThreadPoolExecutor` are joined when the process ends. A query may run for
    minutes after Ctrl-C, or an answer drip in for ever, and neither may keep the process alive: so these are daemons.

    Args:
        work: called once. If the future is cancelled before the thread has begun, it is not called.
        name: of the thread, for debuggers.
        future: the one to use. A caller that must know what became of the work, even if Ctrl-C comes while the
            thread starts, makes it first.
    """
    outcome: Future[T] = Future() if future is None else future

    def body() -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            result = work()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    threading.Thread(target=body, name=name, daemon=True).start()
    return outcome
