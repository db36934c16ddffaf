"""Value lists in watchlists: item by item, nothing left behind, and read back before the rules change."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from fpctl.deployment.target import CONFLICT, sorted_rows
from fpctl.deployment.workspace.management import Management
from fpctl.deployment.workspace.workspace import SentinelWorkspace
from fpctl.engine.interface import EngineError
from fpctl.engine.remote.credentials import token_source
from fpctl.engine.remote.retry import Retrier
from servers.loopback import Misbehaviour
from servers.security_insights import WORKSPACE, SecurityInsightsServer

from .sequences import SEEDS

ALIAS = "fpctl-0123456789ab"
TROUBLE = (
    Misbehaviour("status", (429, 0)), Misbehaviour("status", 503), Misbehaviour("html-502"), Misbehaviour("reset"),
    Misbehaviour("drop"), Misbehaviour("truncate"), Misbehaviour("empty"),
)  # fmt: skip


def rows(*values: str) -> list[dict[str, str]]:
    return sorted_rows({"SearchKey": value, "List": "1", "Exclusions": "fp-1"} for value in values)


def properties(*values: str) -> dict[str, Any]:
    return {
        "displayName": ALIAS, "provider": "fpctl", "source": f"{ALIAS}.csv", "itemsSearchKey": "SearchKey",
        "items": rows(*values),
    }  # fmt: skip


@pytest.fixture
def server() -> Iterator[SecurityInsightsServer]:
    with SecurityInsightsServer() as running:
        yield running


def workspace_of(server: SecurityInsightsServer, seed: int = 0) -> SentinelWorkspace:
    retrier = Retrier(sleep=lambda _: None, draw=random.Random(seed).random)
    management = Management(token_source("none", environ={}), endpoint=server.url, retrier=retrier)
    waited = [0.0]
    workspace = SentinelWorkspace(management, WORKSPACE, sleep=lambda seconds: waited.append(waited.pop() + seconds))
    workspace._watchlists._clock = lambda: waited[0]
    return workspace


def test_a_long_new_list_is_uploaded_once_even_if_the_upload_was_sent_twice(server: SecurityInsightsServer) -> None:
    values = [f"v{number}" for number in range(300)]
    server.scripted = lambda request: request.method == "PUT"  # type: ignore[method-assign]
    server.script.append(Misbehaviour("drop"))
    made = workspace_of(server).put("watchlists", ALIAS, None, properties(*values), None)
    assert sum(request.method == "PUT" for request in server.requests) == 2
    assert sorted_rows(server.rows(ALIAS)) == rows(*values) == made.properties["items"]


def test_a_new_list_is_there_when_the_call_returns(server: SecurityInsightsServer) -> None:
    workspace = workspace_of(server)
    made = workspace.put("watchlists", ALIAS, None, properties("a", 'b "quoted", c', "d\ne"), None)
    assert sorted_rows(server.rows(ALIAS)) == rows("a", 'b "quoted", c', "d\ne") == made.properties["items"]
    assert workspace.all()["watchlists", ALIAS] == made


def test_a_change_deletes_and_adds_single_items_deletions_first(server: SecurityInsightsServer) -> None:
    workspace = workspace_of(server)
    made = workspace.put("watchlists", ALIAS, None, properties("a", "b", "c"), None)
    server.requests.clear()
    workspace.put("watchlists", ALIAS, None, properties("b", "c", "d"), made.etag)
    assert sorted_rows(server.rows(ALIAS)) == rows("b", "c", "d")
    writes = [request.method for request in server.requests if request.method != "GET"]
    assert writes == ["DELETE", "PUT"]


def test_an_item_added_in_the_portal_is_a_conflict_and_then_a_difference(server: SecurityInsightsServer) -> None:
    workspace = workspace_of(server)
    made = workspace.put("watchlists", ALIAS, None, properties("a"), None)
    server.resources[f"watchlists/{ALIAS}/watchlistItems/x"] = {
        "name": "x", "etag": "1", "properties": {"itemsKeyValue": {"SearchKey": "z"}}
    }  # fmt: skip
    with pytest.raises(EngineError) as caught:
        workspace.put("watchlists", ALIAS, None, properties("a"), made.etag)
    assert caught.value.code == CONFLICT
    there = workspace.get("watchlists", ALIAS)
    assert there is not None
    workspace.put("watchlists", ALIAS, None, properties("a"), there.etag)
    assert server.rows(ALIAS) == rows("a")


def test_a_deleted_list_is_gone_when_the_call_returns(server: SecurityInsightsServer) -> None:
    workspace = workspace_of(server)
    workspace.delete(workspace.put("watchlists", ALIAS, None, properties("a"), None))
    assert not [place for place in server.resources if place.startswith("watchlists/")]


def test_the_lists_of_others_are_not_read(server: SecurityInsightsServer) -> None:
    server.resources["watchlists/VIPs"] = {"name": "VIPs", "properties": {"displayName": "VIPs"}}
    assert workspace_of(server).all() == {}
    assert not any("watchlistItems" in request.path for request in server.requests)


def test_an_upload_that_never_ends_is_an_error(server: SecurityInsightsServer) -> None:
    server.delay = 1_000_000
    workspace = workspace_of(server)
    with pytest.raises(EngineError, match="does not have the rows that were sent"):
        workspace.put("watchlists", ALIAS, None, properties(*(f"v{number}" for number in range(300))), None)


@pytest.mark.parametrize("seed", SEEDS)
def test_through_trouble_no_item_is_lost_or_doubled(seed: int) -> None:
    draw = random.Random(seed)
    values = [f"v{number}" for number in range(8)]
    with SecurityInsightsServer() as server:
        server.delay = draw.randrange(1, 4)
        workspace = workspace_of(server, seed)
        made = workspace.put("watchlists", ALIAS, None, properties(*values[:5]), None)
        server.script.extend(draw.choice(TROUBLE) for _ in range(draw.randrange(1, 12)))
        server.scripted = lambda request: draw.random() < 0.5  # type: ignore[method-assign]
        wanted = draw.sample(values, draw.randrange(1, 8))
        try:
            workspace.put("watchlists", ALIAS, None, properties(*wanted), made.etag)
        except EngineError:
            server.script.clear()
            there = workspace.get("watchlists", ALIAS)
            assert there is not None
            workspace.put("watchlists", ALIAS, None, properties(*wanted), there.etag)
        assert sorted_rows(server.rows(ALIAS)) == rows(*wanted)
