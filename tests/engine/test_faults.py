"""Faults of the services and of the way to them: each ends in the right answer or a clear error.

The sequences are random and seeded; what must come out of each is worked out by a small model of the
policy, so that a sequence that ends otherwise, or in another number of requests, is a failure.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

import pytest
from azure.core.credentials import AccessTokenInfo

from engine.conftest import Open
from engine.remote_setup import REMOTE, TOKEN
from fpctl.engine.interface import Engine, EngineError, Table
from fpctl.engine.remote.credentials import TokenSource
from fpctl.engine.remote.retry import RetryPolicy
from servers.loopback import Misbehaviour

QUERY = "Events | where n < 40 | project n, DeviceName"
ROWS = {(n, f"host{n % 7}") for n in range(40)}
POLICY = RetryPolicy()

LOST = {"connection-lost", "bad-response"}
FAULTS: dict[str, tuple[str, set[str]]] = {
    "429": ("throttled", {"throttled"}),
    "429 wait 2": ("throttled", {"throttled"}),
    "429 wait 400": ("too long", {"throttled"}),
    "500": ("transient", {"service"}),
    "502": ("transient", {"service"}),
    "503": ("transient", {"service"}),
    "503 wait 1": ("transient", {"service"}),
    "504": ("timeout", {"timeout"}),
    "408": ("timeout", {"timeout"}),
    "403": ("fatal", {"forbidden"}),
    "expired": ("unauthorized", {"unauthorized"}),
    "skewed": ("unauthorized", {"unauthorized"}),
    "no-content": ("fatal", {"no-content"}),
    "html-502": ("transient", {"service"}),
    "echo-token": ("transient", {"service"}),
    "drop": ("transient", LOST),
    "reset": ("transient", LOST),
    "truncate": ("transient", LOST),
    "html": ("transient", LOST),
    "empty": ("transient", LOST),
    "lost-end": ("transient", LOST),
    "wrong-columns": ("transient", LOST),
    "drip-forever": ("fatal", {"timeout"}),
    "partial": ("partial", set()),
    "drip": ("answer", set()),
}
"""Name of a fault -> what the policy makes of it, and the error codes it may end in."""
RARE = {"drip-forever", "429 wait 400", "403", "no-content"}


def misbehaviour(name: str) -> Misbehaviour:
    words = name.split()
    if words[0].isdigit():
        return Misbehaviour("status", (int(words[0]), words[2] if len(words) > 1 else None))
    return Misbehaviour(name)


def outcome(script: Sequence[str], renewable: bool) -> tuple[str, set[str], int]:
    """Return what a script must end in (`answer`, `partial`, `error`), the codes, and the number of requests."""
    seen: Counter[str] = Counter()
    for requests, name in enumerate(chain(script, repeat("drip")), 1):
        kind, codes = FAULTS[name]
        if kind in ("answer", "partial"):
            return kind, codes, requests
        seen[kind] += 1
        if kind in ("fatal", "too long") or (kind == "unauthorized" and not renewable):
            return "error", codes, requests
        if requests >= POLICY.requests or seen[kind] > getattr(POLICY, kind):
            return "error", codes, requests
    raise AssertionError("a script always ends")


class Renewed:
    """A credential whose tokens differ from one call to the next."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def get_token_info(self, *scopes: str, options: object = None) -> AccessTokenInfo:
        self.given.append(f"{TOKEN}-{len(self.given)}")
        return AccessTokenInfo(self.given[-1], 4_000_000_000)


def result_of(engine: Engine, text: str) -> Table | EngineError:
    try:
        return engine.query(text)
    except EngineError as error:
        return error


def scripts() -> Iterator[tuple[int, str, bool, list[str]]]:
    usual = [name for name in FAULTS if name not in RARE and name != "drip"]
    for seed in range(200):
        draw = random.Random(seed)
        script = draw.choices(usual, k=draw.randint(1, 8))
        if seed % 8 == 0:
            script[draw.randrange(len(script))] = draw.choice(sorted(RARE))
        yield seed, REMOTE[seed % len(REMOTE)], draw.random() < 0.5, script


def test_the_scripts_are_two_hundred_and_hold_every_fault_on_every_engine() -> None:
    made = list(scripts())
    assert len(made) == 200
    for name in REMOTE:
        met = {fault for _, engine, _, script in made for fault in script if engine == name}
        assert met >= set(FAULTS) - RARE - {"drip"}
    assert {fault for _, _, _, script in made for fault in script} >= RARE
    endings = Counter(outcome(script, renewable)[0] for _, _, renewable, script in made)
    assert min(endings[kind] for kind in ("answer", "partial", "error")) >= 15


@pytest.mark.parametrize(("seed", "name", "renewable", "script"), list(scripts()))
def test_a_fault_sequence_ends_as_the_policy_says(
    seed: int, name: str, renewable: bool, script: list[str], open_remote: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source = TokenSource("cli", Renewed) if renewable else None
    deadline = 0.5 if "drip-forever" in script else 20
    opened = open_remote(name, map(misbehaviour, script), source=source, seed=seed, deadline=deadline)
    ending, codes, requests = outcome(script, renewable)

    ended = result_of(opened.engine, QUERY)

    said = [str(ended), repr(ended)]
    if isinstance(ended, EngineError):
        assert ending == "error"
        assert ended.code in codes
        assert ended.message
        said += traceback.format_exception(ended)
    else:
        assert (ended.partial is not None) == (ending == "partial")
        if ended.partial is None:
            assert ending == "answer"
            assert sorted(ended.rows) == sorted(ROWS)

    sent = [request for request in opened.server.requests if request.method == "POST"]
    assert len(sent) == requests
    assert requests <= POLICY.requests
    assert sum(opened.waits.slept) <= POLICY.patience
    assert not [text for text in (*said, caplog.text) if TOKEN in text]


@pytest.mark.parametrize("name", REMOTE)
def test_a_partial_answer_is_marked_with_the_services_reason(name: str, open_remote: Open) -> None:
    opened = open_remote(name, [Misbehaviour("partial")])
    table = opened.engine.query(QUERY)
    assert table.partial is not None
    assert "exceed" in table.partial or "TOO_LARGE" in table.partial
    assert len(table.rows) == 20


@pytest.mark.parametrize("name", REMOTE)
def test_a_partial_answer_tells_no_facts_about_tables(name: str, open_remote: Open) -> None:
    opened = open_remote(name, [Misbehaviour("partial")])
    with pytest.raises(EngineError) as caught:
        opened.engine.preflight(["Events"])
    assert caught.value.code == "partial"


@pytest.mark.parametrize("name", REMOTE)
def test_faults_of_one_query_leave_its_neighbours_alone(name: str, open_remote: Open) -> None:
    opened = open_remote(name, [Misbehaviour("status", (403, None))], concurrency=1)
    answers = opened.engine.query_many([QUERY, QUERY, QUERY])
    assert [type(answer) for answer in answers] == [EngineError, Table, Table]


@pytest.mark.parametrize("name", REMOTE)
def test_a_service_that_is_not_there_is_unreachable(name: str, open_remote: Open) -> None:
    opened = open_remote(name)
    opened.server.close()
    with pytest.raises(EngineError) as caught:
        opened.engine.query("print x = 1")
    assert caught.value.code == "unreachable"
    assert caught.value.retryable


@pytest.mark.parametrize("name", REMOTE)
def test_a_retry_after_is_waited_for(name: str, open_remote: Open) -> None:
    opened = open_remote(name, [Misbehaviour("status", (429, 7))])
    assert opened.engine.query("print x = 1").partial is None
    assert len(opened.waits.slept) == 1
    assert 7 <= opened.waits.slept[0] < 8


@pytest.mark.parametrize("name", REMOTE)
def test_a_wait_longer_than_patience_fails_at_once_and_says_so(name: str, open_remote: Open) -> None:
    opened = open_remote(name, [Misbehaviour("status", (429, 3600))])
    with pytest.raises(EngineError, match="3,600 s"):
        opened.engine.query("print x = 1")
    assert opened.waits.slept == []


@pytest.mark.parametrize("name", REMOTE)
def test_a_turned_down_token_is_replaced_once(name: str, open_remote: Open) -> None:
    credential = Renewed()
    opened = open_remote(name, source=TokenSource("cli", lambda: credential))
    opened.engine.query("print x = 1")
    opened.server.token = f"{TOKEN}-{len(credential.given)}"  # only the next one is taken
    assert opened.engine.query("print x = 2").partial is None
    authorised = [
        request.headers.get("Authorization") for request in opened.server.requests if request.method == "POST"
    ]
    assert authorised[-1] == f"Bearer {opened.server.token}"
    assert len(authorised) == 3


@pytest.mark.parametrize("name", REMOTE)
def test_a_wrong_clock_is_named(name: str, open_remote: Open) -> None:
    opened = open_remote(name, [Misbehaviour("skewed")])
    with pytest.raises(EngineError) as caught:
        opened.engine.query("print x = 1")
    assert caught.value.hint is not None
    assert "60 minutes behind" in caught.value.hint


@pytest.mark.parametrize("name", REMOTE)
def test_a_token_is_sent_to_the_service_and_shown_nowhere(
    name: str, open_remote: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    opened = open_remote(name, [Misbehaviour("echo-token")] * 8)
    with pytest.raises(EngineError) as caught:
        opened.engine.query("print x = 1")
    assert opened.server.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"
    shown = "".join(
        (str(caught.value), repr(vars(caught.value)), repr(opened.engine), repr(vars(opened.engine)), caplog.text)
    )
    assert "[token]" in shown
    assert TOKEN not in shown
