"""The local engine's clock, time ranges, limits, messages and ends."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow
import pytest

from engine.data_files import NOW, open_engine, write_parquet
from fpctl.engine.interface import EngineError, TableStatus, Timespan
from fpctl.engine.local.engine import LocalEngine
from fpctl.schema.tables import Tables

HOURS = [datetime(2026, 11, 19, hour) for hour in range(24)]
SLOW = (
    "range x from 1 to 60000 step 1 | extend k = 1 "
    "| join kind=inner (range y from 1 to 60000 step 1 | extend k = 1) on k | where (x * y) % 7 == 3 | summarize sum(x)"
)


@pytest.fixture
def hourly(tmp_path: Path) -> Path:
    """A table of 24 events, one an hour, the day before `NOW`."""
    write_parquet(tmp_path / "Events.parquet", {"Timestamp": HOURS, "n": list(range(24))})
    return tmp_path


def failure(engine: LocalEngine, query: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        engine.query(query)
    return caught.value


# ------------------------------------------------------------------------------------ clock and time ranges


def test_now_and_ago_are_the_engines(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        assert engine.query("print now(), now(-1d), ago(2h)").rows == [
            (NOW, NOW - timedelta(days=1), NOW - timedelta(hours=2))
        ]
        assert engine.query("Events | where Timestamp >= ago(3h) | count").rows == [(3,)]


def test_now_in_another_zone_is_the_same_moment(hourly: Path) -> None:
    rome = datetime.fromisoformat("2026-11-20T01:00:00+01:00")
    with LocalEngine(hourly, now=rome) as engine:
        assert engine.query("print now()").rows == [(NOW,)]


def test_now_without_a_zone_is_a_mistake(hourly: Path) -> None:
    with pytest.raises(ValueError, match="aware"):
        LocalEngine(hourly, now=datetime(2026, 11, 20))


def test_a_time_range_comes_on_top_of_the_querys_own(hourly: Path) -> None:
    noon_to_six = Timespan(NOW - timedelta(hours=12), NOW - timedelta(hours=6))
    with open_engine(hourly) as engine:
        assert engine.query("Events | where Timestamp >= ago(8h) | project n", noon_to_six).rows == [(16,), (17,)]


def test_a_time_range_in_another_zone_is_the_same_range(hourly: Path) -> None:
    start = datetime.fromisoformat("2026-11-19T13:00:00+01:00")
    with open_engine(hourly) as engine:
        assert engine.query("Events | project n", Timespan(start, start + timedelta(hours=1))).rows == [(12,)]


def test_a_time_range_takes_the_documented_time_column_where_the_file_has_it(tmp_path: Path) -> None:
    other = [datetime(2020, 1, 1)] * 24
    write_parquet(tmp_path / "Events.parquet", {"Timestamp": HOURS, "TimeGenerated": other})
    tables = {"Events": {"TimeGenerated": "datetime", "Timestamp": "datetime"}}

    class TimestampIsTheTime(Tables):
        def time_column(self, table: str) -> str | None:
            return "Timestamp"

    last_hour = Timespan(NOW - timedelta(hours=1), NOW)
    with LocalEngine(tmp_path, now=NOW, tables=TimestampIsTheTime(packaged=False, tables=tables)) as engine:
        assert engine.query("Events | count", last_hour).rows == [(1,)]


def test_a_time_range_never_goes_by_a_time_column_that_the_file_lacks(tmp_path: Path) -> None:
    write_parquet(tmp_path / "Events.parquet", {"Timestamp": HOURS})
    tables = {"Events": {"TimeGenerated": "datetime", "Timestamp": "datetime"}}
    with open_engine(tmp_path, tables) as engine:
        assert engine.query("Events | count", Timespan(NOW - timedelta(hours=2), NOW)).rows == [(2,)]


def test_tables_that_a_time_range_could_not_be_applied_to_are_said(hourly: Path) -> None:
    write_parquet(hourly / "Assets.parquet", {"name": ["a"]})
    last_hour = Timespan(NOW - timedelta(hours=1), NOW)
    with open_engine(hourly) as engine:
        table = engine.query("Assets | extend k = 1 | join kind=inner (Events | extend k = 1) on k | count", last_hour)
    assert table.rows == [(1,)]
    assert table.statistics["without_time"] == ["Assets"]


# ------------------------------------------------------------------------------------ preflight


def test_preflight_of_empty_missing_and_filled_tables(hourly: Path) -> None:
    (hourly / "Empty.csv").write_text("Timestamp,n\n")
    tables = {"Empty": {"Timestamp": "datetime", "n": "long"}}
    with open_engine(hourly, tables) as engine:
        assert engine.preflight(["Nothing", "Empty", "Events"], Timespan(NOW - timedelta(hours=4), NOW)) == [
            TableStatus("Nothing", False, 0),
            TableStatus("Empty", True, 0),
            TableStatus("Events", True, 4, HOURS[0].replace(tzinfo=UTC), HOURS[-1].replace(tzinfo=UTC)),
        ]


def test_preflight_without_a_range_counts_every_row(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        assert engine.preflight(["Events"])[0].rows_in_range == 24


# ------------------------------------------------------------------------------------ tables that are not there


def test_an_unknown_table_is_answered_with_the_nearest_name(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        error = failure(engine, "Event | count")
    assert (error.code, error.hint) == ("unknown-table", "did you mean Events?")
    assert error.message == f"there is no table Event in {hourly}"


def test_an_unknown_table_is_answered_with_the_tables_there_are(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        error = failure(engine, "let x = 1;\nSigninLogs | count")
    assert error.hint == "tables there: Events"
    assert str(error.at) == "<text>:2:1"


def test_an_unknown_table_in_a_folder_without_tables_says_so(tmp_path: Path) -> None:
    with open_engine(tmp_path) as engine:
        assert failure(engine, "T").hint == "the folder holds no .parquet, .csv or .json file"


def test_a_folder_without_data_files_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "SigninLogs").mkdir()
    with open_engine(tmp_path) as engine:
        assert failure(engine, "SigninLogs").hint == f"{tmp_path / 'SigninLogs'} holds no .parquet, .csv or .json file"


def test_table_names_are_case_sensitive(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        error = failure(engine, "events | count")
    assert (error.code, error.hint) == ("unknown-table", "did you mean Events?")


def test_column_names_are_case_sensitive(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        error = failure(engine, "Events | where timestamp > ago(1d)")
    assert (error.code, error.message, error.hint) == (
        "unknown-column", "there is no column timestamp", "did you mean Timestamp?",
    )  # fmt: skip


def test_a_fuzzy_union_does_without_the_tables_that_are_not_there(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        assert engine.query("union isfuzzy=true Events, Nothing | count").rows == [(24,)]


def test_a_wildcard_union_reads_the_tables_that_match(hourly: Path) -> None:
    write_parquet(hourly / "EventsToo.parquet", {"n": [1]})
    write_parquet(hourly / "Other.parquet", {"n": [1]})
    with open_engine(hourly) as engine:
        assert engine.query("union Events* | count").rows == [(25,)]


def test_a_command_that_would_write_is_refused(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        assert failure(engine, ".set-or-replace Stolen <| Events").code in {"syntax", "unsupported"}


def test_a_declared_parameter_without_a_value_is_refused(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        error = failure(engine, "declare query_parameters(least:long); Events | where n > least")
    assert (error.code, error.message) == (
        "unsupported",
        "the local engine cannot run this: the parameter least has no value",
    )


# ------------------------------------------------------------------------------------ limits and ends


def test_threads_and_memory_are_duckdbs(hourly: Path) -> None:
    with open_engine(hourly, threads=1, memory="300MB") as engine:
        threads, memory = (
            engine._open().sql("SELECT current_setting('threads'), current_setting('memory_limit')").fetchall()[0]
        )
    assert (int(threads), memory) == (1, "286.1 MiB")


@pytest.mark.parametrize("options", [{"memory": "lots"}, {"threads": 0}])
def test_a_bad_limit_is_an_error_that_says_what_is_good(hourly: Path, options: dict[str, object]) -> None:
    with pytest.raises(EngineError, match="cannot set up DuckDB") as caught:
        open_engine(hourly, **options)
    assert caught.value.hint == "--threads is a number of at least 1, --memory a size such as 2GB"


def test_too_little_memory_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    with open_engine(tmp_path, memory="30MB", threads=1) as engine:
        error = failure(engine, "range x from 1 to 9000000 step 1 | summarize make_list(tostring(x)) | take 1")
    assert error.code == "memory"
    assert "--memory" in str(error.hint)


def test_a_query_can_be_stopped_from_another_thread(hourly: Path) -> None:
    with open_engine(hourly) as engine:
        stop = threading.Timer(0.3, engine.interrupt)
        stop.start()
        assert failure(engine, SLOW).code == "interrupted"
        stop.join()
        assert engine.query("Events | count").rows == [(24,)]


def test_closing_removes_the_spill_folder(hourly: Path) -> None:
    engine = open_engine(hourly)
    spill = engine._scratch.path
    assert spill.is_dir()
    engine.close()
    assert not spill.exists()


def test_a_failed_start_leaves_no_spill_folder(hourly: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    with pytest.raises(EngineError):
        open_engine(hourly, memory="lots")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_two_threads_take_turns(hourly: Path) -> None:
    answers: list[tuple[Timespan | None, list[object]]] = []
    with open_engine(hourly) as engine:
        spans = [None, Timespan(NOW - timedelta(hours=1), NOW)] * 4

        def ask(span: Timespan | None) -> None:
            answers.append((span, list(engine.query("Events | count", span).rows)))

        threads = [threading.Thread(target=ask, args=(span,)) for span in spans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(answers) == 8
    assert all(rows == [(24 if span is None else 1,)] for span, rows in answers)


# ------------------------------------------------------------------------------------ rows


def test_rows_are_a_sequence_of_tuples(tmp_path: Path) -> None:
    write_parquet(tmp_path / "T.parquet", {"n": list(range(20_000)), "s": ["x"] * 20_000})
    with open_engine(tmp_path) as engine:
        rows = engine.query("T | sort by n asc").rows
    assert len(rows) == 20_000
    assert (rows[0], rows[-1], rows[19_999]) == ((0, "x"), (19_999, "x"), (19_999, "x"))
    assert rows[10:13] == [(10, "x"), (11, "x"), (12, "x")]
    assert rows[5:0:-2] == [(5, "x"), (3, "x"), (1, "x")]
    assert rows[3:1] == []
    assert [row[0] for row in rows] == list(range(20_000))
    assert rows != rows[:5]
    with pytest.raises(IndexError):
        rows[20_000]


def test_lists_and_structs_leave_as_json_values(tmp_path: Path) -> None:
    moments = pyarrow.array([[datetime(2026, 1, 1, 12)]], pyarrow.list_(pyarrow.timestamp("us")))
    write_parquet(tmp_path / "T.parquet", {"moments": moments, "n": [1]})
    with open_engine(tmp_path) as engine:
        table = engine.query("T | summarize t = make_list(datetime(2026-01-01 12:00)), n = make_set(n)")
    assert table.rows == [(["2026-01-01T12:00:00.0000000Z"], [1])]


def test_a_sum_of_longs_is_a_long(tmp_path: Path) -> None:
    write_parquet(tmp_path / "T.parquet", {"n": [2**53, 1]})
    with open_engine(tmp_path) as engine:
        table = engine.query("T | summarize s = sum(n)")
    assert table.columns == (("s", "long"),)
    assert table.rows == [(2**53 + 1,)]
    assert type(table.rows[0][0]) is int
