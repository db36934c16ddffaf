"""What the Log Analytics engine asks for, and what it makes of this service's own answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from engine.conftest import Open
from engine.remote_setup import given_token
from fpctl.engine.interface import EngineError, Timespan
from fpctl.engine.log_analytics.engine import LogAnalyticsEngine
from fpctl.engine.remote.request_settings import RequestSettings


def sent(opened: Any) -> Any:
    return opened.server.requests[-1]


def test_a_workspace_is_asked_with_query_time_limit_and_statistics(open_remote: Open) -> None:
    opened = open_remote("log-analytics", timeout=300)
    opened.engine.query("print x = 1")
    assert sent(opened).path == "/v1/workspaces/00000000-1111-2222-3333-444444444444/query"
    assert sent(opened).body == {"query": "print x = 1", "timespan": None, "workspaces": None}
    assert sent(opened).headers["Prefer"] == "wait=300,include-statistics=true"


def test_the_read_timeout_is_longer_than_the_services_own(open_remote: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = open_remote("log-analytics", timeout=300)
    seen: dict[str, Any] = {}
    original = opened.engine._client.query_workspace

    def spy(*arguments: Any, **options: Any) -> Any:
        seen.update(options)
        return original(*arguments, **options)

    monkeypatch.setattr(opened.engine._client, "query_workspace", spy)
    opened.engine.query("print x = 1")
    assert (seen["server_timeout"], seen["read_timeout"]) == (300, 320)


def test_statistics_come_with_the_answer(open_remote: Open) -> None:
    opened = open_remote("log-analytics")
    assert opened.engine.query("print x = 1").statistics["query"]["executionTime"] == 0.25


def test_further_workspaces_are_named(open_remote: Open) -> None:
    opened = open_remote("log-analytics", additional_workspaces=("w2", "w3"))
    opened.engine.query("print x = 1")
    assert sent(opened).body["workspaces"] == ["w2", "w3"]


def test_a_resource_is_asked_by_its_id(open_remote: Open) -> None:
    opened = open_remote("log-analytics")
    resource = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m"
    engine = LogAnalyticsEngine(resource, given_token(), endpoint=opened.server.url)
    try:
        assert list(engine.query("print x = 1").rows) == [(1,)]
        assert sent(opened).path == f"/v1{resource}/query"
        with pytest.raises(EngineError) as caught:
            engine.tables()
        assert caught.value.code == "unsupported"
    finally:
        engine.close()


def test_ranges_are_cut_to_milliseconds_in_utc_and_stay_side_by_side(open_remote: Open) -> None:
    opened = open_remote("log-analytics")
    rome = timezone(timedelta(hours=2))
    edge = datetime(2024, 5, 1, 12, 0, 0, 999999, tzinfo=rome)
    opened.engine.query("print x = 1", Timespan(edge - timedelta(hours=1), edge))
    before = sent(opened).body["timespan"]
    opened.engine.query("print x = 1", Timespan(edge, edge + timedelta(hours=1)))
    after = sent(opened).body["timespan"]
    assert before == "2024-05-01T09:00:00.999Z/2024-05-01T10:00:00.999Z"
    assert before.split("/")[1] == after.split("/")[0]


def test_several_queries_are_single_requests_never_a_batch(open_remote: Open) -> None:
    opened = open_remote("log-analytics")
    opened.engine.query_many(["print x = 1"] * 7)
    assert [request.path.rsplit("/", 1)[1] for request in opened.server.requests] == ["query"] * 7


def test_no_more_queries_run_at_once_than_the_limit(open_remote: Open) -> None:
    import threading

    opened = open_remote("log-analytics", concurrency=3)
    lock = threading.Lock()
    running, most = 0, 0
    answer = opened.server.answer
    # Three wait for each other, however busy the machine is; a fourth would be counted beside them.
    three = threading.Barrier(3, timeout=60)

    def counted(request: Any) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        three.wait()
        opened.server.stopping.wait(0.02)
        with lock:
            running -= 1
        return answer(request)

    opened.server.answer = counted
    opened.engine.query_many(["print x = 1"] * 12)
    assert most == 3


def test_the_schema_of_a_workspace_has_tables_and_saved_functions(open_remote: Open) -> None:
    opened = open_remote("log-analytics")
    opened.server.functions["Busy"] = "Events | where n > 5"
    schema = opened.engine.schema()
    assert schema.functions == {"Busy": "Events | where n > 5"}
    assert schema.tables["Devices"] == {"DeviceName": "string", "id": "long"}
    requests = len(opened.server.requests)
    assert opened.engine.columns("Devices") == {"DeviceName": "string", "id": "long"}
    assert len(opened.server.requests) == requests


def test_fork_is_refused(open_remote: Open) -> None:
    opened = open_remote("log-analytics")
    answer = opened.server.answer

    def twice(request: Any) -> Any:
        status, body = answer(request)
        return status, {"tables": body["tables"] * 2}

    opened.server.answer = twice
    with pytest.raises(EngineError) as caught:
        opened.engine.query("print x = 1")
    assert caught.value.code == "unsupported"


@pytest.mark.parametrize(
    "settings",
    [
        {"requests": RequestSettings(timeout=601)},
        {"requests": RequestSettings(timeout=0)},
        {"requests": RequestSettings(concurrency=0)},
        {"endpoint": "http://api.loganalytics.io"},
        {"additional_workspaces": ["w"] * 100},
    ],
)
def test_settings_that_the_service_would_refuse_are_refused_first(settings: dict[str, Any]) -> None:
    with pytest.raises(EngineError) as caught:
        LogAnalyticsEngine("w", given_token(), **settings)
    assert caught.value.code == "settings"


def test_no_workspace_is_an_error() -> None:
    with pytest.raises(EngineError, match="no workspace"):
        LogAnalyticsEngine(" ", given_token())


def test_a_proxy_does_not_see_what_stays_on_this_machine(open_remote: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    for engine in ("log-analytics", "defender", "kusto"):
        assert list(open_remote(engine).engine.query("print x = 1").rows) == [(1,)]


def test_a_day_in_utc_is_a_day(open_remote: Open) -> None:
    opened = open_remote("log-analytics")
    day = Timespan(datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC))
    assert list(opened.engine.query("Events | count", day).rows) == [(1440,)]
