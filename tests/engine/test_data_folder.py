"""Which files of a folder make which table."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fpctl.engine.interface import EngineError
from fpctl.engine.local.data_folder import delimiter_of, find_tables
from fpctl.engine.local.engine import LocalEngine


def test_each_kind_of_file_is_a_table_named_after_it(tmp_path: Path) -> None:
    for name in ("A.parquet", "B.csv", "C.jsonl", "D.ndjson", "E.json", "F.csv.gz", "G.TSV", "H.jsonl.gz"):
        (tmp_path / name).write_bytes(b"x")
    found = find_tables(tmp_path)
    assert {name: files.format for name, files in found.items()} == {
        "A": "parquet", "B": "csv", "C": "json", "D": "json", "E": "json", "F": "csv", "G": "csv", "H": "json",
    }  # fmt: skip


def test_a_folder_of_parts_is_one_table_with_its_parts_sorted(tmp_path: Path) -> None:
    for name in ("2.parquet", "day=1/1.parquet", ".hidden.parquet", "_SUCCESS"):
        path = tmp_path / "DeviceEvents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    paths = find_tables(tmp_path)["DeviceEvents"].paths
    assert [path.relative_to(tmp_path / "DeviceEvents").as_posix() for path in paths] == [
        "2.parquet",
        "day=1/1.parquet",
    ]


def test_other_and_hidden_files_and_empty_folders_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".csv").write_text("x")
    (tmp_path / ".A.csv").write_text("x")
    (tmp_path / "Empty").mkdir()
    assert find_tables(tmp_path) == {}


def test_two_files_of_one_name_are_rivals(tmp_path: Path) -> None:
    (tmp_path / "T.csv").write_text("a\n1\n")
    (tmp_path / "T.parquet").write_bytes(b"x")
    assert [path.name for path in find_tables(tmp_path)["T"].rivals] == ["T.parquet"]


def test_parts_of_two_kinds_are_rivals(tmp_path: Path) -> None:
    (tmp_path / "T").mkdir()
    (tmp_path / "T" / "a.csv").write_text("a\n1\n")
    (tmp_path / "T" / "b.jsonl").write_text("{}\n")
    assert [path.name for path in find_tables(tmp_path)["T"].rivals] == ["b.jsonl"]


def test_a_missing_folder_is_an_error_that_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        find_tables(tmp_path / "nowhere")
    assert caught.value.code == "no-data"
    assert caught.value.message == f"there is no data folder {tmp_path / 'nowhere'}"
    assert "one Parquet, CSV or JSON Lines file" in str(caught.value.hint)


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EngineError, match="cannot read the data folder") as caught:
        find_tables(tmp_path / "file")
    assert caught.value.code == "no-data"


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [("a,b;c,d\n", ","), ("a;b;c\n", ";"), ("a\tb,c\td\n", "\t"), ("a|b\n", "|"), ("a\n", ","), ("", ",")],
)
def test_the_delimiter_is_the_one_the_header_has_most_of(tmp_path: Path, line: str, delimiter: str) -> None:
    (tmp_path / "T.csv").write_text(line)
    assert delimiter_of(tmp_path / "T.csv") == delimiter


def test_the_delimiter_of_a_compressed_file_is_seen_too(tmp_path: Path) -> None:
    (tmp_path / "T.csv.gz").write_bytes(gzip.compress(b"a;b\n1;2\n"))
    assert delimiter_of(tmp_path / "T.csv.gz") == ";"


def test_a_name_with_signs_of_a_pattern_is_the_name_of_one_file(tmp_path):
    for name, value in (("x*", 1), ("xy", 2), ("q?", 3), ("qq", 4), ("[a]", 5), ("a", 6)):
        (tmp_path / "T").mkdir(exist_ok=True)
        (tmp_path / "T" / f"{name}.csv").write_text(f"n\n{value}\n", encoding="utf-8")
    engine = LocalEngine(tmp_path, now=datetime(2026, 11, 24, tzinfo=UTC))
    try:
        assert sorted(row[0] for row in engine.query("T | project n").rows) == [1, 2, 3, 4, 5, 6]
    finally:
        engine.close()


def test_an_empty_file_of_a_table_that_no_schema_describes_is_named(tmp_path):
    (tmp_path / "Odd.csv").write_text("", encoding="utf-8")
    engine = LocalEngine(tmp_path, now=datetime(2026, 11, 24, tzinfo=UTC))
    try:
        with pytest.raises(EngineError, match=r"table Odd has no columns: Odd\.csv is empty"):
            engine.query("Odd | count")
    finally:
        engine.close()
