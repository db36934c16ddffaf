"""Work on a stream of items, several at once, handed back as each is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import Generic, TypeVar

from fpctl.background import in_background

A = TypeVar("A")
R = TypeVar("R")

_AHEAD = 2
"""Items prepared per worker, so that none waits while the next ones are being prepared."""


def completed(items: Iterable[A], work: Callable[[A], R], concurrency: int) -> Iterator[tuple[A, R]]:
    """Yield each item with what `work` returned for it, in the order in which they are done.

    `items` is read in the caller's thread, a few items ahead of the work. Once the caller stops
    (Ctrl-C, an error, closing the generator) no further item is begun; work that is under way ends by
    itself and its result is dropped. What `work` raises is raised here.

    Args:
        items: read as they are needed.
        work: called in threads; in the caller's own where `concurrency` is 1.
        concurrency: how many items are worked on at a time.
    """
    if concurrency <= 1:
        for item in items:
            yield item, work(item)
        return
    workers = _Workers(work, concurrency)
    source = ((item,) for item in items)
    pending, more = 0, True
    try:
        while True:
            while more and pending < concurrency * _AHEAD and workers.done.empty():
                following = next(source, None)
                more = following is not None
                if following is not None:
                    workers.todo.put(following)
                    pending += 1
            if not pending:
                return
            finished = workers.done.get()
            pending -= 1
            if isinstance(finished, BaseException):
                raise finished
            yield finished
    finally:
        workers.stop()


class _Workers(Generic[A, R]):
    """Threads that take items from one queue and put them, with their results, into another."""

    def __init__(self, work: Callable[[A], R], count: int) -> None:
        self.todo: SimpleQueue[tuple[A] | None] = SimpleQueue()
        self.done: SimpleQueue[tuple[A, R] | BaseException] = SimpleQueue()
        self._work = work
        self._count = count
        self._stopped = threading.Event()
        for number in range(count):
            in_background(self._loop, f"fpctl-rule-{number}")

    def stop(self) -> None:
        """Begin no further item."""
        self._stopped.set()
        for _ in range(self._count):
            self.todo.put(None)

    def _loop(self) -> None:
        while (taken := self.todo.get()) is not None and not self._stopped.is_set():
            try:
                self.done.put((taken[0], self._work(taken[0])))
            except BaseException as error:
                self.done.put(error)
