"""The retry policy, the time limit of a request, several at once, and the rate limit."""

from __future__ import annotations

import threading
import time

import pytest

from engine.remote_setup import Waits
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.bounded_map import bounded_map
from fpctl.engine.remote.deadline import DeadlineExceeded, call_within
from fpctl.engine.remote.rate_limit import RateLimit
from fpctl.engine.remote.retry import FailureKind, RequestFailure, Retrier, RetryPolicy


class Failing:
    """Fails as told, then answers."""

    def __init__(self, *kinds: FailureKind, retry_after: float | None = None) -> None:
        self.kinds = list(kinds)
        self.retry_after = retry_after
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.kinds:
            kind = self.kinds.pop(0)
            raise RequestFailure(
                EngineError(f"it was {kind}", code=kind, hint="a hint", offset=3), kind, self.retry_after
            )
        return "answer"


def test_waits_double_up_to_the_longest() -> None:
    waits = Waits()
    policy = RetryPolicy(throttled=9, requests=10, longest_wait=20)
    Retrier(policy, sleep=waits.sleep, draw=lambda: 0.5).run(Failing(*["throttled"] * 7))
    assert waits.slept == [0.5, 1, 2, 4, 8, 10, 10]


def test_jitter_is_drawn_from_nothing_to_the_whole_wait() -> None:
    waits = Waits()
    draws = iter([0.0, 0.999])
    Retrier(sleep=waits.sleep, draw=lambda: next(draws)).run(Failing("transient", "transient"))
    assert waits.slept == [0.999 * 2]


def test_the_last_error_says_how_often_it_was_tried_and_keeps_its_place() -> None:
    with pytest.raises(EngineError) as caught:
        Retrier(sleep=lambda _: None).run(Failing(*["transient"] * 9))
    assert caught.value.message == "it was transient (after 4 requests)"
    assert (caught.value.code, caught.value.hint, caught.value.offset) == ("transient", "a hint", 3)


def test_kinds_are_counted_apart_and_requests_together() -> None:
    failing = Failing(
        "throttled", "transient", "throttled", "timeout", "transient", "throttled", "transient", "throttled"
    )
    with pytest.raises(EngineError, match="after 7 requests"):
        Retrier(sleep=lambda _: None).run(failing)
    assert failing.calls == 7


def test_waiting_ends_with_patience() -> None:
    waits = Waits()
    failing = Failing(*["throttled"] * 9, retry_after=120)
    with pytest.raises(EngineError, match="asks to wait 120 s, more than the 300 s allowed"):
        Retrier(sleep=waits.sleep, draw=lambda: 0.0).run(failing)
    assert waits.slept == [120, 120]


def test_nothing_is_sent_after_a_cancel() -> None:
    cancelled = threading.Event()
    failing = Failing("transient")
    with pytest.raises(EngineError) as caught:
        Retrier(sleep=lambda _: cancelled.set()).run(failing, cancelled=cancelled)
    assert caught.value.code == "interrupted"
    assert failing.calls == 1


def test_an_error_that_is_no_fault_goes_through() -> None:
    def broken() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Retrier().run(broken)


def test_within_gives_up_and_does_not_wait_for_the_end() -> None:
    ending = threading.Event()
    with pytest.raises(DeadlineExceeded):
        call_within(0.02, ending.wait)
    ending.set()


def test_within_hands_on_results_and_errors() -> None:
    assert call_within(10, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        call_within(10, lambda: 1 // 0)


def test_run_all_keeps_order_and_limit() -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def work(item: int, _: threading.Event) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002 * (5 - item % 5))
        with lock:
            running -= 1
        return item * item

    assert bounded_map(range(30), work, 4) == [x * x for x in range(30)]
    assert most == 4


def test_run_all_stops_at_an_error() -> None:
    begun: list[int] = []

    def work(item: int, cancelled: threading.Event) -> int:
        begun.append(item)
        if item == 3:
            raise ZeroDivisionError
        cancelled.wait(5)
        return item

    with pytest.raises(ZeroDivisionError):
        bounded_map(range(50), work, 4)
    assert len(begun) <= 8


def test_the_rate_limit_lets_a_window_through_and_then_waits() -> None:
    waits = Waits()
    rate = RateLimit(3, 60, clock=waits.clock, sleep=waits.sleep)
    assert [rate.acquire() for _ in range(3)] == [0, 0, 0]
    waits.now = 10
    assert rate.acquire() == 50
    assert waits.now == 60


def test_no_window_of_the_rate_limit_has_more_calls() -> None:
    waits = Waits()
    rate = RateLimit(45, 60, clock=waits.clock, sleep=waits.sleep)
    begun = []
    for _ in range(200):
        rate.acquire()
        begun.append(waits.now)
        waits.now += 0.25
    for at, moment in enumerate(begun):
        assert len([other for other in begun[at:] if other < moment + 60]) <= 45
