"""What every engine does alike: the same data, the same queries, the same assertions."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.conftest import Open
from engine.remote_setup import NOW
from fpctl.engine.interface import EngineError, Table, TableStatus, Timespan
from fpctl.text.source import SourceText

TYPES = {
    "Timestamp": "datetime",
    "s": "string",
    "b": "bool",
    "i": "int",
    "l": "long",
    "r": "real",
    "d": "decimal",
    "t": "timespan",
    "g": "guid",
    "dyn": "dynamic",
}
MAY = Timespan(datetime(2024, 5, 2, tzinfo=UTC), datetime(2024, 5, 3, tzinfo=UTC))


def one(engine: Any, text: str) -> dict[str, Any]:
    rows = list(engine.query(text).dicts())
    assert len(rows) == 1
    return rows[0]


def failure(engine: Any, text: str, timespan: Timespan | None = None) -> EngineError:
    with pytest.raises(EngineError) as caught:
        engine.query(text, timespan)
    return caught.value


# ------------------------------------------------------------------------------ types


def test_columns_have_kusto_types(engine: Any) -> None:
    table = engine.query("Types")
    assert {column.name: column.type for column in table.columns} == TYPES


def test_values_of_every_type(engine: Any) -> None:
    assert one(engine, "Types | where i > 0") == {
        "Timestamp": datetime(2024, 5, 1, 10, 0, 0, 123456, tzinfo=UTC),
        "s": 'é漢😀 "q"\n',
        "b": True,
        "i": 2147483647,
        "l": 2**53 + 1,
        "r": 1.5,
        "d": Decimal("1234567890123456789.000000000001"),
        "t": timedelta(days=1, hours=2, seconds=3, milliseconds=500),
        "g": "74be27de-1e4e-49d9-b579-fe0b331d3642",
        "dyn": {"a": [1, {"b": None}], "s": "é"},
    }


def test_values_have_python_types(engine: Any) -> None:
    row = one(engine, "Types | where i > 0")
    expected = {"b": bool, "i": int, "l": int, "r": float, "d": Decimal, "t": timedelta, "g": str, "dyn": dict}
    assert {name: type(row[name]) for name in expected} == expected


def test_a_null_is_none_and_a_null_string_is_empty(engine: Any) -> None:
    row = one(engine, "Types | where isnull(i)")
    assert row.pop("Timestamp") == datetime(2024, 5, 2, tzinfo=UTC)
    assert row.pop("s") == ""
    assert set(row.values()) == {None}


def test_the_text_none_stays_a_text(engine: Any) -> None:
    assert one(engine, "Types | where s == 'None' | project s") == {"s": "None"}


def test_extremes(engine: Any) -> None:
    row = one(engine, "Types | where i < 0")
    assert row["l"] == -(2**63)
    assert row["t"] == timedelta(seconds=1)
    assert row["b"] is False
    assert row["d"] == Decimal("0.1")
    assert row["dyn"] == [1.5, True, "x"]


def test_a_negative_timespan(engine: Any) -> None:
    assert one(engine, "print x = datetime(2024-05-01) - datetime(2024-05-02 00:00:01)")["x"] == -timedelta(
        days=1, seconds=1
    )


def test_times_are_cut_to_microseconds_not_rounded(engine: Any) -> None:
    # The services send .9999997: rounding would make it the next day.
    row = one(engine, "Types | where i < 0 | project Timestamp")
    assert row["Timestamp"] == datetime(2024, 5, 3, 23, 59, 59, 999999, tzinfo=UTC)


def test_times_are_aware_and_in_utc(engine: Any) -> None:
    row = one(engine, "Types | where i > 0 | project Timestamp")
    assert row["Timestamp"].utcoffset() == timedelta(0)


def test_not_a_number_and_infinity(engine: Any) -> None:
    row = one(engine, "print a = real(nan), b = real(+inf), c = real(-inf)")
    assert row["a"] != row["a"]
    assert (row["b"], row["c"]) == (float("inf"), float("-inf"))


def test_unicode_in_the_query(engine: Any) -> None:
    assert one(engine, "Types | where s has 'é漢😀' | project x = 'ünï漢😀'") == {"x": "ünï漢😀"}


# ------------------------------------------------------------------------------ results


def test_an_empty_result_has_its_columns(engine: Any) -> None:
    table = engine.query("Types | where s == 'nothing is called so'")
    assert list(table.rows) == []
    assert table.names() == list(TYPES)
    assert table.partial is None


def test_a_big_result_is_whole(engine: Any) -> None:
    table = engine.query("range x from 1 to 60000 step 1 | extend y = tostring(x)")
    assert table.partial is None
    assert len(table.rows) == 60_000
    assert set(table.rows) == {(x, str(x)) for x in range(1, 60_001)}


def test_rows_are_tuples_in_column_order(engine: Any) -> None:
    table = engine.query("Events | where n == 8 | project n, DeviceName")
    assert list(table.rows) == [(8, "host1")]


def test_a_join_and_an_aggregate(engine: Any) -> None:
    table = engine.query(
        "Events | join kind=inner Devices on DeviceName | summarize c = count() by id | order by id asc"
    )
    assert [tuple(row) for row in table.rows] == [(x, 715 if x < 2 else 714) for x in range(7)]


def test_several_queries_keep_their_order(engine: Any) -> None:
    answers = engine.query_many([f"print x = {x}" for x in range(12)])
    assert [next(iter(answer.rows))[0] for answer in answers] == list(range(12))


def test_a_failure_among_several_is_a_value_in_its_place(engine: Any) -> None:
    good, bad, also_good = engine.query_many(["print x = 1", "Events | where nothing == 1", "print x = 2"])
    assert isinstance(good, Table)
    assert isinstance(bad, EngineError)
    assert bad.code == "unknown-column"
    assert isinstance(also_good, Table)


def test_no_queries_give_no_answers(engine: Any) -> None:
    assert engine.query_many([]) == []


# ------------------------------------------------------------------------------ time ranges


def test_a_time_range_has_its_start_and_not_its_end(engine: Any) -> None:
    counted = engine.query("Events | summarize c = count(), low = min(n), high = max(n)", MAY)
    assert [tuple(row) for row in counted.rows] == [(1440, 1440, 2879)]


def test_a_time_range_holds_in_joins_unions_lets_and_subqueries(engine: Any) -> None:
    text = """
        let L = Events | where n % 2 == 0;
        union (Events | project n), (L | project n)
        | where n in ((Events | project n))
        | join kind=inner (Events | project n) on n
        | count
    """
    assert [tuple(row) for row in engine.query(text, MAY).rows] == [(2160,)]


def test_a_table_without_a_time_column_is_read_whole(engine: Any) -> None:
    assert [tuple(row) for row in engine.query("Devices | count", MAY).rows] == [(7,)]


def test_a_time_range_holds_for_its_query_only(engine: Any) -> None:
    engine.query("Events | count", MAY)
    assert [tuple(row) for row in engine.query("Events | count").rows] == [(5000,)]


# ------------------------------------------------------------------------------ errors


def test_an_unknown_column_is_shown_at_its_place(engine: Any) -> None:
    text = "Events\n| where n > 1\n| where  nothing == 'x'"
    error = failure(engine, text)
    assert error.code == "unknown-column"
    assert error.offset == text.index("nothing")
    assert (error.at and (error.at.line, error.at.column)) == (3, 10)
    assert error.caret is not None
    assert error.caret.endswith("\n" + " " * 13 + "^")


def test_the_place_of_an_error_does_not_move_with_a_time_range(engine: Any) -> None:
    text = "let E = Events | where n > 1; E | join kind=inner Devices on DeviceName | where nothing == 'x'"
    error = failure(engine, text, MAY)
    assert (error.code, error.offset) == ("unknown-column", text.index("nothing"))


def test_an_unknown_table_is_named(engine: Any) -> None:
    text = "print x = 1;\nEvent5 | count"
    error = failure(engine, text.split("\n")[1])
    assert error.code == "unknown-table"
    assert error.offset == 0


def test_a_syntax_error_is_shown_in_its_line(engine: Any) -> None:
    text = "Events\n| where n > 1\n| where (n < \n"
    error = failure(engine, text)
    assert error.code == "syntax"
    assert error.offset is not None
    assert SourceText(text).line_column(error.offset)[0] >= 3


def test_after_an_error_the_engine_still_works(engine: Any) -> None:
    failure(engine, "Nothing | count")
    assert one(engine, "print x = 1") == {"x": 1}


def test_a_closed_engine_says_so_and_closes_twice(engine: Any) -> None:
    engine.close()
    engine.close()
    assert failure(engine, "print x = 1").code == "closed"


# ------------------------------------------------------------------------------ tables


def test_tables_are_listed_sorted(engine: Any, engine_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if engine_name == "defender":
        monkeypatch.setattr(engine, "_known", ("Types", "NoSuchTable", "Events", "Devices"))
    assert engine.tables() == ["Devices", "Events", "Types"]


def test_columns_of_a_table(engine: Any) -> None:
    assert dict(engine.columns("Types")) == TYPES


def test_columns_of_no_table_are_none(engine: Any) -> None:
    assert engine.columns("NoSuchTable") is None


def test_preflight_tells_what_a_rule_would_read(engine: Any) -> None:
    first, last = datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 4, 11, 19, tzinfo=UTC)
    assert engine.preflight(["Events", "NoSuchTable", "Devices"], MAY) == [
        TableStatus("Events", True, 1440, first, last),
        TableStatus("NoSuchTable", False, 0),
        TableStatus("Devices", True, 7),
    ]


# ------------------------------------------------------------------------------ time limits and Ctrl-C

# Billions of pairs, made and thrown away one by one: slow everywhere, and small in memory. (A `range` of two
# billion is built as one list of 16 GB.)
SLOW = (
    "range x from 1 to 60000 step 1 | extend k = 1 "
    "| join kind=inner (range y from 1 to 60000 step 1 | extend k = 1) on k | where (x * y) % 7 == 3 | summarize sum(x)"
)


def test_a_query_over_its_time_limit_is_a_timeout(engine_name: str, open_remote: Open, data_folder: Path) -> None:
    if engine_name == "local":
        from fpctl.engine.local.engine import LocalEngine

        with LocalEngine(data_folder, now=NOW, timeout=0.05) as engine:
            assert failure(engine, SLOW).code == "timeout"
        return
    opened = open_remote(engine_name.removesuffix("-progressive"), deadline=0.05)
    opened.server.hold = 10
    assert failure(opened.engine, "print x = 1").code == "timeout"
    assert len(opened.server.requests) <= 2  # the query, and Kusto's look at the cloud


def interrupt_soon() -> threading.Timer:
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    return timer


@pytest.mark.parametrize("several", [False, True])
def test_ctrl_c_stops_at_once_and_sends_nothing_more(
    engine_name: str, open_remote: Open, data_folder: Path, several: bool
) -> None:
    text = "print x = 1"
    if engine_name == "local":
        from fpctl.engine.local.engine import LocalEngine

        engine: Any = LocalEngine(data_folder, now=NOW)
        server, text = None, SLOW
    else:
        opened = open_remote(engine_name.removesuffix("-progressive"), concurrency=2)
        engine, server = opened.engine, opened.server
        assert one(engine, "print x = 1") == {"x": 1}
        server.hold = 3
        server.requests.clear()
    timer = interrupt_soon()
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.query_many([text] * 8) if several else engine.query(text)
    finally:
        timer.cancel()
    if server is not None:
        assert len(server.requests) <= 2
        server.hold = 0
    assert one(engine, "print x = 1") == {"x": 1}
    if server is None:
        engine.close()
