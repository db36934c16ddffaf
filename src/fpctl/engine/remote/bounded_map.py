"""A function called for many items concurrently, up to a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from typing import TypeVar

from fpctl.background import in_background

A = TypeVar("A")
R = TypeVar("R")


def bounded_map(items: Sequence[A], work: Callable[[A, threading.Event], R], limit: int) -> list[R]:
    """Return `work(item, cancelled)` for each item, in their order, at most `limit` at a time.

    When the caller is interrupted (Ctrl-C), or `work` raises, `cancelled` is set, no further item is
    begun and the exception is raised at once; requests that are under way end by themselves.
    """
    cancelled = threading.Event()
    if min(limit, len(items)) <= 1:
        return [work(item, cancelled) for item in items]
    results: dict[int, R] = {}
    pending = iter(range(len(items)))
    lock = threading.Lock()

    def worker() -> None:
        while not cancelled.is_set():
            with lock:
                at = next(pending, None)
            if at is None:
                return
            results[at] = work(items[at], cancelled)

    workers = [in_background(worker, f"fpctl-query-{number}") for number in range(min(limit, len(items)))]
    try:
        for finished in wait(workers, return_when=FIRST_EXCEPTION).done:
            finished.result()
    except BaseException:
        cancelled.set()
        raise
    return [results[at] for at in range(len(items))]
