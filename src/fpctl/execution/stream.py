"""Work on a stream of items, several at once, handed back as it is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

A = TypeVar("A")
R = TypeVar("R")

_AHEAD = 2
"""Items made ready per worker, so that none waits while the next ones are being made."""


def completed(items: Iterable[A], work: Callable[[A], R], at_once: int) -> Iterator[tuple[A, R]]:
    """Yield each item with what `work` made of it, in the order in which they are done.

    `items` is read in the caller's thread, a few items ahead of the work. Once the caller stops
    (Ctrl-C, an error, closing the generator) no further item is begun; what is still in work is left
    to end by itself and goes nowhere. What `work` raises is raised here.

    Args:
        items: read as they are needed.
        work: called in threads; in the caller's own where `at_once` is 1.
        at_once: how many items are in work at a time.
    """
    if at_once <= 1:
        for item in items:
            yield item, work(item)
        return
    todo: SimpleQueue[tuple[A] | None] = SimpleQueue()
    done: SimpleQueue[tuple[A, R] | BaseException] = SimpleQueue()
    stopped = threading.Event()

    def body() -> None:
        while (taken := todo.get()) is not None and not stopped.is_set():
            try:
                done.put((taken[0], work(taken[0])))
            except BaseException as error:
                done.put(error)

    # Daemons: after Ctrl-C nobody waits for a query that may run for minutes yet.
    for number in range(at_once):
        threading.Thread(target=body, name=f"fpctl-rule-{number}", daemon=True).start()
    source = ((item,) for item in items)
    pending, more = 0, True
    try:
        while True:
            while more and pending < at_once * _AHEAD and done.empty():
                following = next(source, None)
                more = following is not None
                if following is not None:
                    todo.put(following)
                    pending += 1
            if not pending:
                return
            finished = done.get()
            pending -= 1
            if isinstance(finished, BaseException):
                raise finished
            yield finished
    finally:
        stopped.set()
        for _ in range(at_once):
            todo.put(None)
