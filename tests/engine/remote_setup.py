"""Engines on loopback servers, with time that passes without waiting."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fpctl.engine.defender.engine import DefenderEngine, HuntingLimits
from fpctl.engine.kusto.engine import KustoEngine
from fpctl.engine.log_analytics.engine import LogAnalyticsEngine
from fpctl.engine.remote.base import RemoteEngine
from fpctl.engine.remote.credentials import TokenSource, token_source
from fpctl.engine.remote.rate_limit import RateLimit
from fpctl.engine.remote.request_settings import RequestSettings, quietly
from fpctl.engine.remote.retry import Retrier, RetryPolicy
from servers.graph import GraphServer
from servers.kusto import KustoServer
from servers.log_analytics import LogAnalyticsServer
from servers.loopback import LoopbackServer, Misbehaviour
from servers.store import Store

NOW = datetime(2024, 5, 20, tzinfo=UTC)
TOKEN = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7-secret"
REMOTE = ("log-analytics", "defender", "kusto")


class Waits:
    """A clock that a sleep moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> float:
        return self.now


class Remote(NamedTuple):
    """An engine, the server it talks to, and the waits it did not wait."""

    engine: Any
    server: Any
    waits: Waits


def given_token() -> TokenSource:
    return token_source("token", environ={"FPCTL_ACCESS_TOKEN": TOKEN})


def remote(
    name: str,
    store: Store,
    script: Iterable[Misbehaviour] = (),
    *,
    source: TokenSource | None = None,
    policy: RetryPolicy | None = None,
    seed: int = 0,
    deadline: float | None = 20,
    clock: Callable[[], float] = time.time,
    **settings: Any,
) -> Remote:
    """Return an engine and its server; the server is started, and the caller closes both."""
    waits = Waits()
    retrier = Retrier(policy, sleep=waits.sleep, draw=random.Random(seed).random)
    requests = RequestSettings(
        settings.pop("timeout", None),
        settings.pop("concurrency", None),
        retrier,
        clock,
        deadline,
        announce=settings.pop("announce", quietly),
    )
    tokens = source or given_token()

    def rate_of(calls: int, seconds: float) -> RateLimit:
        return RateLimit(calls, seconds, clock=waits.clock, sleep=waits.sleep)

    server: LoopbackServer
    engine: RemoteEngine
    if name == "log-analytics":
        server = LogAnalyticsServer(store, script)
        engine = LogAnalyticsEngine(
            "00000000-1111-2222-3333-444444444444",
            tokens,
            endpoint=server.url,
            rate=rate_of(200, 30),
            requests=requests,
            **settings,
        )
    elif name == "defender":
        limits = HuntingLimits(**{"look_back": timedelta(days=10_000), **settings})
        server = GraphServer(store, script, row_limit=limits.row_limit)
        engine = DefenderEngine(tokens, endpoint=server.url, limits=limits, rate=rate_of(45, 60), requests=requests)
    else:
        progressive = settings.pop("progressive", False)
        server = KustoServer(store, script, progressive=progressive)
        engine = KustoEngine(server.url, server.database, tokens, now=NOW, requests=requests, **settings)
    server.__enter__()
    return Remote(engine, server, waits)
