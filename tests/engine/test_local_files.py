"""Tables read from Parquet, CSV and JSON files."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow
import pytest

from engine.data_files import open_engine, write_parquet
from fpctl.engine.interface import EngineError

EVENTS = {"Timestamp": "datetime", "DeviceName": "string", "LocalPort": "int", "AdditionalFields": "dynamic"}
MOMENT = datetime(2026, 11, 19, 10, 30, 0, 123456, tzinfo=UTC)
ROWS = [(MOMENT, "build01", 443, {"a": [1, {"b": None}]}), (None, "", None, None)]


def test_csv_text_becomes_the_documented_types(tmp_path: Path) -> None:
    (tmp_path / "Events.csv").write_text(
        "Timestamp,DeviceName,LocalPort,AdditionalFields\n"
        '2026-11-19T10:30:00.1234567Z,build01,443,"{""a"":[1,{""b"":null}]}"\n,,,\n'
    )
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        table = engine.query("Events | sort by DeviceName desc")
    assert table.columns == tuple(EVENTS.items())
    assert table.rows == ROWS


def test_json_lines_become_the_documented_types(tmp_path: Path) -> None:
    (tmp_path / "Events.jsonl").write_text(
        '{"Timestamp":"2026-11-19T11:30:00.1234567+01:00","DeviceName":"build01","LocalPort":443,'
        '"AdditionalFields":{"a":[1,{"b":null}]}}\n'
        '{"Timestamp":null,"DeviceName":null,"LocalPort":null,"AdditionalFields":null}\n'
    )
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert engine.query("Events | sort by DeviceName desc").rows == ROWS


def test_parquet_becomes_the_documented_types(tmp_path: Path) -> None:
    write_parquet(
        tmp_path / "Events.parquet",
        {
            "Timestamp": pyarrow.array([MOMENT, None], pyarrow.timestamp("ns", tz="UTC")),
            "DeviceName": ["build01", None],
            "LocalPort": pyarrow.array([443.0, None], pyarrow.float64()),
            "AdditionalFields": ['{"a":[1,{"b":null}]}', None],
        },
    )
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert engine.query("Events | sort by DeviceName desc").rows == ROWS


def test_nested_parquet_values_are_dynamic(tmp_path: Path) -> None:
    write_parquet(tmp_path / "T.parquet", {"bag": [{"a": 1, "b": ["x"]}], "list": [[1, 2]]})
    with open_engine(tmp_path) as engine:
        table = engine.query("T | extend b = tostring(bag.b[0]), second = toint(list[1])")
    assert [column.type for column in table.columns] == ["dynamic", "dynamic", "string", "int"]
    assert table.rows == [({"a": 1, "b": ["x"]}, [1, 2], "x", 2)]


def test_a_dynamic_value_that_is_json_inside_a_json_string_is_the_bag(tmp_path: Path) -> None:
    (tmp_path / "Events.jsonl").write_text('{"AdditionalFields":"{\\"a\\":7}"}\n{"AdditionalFields":"plain"}\n')
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert engine.query("Events | project AdditionalFields").rows == [({"a": 7},), ("plain",)]


def test_a_json_array_file_is_read_like_json_lines(tmp_path: Path) -> None:
    (tmp_path / "T.json").write_text('[{"n": 9007199254740993}, {"n": 2, "s": "x"}]')
    with open_engine(tmp_path) as engine:
        assert engine.query("T | project n, s").rows == [(9007199254740993, ""), (2, "x")]


def test_compressed_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "A.csv.gz").write_bytes(gzip.compress(b"n\n1\n"))
    (tmp_path / "B.jsonl.gz").write_bytes(gzip.compress(b'{"n":2}\n'))
    with open_engine(tmp_path) as engine:
        assert engine.query("union A, B | sort by n asc").rows == [(1,), (2,)]


def test_parts_with_different_columns_are_one_table(tmp_path: Path) -> None:
    write_parquet(tmp_path / "T" / "1.parquet", {"a": [1]})
    write_parquet(tmp_path / "T" / "2.parquet", {"a": [2], "b": ["x"]})
    with open_engine(tmp_path) as engine:
        assert engine.query("T | sort by a asc").rows == [(1, ""), (2, "x")]


def test_undocumented_columns_are_kept_with_the_types_the_file_shows(tmp_path: Path) -> None:
    (tmp_path / "Events.csv").write_text("DeviceName,Extra,When,Flag,Share\nbuild01,7,2026-11-19 10:00:00,true,1.5\n")
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        table = engine.query("Events | project Extra, When, Flag, Share")
    assert [column.type for column in table.columns] == ["long", "datetime", "bool", "real"]
    assert table.rows == [(7, datetime(2026, 11, 19, 10, tzinfo=UTC), True, 1.5)]


def test_a_documented_column_that_the_file_lacks_reads_as_null_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "Events.csv").write_text("DeviceName\nbuild01\n")
    with open_engine(tmp_path, {"Events": EVENTS | {"RemoteUrl": "string"}}) as engine:
        table = engine.query("Events | where isempty(RemoteUrl) and isnull(LocalPort) | project RemoteUrl, LocalPort")
        assert engine.missing_columns("Events") == {"Timestamp", "LocalPort", "AdditionalFields", "RemoteUrl"}
    assert table.rows == [("", None)]
    assert table.statistics["missing_columns"] == {"Events": ["LocalPort", "RemoteUrl"]}


def test_a_query_that_names_no_missing_column_says_nothing_of_them(tmp_path: Path) -> None:
    (tmp_path / "Events.csv").write_text("DeviceName\nbuild01\n")
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert "missing_columns" not in engine.query("Events | project DeviceName").statistics


def test_columns_lists_documented_ones_first_and_further_ones_after(tmp_path: Path) -> None:
    (tmp_path / "Events.csv").write_text("Extra,DeviceName\n1,x\n")
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert engine.columns("Events") == {**EVENTS, "Extra": "long"}
        assert list(engine.columns("Events") or ()) == [*EVENTS, "Extra"]
        assert engine.columns("Nothing") is None


def test_names_in_another_case_are_read_in_the_documented_spelling(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("devicename\nbuild01\n")
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert engine.tables() == ["Events"]
        assert engine.query("Events | project DeviceName").rows == [("build01",)]


def test_a_column_documented_in_two_spellings_is_the_files_column_under_both(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_text("Isp\nExampleNet\n")
    with open_engine(tmp_path, {"T": {"Isp": "string", "ISP": "string"}}) as engine:
        table = engine.query("T | where ISP == 'ExampleNet' | project ISP, Isp")
    assert table.names() == ["ISP", "Isp"]
    assert table.rows == [("ExampleNet", "ExampleNet")]


def test_tables_that_spell_a_column_differently_can_be_joined(tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_text("k,LogonId\n1,5\n")
    (tmp_path / "B.csv").write_text("k,LogonId\n1,6\n")
    documented = {"A": {"k": "long", "LogonId": "long"}, "B": {"k": "long", "LogonID": "long", "LogonId": "long"}}
    with open_engine(tmp_path, documented) as engine:
        table = engine.query("A | join kind=inner B on k | project-reorder LogonID")
    assert table.names() == ["LogonID", "k", "LogonId", "k1", "LogonId1"]
    assert table.rows == [(6, 1, 5, 1, 6)]


def test_a_portal_export_is_read_with_its_headers_and_times(tmp_path: Path) -> None:
    (tmp_path / "Events.csv").write_text(
        '"Timestamp [UTC]",DeviceName,"Other [UTC]"\n'
        '"11/19/2026, 1:02:03.004 PM",a,"11/19/2026, 12:00:00.000 AM"\n"Nov 19, 2026 1:02:03 PM",b,\n'
    )
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        table = engine.query("Events | project Timestamp, DeviceName, Other")
    noon = datetime(2026, 11, 19, 13, 2, 3, tzinfo=UTC)
    midnight = datetime(2026, 11, 19, tzinfo=UTC)
    assert table.rows == [(noon + timedelta(milliseconds=4), "a", midnight), (noon, "b", None)]


@pytest.mark.parametrize("name", ["Events.csv", "Events.jsonl"])
def test_an_empty_text_file_is_an_empty_table(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert engine.query("Events | where LocalPort > 1 | count").rows == [(0,)]


def test_a_header_alone_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "Events.csv").write_text("Timestamp,DeviceName\n")
    with open_engine(tmp_path, {"Events": EVENTS}) as engine:
        assert list(engine.query("Events").rows) == []


def test_a_semicolon_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_text("a;b\n1;x,y\n")
    with open_engine(tmp_path) as engine:
        assert engine.query("T").rows == [(1, "x,y")]


def test_a_line_break_and_quotes_inside_a_csv_value_survive(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_text('a,b\n"say ""hi""\nthere",é€𝄞\n')
    with open_engine(tmp_path) as engine:
        assert engine.query("T").rows == [('say "hi"\nthere', "é€𝄞")]


def test_files_may_be_links_to_other_folders(tmp_path: Path) -> None:
    write_parquet(tmp_path / "elsewhere" / "part.parquet", {"n": [1]})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "T.parquet").symlink_to(tmp_path / "elsewhere" / "part.parquet")
    with open_engine(tmp_path / "data") as engine:
        assert engine.query("T").rows == [(1,)]


def test_a_name_with_a_quote_in_it_is_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's data"
    write_parquet(folder / "T.parquet", {'od"d': [1], "o'dd": [2]})
    with open_engine(folder) as engine:
        assert engine.query("T").rows == [(1, 2)]


# ------------------------------------------------------------------------------------ what cannot be read


def failure(folder: Path, query: str, tables: dict[str, dict[str, str]] | None = None) -> EngineError:
    with open_engine(folder, tables) as engine, pytest.raises(EngineError) as caught:
        engine.query(query)
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("T.parquet", "no parquet", "Parquet"),
        ("T.jsonl", '{"a":1}\n{bad\n', "Malformed JSON"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_table_and_file(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    error = failure(tmp_path, "T | count")
    assert error.code == "bad-data"
    assert name in error.message
    assert words in error.message


def test_a_damaged_file_does_not_stop_queries_of_other_tables(tmp_path: Path) -> None:
    (tmp_path / "Bad.parquet").write_text("no parquet")
    write_parquet(tmp_path / "Good.parquet", {"n": [1]})
    with open_engine(tmp_path) as engine:
        assert engine.query("Good").rows == [(1,)]


def test_a_ragged_csv_is_an_error_and_no_row_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_text("a,b\n1,2\n1,2,3\n")
    assert failure(tmp_path, "T").code == "bad-data"


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("Timestamp", "yesterday", "datetime"),
        ("LocalPort", "https", "int"),
        ("LocalPort", "1.5", "int"),
        ("LocalPort", "99999999999", "int"),
        ("Flag", "maybe", "bool"),
        ("Id", "123", "guid"),
        ("Took", "5 minutes", "timespan"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_an_error_that_names_it(
    tmp_path: Path, column: str, value: str, kind: str
) -> None:
    (tmp_path / "Events.csv").write_text(f"{column}\n{value}\n")
    documented = {"Events": EVENTS | {"Flag": "bool", "Id": "guid", "Took": "timespan"}}
    error = failure(tmp_path, f"Events | project {column}", documented)
    assert error.code == "bad-data"
    assert error.message == f"Events.{column}: '{value}' is not a value of type {kind}"


def test_a_parquet_column_that_can_never_be_of_its_type_is_an_error(tmp_path: Path) -> None:
    write_parquet(tmp_path / "Events.parquet", {"Timestamp": [1732000000]})
    error = failure(tmp_path, "Events | count", {"Events": EVENTS})
    assert error.message == "Events.Timestamp is BIGINT in Events.parquet, which cannot be read as datetime"


def test_a_table_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_text("a\n1\n")
    (tmp_path / "T.jsonl").write_text('{"a":1}\n')
    error = failure(tmp_path, "T")
    assert (error.code, error.message) == ("bad-data", "table T is there more than once: T.csv, T.jsonl")


def test_parts_with_different_delimiters_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "T").mkdir()
    (tmp_path / "T" / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "T" / "2.csv").write_text("a;b\n1;2\n")
    assert "different delimiters" in failure(tmp_path, "T").message


def test_a_query_reads_nothing_outside_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    write_parquet(tmp_path / "data" / "T.parquet", {"n": [1]})
    with open_engine(tmp_path / "data") as engine:
        connection = engine._open()
        import duckdb

        with pytest.raises(duckdb.PermissionException):
            connection.sql(f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')").fetchall()
