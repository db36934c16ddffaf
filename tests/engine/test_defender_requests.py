"""What the Defender engine asks Microsoft Graph for, and its limits."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.conftest import Open
from engine.remote_setup import given_token
from fpctl.engine.defender.engine import DefenderEngine, hunting_table
from fpctl.engine.interface import EngineError, Timespan
from fpctl.engine.remote.request_settings import RequestSettings
from fpctl.engine.remote.retry import RetryPolicy
from servers.loopback import Misbehaviour

NOW = datetime(2024, 5, 20, tzinfo=UTC)


def test_the_query_is_posted_as_ascii_json(open_remote: Open) -> None:
    opened = open_remote("defender")
    opened.engine.query("print x = '漢'")
    request = opened.server.requests[-1]
    assert (request.method, request.path) == ("POST", "/v1.0/security/runHuntingQuery")
    assert request.body == {"Query": "print x = '漢'"}
    assert int(request.headers["Content-Length"]) == len(json.dumps(request.body))
    assert request.headers["User-Agent"].startswith("fpctl/")


def test_no_more_calls_are_made_than_the_service_takes_in_a_minute(open_remote: Open) -> None:
    opened = open_remote("defender", concurrency=1)
    opened.engine.query_many(["print x = 1"] * 50)
    assert opened.waits.now >= 60
    assert len(opened.server.requests) == 50


def test_retries_count_as_calls(open_remote: Open) -> None:
    script = [Misbehaviour("status", (503, None))] * 44
    opened = open_remote("defender", script, concurrency=1, policy=RetryPolicy(first_wait=0))
    begun: list[float] = []
    opened.server.on_request = lambda _: begun.append(opened.waits.now)
    opened.engine.query_many(["print x = 1"] * 16)
    assert begun == [0.0] * 45 + [60.0] * 4


def test_a_range_before_what_the_service_keeps_is_refused(open_remote: Open) -> None:
    opened = open_remote("defender", look_back=timedelta(days=30), clock=NOW.timestamp)
    with pytest.raises(EngineError) as caught:
        opened.engine.query("print x = 1", Timespan(NOW - timedelta(days=31), NOW))
    assert caught.value.code == "out-of-range"
    assert "30 days" in caught.value.message
    assert opened.server.requests == []


def test_a_range_of_exactly_what_the_service_keeps_is_taken_a_little_later_too(open_remote: Open) -> None:
    began = NOW - timedelta(minutes=20)
    opened = open_remote("defender", look_back=timedelta(days=30), clock=NOW.timestamp)
    assert opened.engine.query("print x = 1", Timespan(began - timedelta(days=30), began)).partial is None


def test_names_of_the_schema_in_either_case_annotations_and_left_out_nulls() -> None:
    table = hunting_table(
        {
            "schema": [{"Name": "a", "Type": "DateTime"}, {"name": "b", "type": "Int64"}],
            "results": [{"a@odata.type": "#DateTimeOffset", "a": "2024-05-01T00:00:00Z"}, {"a": None, "b": 5}],
        }
    )
    assert list(table.rows) == [(datetime(2024, 5, 1, tzinfo=UTC), None), (None, 5)]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"schema": []},
        {"schema": [{}], "results": []},
        {"schema": [{"name": "a", "type": "Int64"}], "results": [[1]]},
        {"schema": [{"name": "a", "type": "Int64"}], "results": [{"b": 1}]},
        {"schema": [{"name": "a", "type": "Int64"}] * 2, "results": []},
    ],
)
def test_an_answer_of_another_shape_is_an_error(answer: Any) -> None:
    with pytest.raises(EngineError) as caught:
        hunting_table(answer)
    assert caught.value.code == "bad-response"


@pytest.mark.parametrize(
    "settings",
    [
        {"requests": RequestSettings(timeout=181)},
        {"endpoint": "http://graph.microsoft.com"},
        {"endpoint": "https://microsoftgraph.chinacloudapi.cn"},
    ],
)
def test_settings_that_cannot_work_are_refused_first(settings: dict[str, Any]) -> None:
    with pytest.raises(EngineError) as caught:
        DefenderEngine(given_token(), **settings)
    assert caught.value.code == "settings"


def test_a_denied_query_names_the_permission(open_remote: Open) -> None:
    opened = open_remote("defender", [Misbehaviour("status", (403, None))])
    with pytest.raises(EngineError) as caught:
        opened.engine.query("print x = 1")
    assert caught.value.hint is not None
    assert "ThreatHunting.Read.All" in caught.value.hint
