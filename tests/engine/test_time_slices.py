"""Answers that the hunting service would cut, fetched in parts of time: exactly the rows, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.conftest import EVENTS, Open
from fpctl.engine.interface import EngineError, Timespan
from fpctl.engine.remote.time_slicing import TimeSlicing, time_slicing_of
from servers.loopback import Misbehaviour
from servers.store import Store

LIMIT = 1500


@pytest.fixture(scope="module")
def timed() -> Iterator[Store]:
    """5,000 events a minute apart, 200 at one moment, 30 without a time, 40 from the future."""
    store = Store(
        *EVENTS,
        """INSERT INTO Events SELECT TIMESTAMP '2024-05-02 12:00:00.5', 'burst', x FROM range(200) AS numbers(x)""",
        "INSERT INTO Events SELECT NULL, 'timeless', x FROM range(30) AS numbers(x)",
        "INSERT INTO Events SELECT TIMESTAMP '2031-01-01' + to_seconds(x), 'future', x FROM range(40) AS numbers(x)",
        "CREATE TABLE Crowd AS SELECT TIMESTAMP '2024-05-02' AS Timestamp, x AS n FROM range(1600) AS numbers(x)",
    )
    yield store
    store.close()


ROW_BY_ROW = [
    "Events",
    "Events | where DeviceName != 'host3' | project n, DeviceName",
    "Events | extend half = n / 2 | project-away DeviceName",
    "Events | project When = Timestamp, n",
    "let low = 10; Events | where n > low",
    "Events | extend x = dynamic([1,2]) | mv-expand x | project n, x = toint(x)",
    "Events | where Timestamp > ago(9000d) | extend Old = now() - Timestamp | project n, Old",
    "Events\n// a comment | summarize\n| where n > 5",
]


@pytest.mark.parametrize("text", ROW_BY_ROW)
def test_the_parts_hold_exactly_the_rows(text: str, timed: Store, open_remote: Open) -> None:
    clock = datetime(2024, 5, 20, tzinfo=UTC).timestamp
    cut = open_remote("defender", store=timed, row_limit=LIMIT, most_parts=200, clock=clock)
    # The same clock for the answer in one piece.
    pinned = text.replace("ago(9000d)", "(datetime(2024-05-20) - 9000d)").replace("now()", "datetime(2024-05-20)")
    everything = timed.run(pinned).rows
    table = cut.engine.query(text)
    assert table.partial is None
    whole = open_remote("defender", store=timed, clock=clock).engine.query(pinned)
    assert len(everything) > LIMIT
    assert sorted(table.rows, key=repr) == sorted(whole.rows, key=repr)
    assert table.statistics["requests"] == len(cut.server.requests) - 1  # one more asked for the time column


def test_a_time_range_is_kept(timed: Store, open_remote: Open) -> None:
    opened = open_remote("defender", store=timed, row_limit=LIMIT, most_parts=200)
    may = Timespan(datetime(2024, 5, 2, tzinfo=UTC), datetime(2024, 5, 3, tzinfo=UTC))
    table = opened.engine.query("Events | project n, DeviceName", may)
    assert table.partial is None
    assert len(table.rows) == 1440 + 200
    assert {
        request.body.get("Timespan") for request in opened.server.requests if "getschema" not in request.body["Query"]
    } == {"2024-05-02T00:00:00.000000Z/2024-05-03T00:00:00.000000Z"}


def test_an_answer_that_is_too_large_is_fetched_in_parts(timed: Store, open_remote: Open) -> None:
    text = "Events | project n, DeviceName, Timestamp | sort by n asc"
    everything = open_remote("defender", store=timed).engine.query(text)
    opened = open_remote("defender", store=timed, most_parts=200)
    opened.server.size_limit = 60_000  # type: ignore[attr-defined]
    table = opened.engine.query(text)
    assert (table.partial, table.columns) == (None, everything.columns)
    assert sorted(table.rows, key=repr) == sorted(everything.rows, key=repr)
    assert table.statistics["requests"] > 4


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("Events | join kind=inner (Events) on n", "in parts of time they would not add up: `join` in line 1"),
        ("Crowd", "that many share one timestamp, 2024-05-02"),
    ],
)
def test_an_answer_that_is_too_large_and_cannot_be_split_is_an_error(
    text: str, why: str, timed: Store, open_remote: Open
) -> None:
    opened = open_remote("defender", store=timed, most_parts=200)
    opened.server.size_limit = 10_000  # type: ignore[attr-defined]
    with pytest.raises(EngineError, match="exceeded the allowed result size") as caught:
        opened.engine.query(text)
    assert caught.value.code == "too-large"
    assert why in caught.value.message


def test_too_many_parts_of_an_answer_that_is_too_large_are_an_error(timed: Store, open_remote: Open) -> None:
    opened = open_remote("defender", store=timed, most_parts=5)
    opened.server.size_limit = 5_000  # type: ignore[attr-defined]
    with pytest.raises(EngineError, match="5 parts were not enough; narrow the time range") as caught:
        opened.engine.query("Events")
    assert caught.value.code == "too-large"


def test_the_final_order_is_made_again(timed: Store, open_remote: Open) -> None:
    text = "Events | project DeviceName, n | sort by DeviceName asc, n desc"
    expected = [tuple(row) for row in timed.run(text).rows]
    assert (
        list(open_remote("defender", store=timed, row_limit=LIMIT, most_parts=200).engine.query(text).rows) == expected
    )


def test_nulls_keep_their_side_of_the_order(timed: Store, open_remote: Open) -> None:
    for order, side in (("asc", slice(0, 30)), ("desc", slice(-30, None)), ("asc nulls last", slice(-30, None))):
        opened = open_remote("defender", store=timed, row_limit=LIMIT, most_parts=200)
        rows = list(opened.engine.query(f"Events | project Timestamp, DeviceName | sort by Timestamp {order}").rows)
        assert {row[1] for row in rows[side]} == {"timeless"}
        times = [row[0] for row in rows if row[0] is not None]
        assert times == sorted(times, reverse=order == "desc")


ACROSS_ROWS = {
    "Events | join kind=inner (Events) on n": "join",
    "union Events, Devices": "begin with the name of one table",
    "Events | where n in ((Events | project n))": "sub-query",
    "Events | where n in (Devices)": "Devices",
    "let D = Devices; Events | where n > 0": "Devices",
    "let many = toscalar(Events | count); Events | where n < many": "toscalar",
    "Events | take 1000": "take",
    "Events | sort by n asc | extend before = prev(n)": "sort",
    "Events | serialize | where n > 0": "serialize",
    "Events | where Stored(n)": "Stored",
    "Events | sort by n % 7": "sorts by something else",
    "Events | distinct n, DeviceName": "distinct",
    "let F = (x: long) { x > 3 }; Events | where F(n)": "let",
}


@pytest.mark.parametrize(("text", "reason"), ACROSS_ROWS.items())
def test_a_query_that_looks_at_several_rows_is_not_taken_apart(text: str, reason: str) -> None:
    refused = time_slicing_of(text)
    assert isinstance(refused, str)
    assert reason in refused


def test_what_cannot_be_taken_apart_is_marked_partial(timed: Store, open_remote: Open) -> None:
    opened = open_remote("defender", store=timed, row_limit=LIMIT, most_parts=200)
    table = opened.engine.query("Events | join kind=inner Devices on DeviceName")
    assert table.partial is not None
    assert "1,500 rows" in table.partial
    assert "`join` in line 1" in table.partial
    assert len(opened.server.requests) == 1


def test_an_aggregate_below_the_limit_is_not_touched(timed: Store, open_remote: Open) -> None:
    opened = open_remote("defender", store=timed, row_limit=LIMIT, most_parts=200)
    assert list(opened.engine.query("Events | count").rows) == [(5270,)]
    assert len(opened.server.requests) == 1


def test_too_many_rows_at_one_time_are_marked_partial(timed: Store, open_remote: Open) -> None:
    table = open_remote("defender", store=timed, row_limit=LIMIT, most_parts=500).engine.query("Crowd")
    assert table.partial is not None
    assert "share one timestamp" in table.partial


def test_more_parts_than_allowed_are_marked_partial(timed: Store, open_remote: Open) -> None:
    opened = open_remote("defender", store=timed, row_limit=LIMIT, most_parts=6)
    table = opened.engine.query("Events")
    assert table.partial is not None
    assert "6 parts were not enough" in table.partial
    assert len(opened.server.requests) <= 7


def test_a_table_without_a_time_column_is_marked_partial(timed: Store, open_remote: Open) -> None:
    table = open_remote("defender", store=timed, row_limit=5).engine.query("Devices")
    assert table.partial is not None
    assert "no time column" in table.partial


def test_a_part_that_fails_fails_the_query(timed: Store, open_remote: Open) -> None:
    script = [*[Misbehaviour("drip")] * 5, Misbehaviour("status", (403, None))]
    opened = open_remote("defender", script, store=timed, row_limit=LIMIT, most_parts=200)
    with pytest.raises(EngineError) as caught:
        opened.engine.query("Events")
    assert caught.value.code == "forbidden"


def test_a_part_that_is_partial_makes_the_answer_partial(timed: Store, open_remote: Open) -> None:
    script = [*[Misbehaviour("drip")] * 5, Misbehaviour("partial")]
    table = open_remote("defender", script, store=timed, row_limit=LIMIT, most_parts=200).engine.query("Events")
    assert table.partial is not None


def test_the_parts_of_a_range_touch_and_do_not_overlap() -> None:
    slicing = time_slicing_of("T | where a == 1")
    assert isinstance(slicing, TimeSlicing)
    low, high = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)
    now = high + timedelta(days=1)
    assert slicing.part("Timestamp", None, low, now) == (
        "T | where (Timestamp < datetime(2024-01-01T00:00:00Z) or isnull(Timestamp)) | where a == 1"
    )
    assert slicing.part("Timestamp", low, high, now) == (
        "T | where Timestamp >= datetime(2024-01-01T00:00:00Z) and Timestamp < datetime(2024-01-02T00:00:00Z)"
        " | where a == 1"
    )
    assert (
        slicing.part("Timestamp", high, None, now)
        == "T | where Timestamp >= datetime(2024-01-02T00:00:00Z) | where a == 1"
    )


def test_the_clock_is_the_same_in_every_part() -> None:
    slicing = time_slicing_of("T | where a > ago(1d) and b < now() and c > now(-2h)")
    assert isinstance(slicing, TimeSlicing)
    now = datetime(2024, 1, 2, tzinfo=UTC)
    fixed = "datetime(2024-01-02T00:00:00Z)"
    assert (
        slicing.part("Timestamp", None, None, now)
        == f"T | where a > ({fixed} - (1d)) and b < {fixed} and c > ({fixed} + (-2h))"
    )
