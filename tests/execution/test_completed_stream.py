"""Items worked on several at a time: bounded, handed back as they are done, and stopped with the caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from fpctl.execution.stream import completed

WAIT = 10


def test_each_item_comes_back_with_its_result() -> None:
    assert sorted(completed(range(40), lambda n: n * n, 4)) == [(n, n * n) for n in range(40)]


def test_one_at_a_time_keeps_the_order_and_the_callers_thread() -> None:
    here = threading.get_ident()
    assert list(completed([3, 1, 2], lambda _: threading.get_ident(), 1)) == [(3, here), (1, here), (2, here)]


def test_no_more_than_asked_for_are_in_work_and_as_many_are() -> None:
    lock, together = threading.Lock(), threading.Barrier(3)
    now = most = 0

    def work(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(WAIT)  # breaks, and fails the test, if there are never three of them
        with lock:
            now -= 1

    assert len(list(completed(range(12), work, 3))) == 12
    assert most == 3


def test_a_slow_item_does_not_hold_back_the_others() -> None:
    slow = threading.Event()
    order = []
    for item, _ in completed([0, 1, 2, 3, 4], lambda n: slow.wait(WAIT) if n == 0 else None, 2):
        order.append(item)
        if len(order) == 4:
            slow.set()
    assert order == [1, 2, 3, 4, 0]


def test_items_are_read_only_a_little_ahead() -> None:
    read: list[int] = []

    def source() -> Iterator[int]:
        for n in range(1000):
            read.append(n)
            yield n

    stream = completed(source(), lambda n: n, 2)
    for _ in range(3):
        next(stream)
    assert len(read) <= 3 + 4
    stream.close()


def test_what_the_work_raises_is_raised_and_nothing_more_is_begun() -> None:
    begun = []

    def work(n: int) -> None:
        begun.append(n)
        if n == 1:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(completed(range(1000), work, 2))
    assert len(begun) < 20


def test_after_the_caller_stops_nothing_more_is_begun() -> None:
    begun: list[int] = []
    stream = completed(range(1000), lambda n: begun.append(n), 2)
    next(stream)
    stream.close()
    left = [thread for thread in threading.enumerate() if thread.name.startswith("fpctl-rule-")]
    for thread in left:
        thread.join(WAIT)
    assert len(begun) < 20
