"""Advanced hunting with a Sentinel workspace connected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.conftest import Open
from engine.remote_setup import given_token
from fpctl.engine.defender.engine import DefenderEngine
from fpctl.engine.defender.unified import differences, look_back_of
from fpctl.engine.interface import EngineError, Timespan
from fpctl.engine.options import EngineOptions
from fpctl.engine.registry import open_engine
from fpctl.schema.tables import Tables

NOW = datetime(2024, 5, 20, tzinfo=UTC)
DAYS = {"DeviceEvents": timedelta(days=180), "SecurityEvent": timedelta(days=90)}


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("DeviceEvents | take 1", 180), ("SecurityEvent", 90), ("DeviceEvents | union SecurityEvent", 90),
        ("DeviceEvents | join DeviceInfo on DeviceId", 30), ("DeviceInfo", 30), ("print x = 'SecurityEvent'", 30),
        ("// SecurityEvent\nDeviceInfo", 30),
    ],
)  # fmt: skip
def test_the_table_that_is_kept_for_the_shortest_time_decides(query: str, days: int) -> None:
    known = ("DeviceEvents", "DeviceInfo")
    assert look_back_of(query, known, DAYS, timedelta(days=30)) == timedelta(days=days)


def test_a_range_may_begin_where_its_table_does(open_remote: Open) -> None:
    opened = open_remote("defender", look_back=timedelta(days=30), streamed=DAYS, clock=lambda: NOW.timestamp())
    long = Timespan(NOW - timedelta(days=100), NOW)
    opened.engine._check_range("DeviceEvents", long)
    with pytest.raises(EngineError) as caught:
        opened.engine._check_range("DeviceEvents | union DeviceInfo", long)
    assert caught.value.code == "out-of-range"
    assert "[engine.defender.look_back]" in str(caught.value.hint)


def test_tables_are_looked_for_a_hundred_at_a_time(open_remote: Open) -> None:
    opened = open_remote("defender")
    names = (*(f"Nothing{number}" for number in range(150)), "Events")
    engine = DefenderEngine(given_token(), endpoint=opened.server.url, known_tables=names)
    opened.server.answer = lambda request: (
        200,
        {
            "schema": [{"name": "TableOf", "type": "String"}],
            "results": [{"TableOf": name} for name in ("Events",) if f"'{name}'" in request.body["Query"]],
        },
    )
    try:
        assert engine.tables() == ["Events"]
    finally:
        engine.close()
    assert [request.body["Query"].count("getschema") for request in opened.server.requests] == [100, 51]


def test_in_the_unified_portal_sentinels_tables_and_own_ones_are_looked_for() -> None:
    settings = {"engine": {"defender": {"unified": True, "endpoint": "http://127.0.0.1:9"}, "credential": "none"}}
    own = Tables.packaged().with_tables({"Own_CL": {"TimeGenerated": "datetime"}})
    engine = open_engine("defender", settings, EngineOptions(tables=own))
    try:
        assert {"DeviceEvents", "SecurityEvent", "Own_CL"} <= set(engine._known)  # type: ignore[attr-defined]
    finally:
        engine.close()


def test_no_query_is_split_by_time_there(open_remote: Open) -> None:
    opened = open_remote("defender", row_limit=2, unified=True)
    answer = opened.engine.query("Events")
    assert answer.partial is not None
    assert "a filter by time may read a filtered copy" in answer.partial
    assert len(opened.server.requests) == 1


def test_tables_that_differ_are_told_of() -> None:
    found = list(differences(["SecurityAlert", "DeviceInfo", "IdentityInfo"]))
    assert [text.split(" ")[1] for text in found] == ["has", "has"]
    assert "AlertEvidence" in found[1]
