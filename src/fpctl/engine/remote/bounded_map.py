"""Several pieces of work at once, at most so many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")


def bounded_map(items: Sequence[A], work: Callable[[A, threading.Event], R], limit: int) -> list[R]:
    """Return `work(item, cancelled)` for each item, in their order, at most `limit` at a time.

    When the caller is interrupted (Ctrl-C), or a piece of work raises, `cancelled` is set, no further
    item is begun and the exception is raised at once; threads still in a request end by themselves.
    """
    results: dict[int, R] = {}
    failure: list[BaseException] = []
    cancelled = threading.Event()
    pending = iter(range(len(items)))
    lock = threading.Lock()
    finished = threading.Semaphore(0)

    def body() -> None:
        try:
            while not cancelled.is_set():
                with lock:
                    at = next(pending, None)
                if at is None:
                    return
                result = work(items[at], cancelled)
                with lock:
                    results[at] = result
        except BaseException as error:
            failure.append(error)
            cancelled.set()
        finally:
            finished.release()

    count = max(1, min(limit, len(items)))
    if count == 1:
        return [work(item, cancelled) for item in items]
    for number in range(count):
        threading.Thread(target=body, name=f"fpctl-query-{number}", daemon=True).start()
    try:
        for _ in range(count):
            finished.acquire()
            if failure:
                break
    except BaseException:
        cancelled.set()
        raise
    if failure:
        raise failure[0]
    return [results[at] for at in range(len(items))]
