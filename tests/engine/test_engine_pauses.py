"""Limits of a service that hold for the whole engine: it pauses as one, and says until when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.conftest import Open
from fpctl.engine.interface import EngineError, Table
from fpctl.engine.remote.pause import EnginePause
from fpctl.engine.remote.retry import RequestFailure, RetryPolicy
from servers.loopback import Misbehaviour

NOON = datetime(2026, 11, 24, 12, 0, 10, tzinfo=UTC).timestamp()
QUOTA = "You have exceeded the CPU quota of the tenant"


def test_log_analytics_takes_200_queries_in_30_seconds(open_remote: Open) -> None:
    opened = open_remote("log-analytics", concurrency=1)
    opened.engine.query_many(["print x = 1"] * 201)
    assert opened.waits.now >= 30
    assert len(opened.server.requests) == 201


@pytest.mark.parametrize("name", ["log-analytics", "defender"])
def test_one_query_that_is_throttled_pauses_all(open_remote: Open, name: str) -> None:
    told: list[str] = []
    opened = open_remote(name, [Misbehaviour("status", (429, 120))], concurrency=1, announce=told.append)
    begun: list[float] = []
    opened.server.on_request = lambda _: begun.append(opened.waits.now)
    answers = opened.engine.query_many(["print x = 1"] * 3)
    assert all(isinstance(answer, Table) for answer in answers)
    assert begun[0] == 0.0
    assert min(begun[1:]) >= 120
    assert len(told) == 1
    assert "takes no more queries until" in told[0]


def test_a_pause_beyond_patience_fails_the_queries_without_asking_again(open_remote: Open) -> None:
    opened = open_remote(
        "defender", [Misbehaviour("status", (429, 1200))], concurrency=1, policy=RetryPolicy(patience=300)
    )
    answers = opened.engine.query_many(["print x = 1"] * 5)
    assert [answer.code for answer in answers if isinstance(answer, EngineError)] == ["throttled"] * 5
    assert len(opened.server.requests) == 1
    assert "--resume" in str(answers[-1].hint)  # type: ignore[union-attr]


def test_an_exhausted_quota_lasts_until_the_next_cycle(open_remote: Open) -> None:
    policy = RetryPolicy(patience=3600)
    opened = open_remote("defender", [Misbehaviour("quota", QUOTA)], concurrency=1, policy=policy, clock=lambda: NOON)
    opened.engine.query("print x = 1")
    assert 889 <= opened.waits.now <= 892


def test_a_pause_is_extended_and_never_shortened() -> None:
    now, slept, told = [NOON], list[float](), list[str]()
    pause = EnginePause("It", 600, clock=lambda: now[0], sleep=slept.append, announce=told.append)
    first = pause.begin(60)
    assert pause.begin(30) == first
    assert pause.begin(90) == first + 30
    pause.wait()
    assert slept == [90]
    now[0] += 91
    pause.wait()
    assert slept == [90]
    assert told == [
        "It takes no more queries until 12:01:10 UTC; waiting", "It takes no more queries until 12:01:40 UTC; waiting"
    ]  # fmt: skip
    pause.begin(601)
    with pytest.raises(RequestFailure, match="longer than the 600 s allowed"):
        pause.wait()
