"""Answers that are kept in a file: the same rows, and nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fpctl.engine.interface import EngineError, ResultColumn, Table
from fpctl.engine.local import batches as result_batches
from fpctl.engine.local.batches import collected
from fpctl.engine.local.engine import LocalEngine

ROWS = 30_000


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_batches, "IN_MEMORY", 10_000)


def batches(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from rows.to_batches(max_chunksize=100)


def table() -> pa.Table:
    words = pa.array([f"word{n % 7}" for n in range(2_000)])
    return pa.table(
        {"n": range(2_000), "w": words, "d": words.dictionary_encode(), "l": [[n, None] for n in range(2_000)]}
    )


@pytest.mark.usefixtures("small")
def test_a_large_answer_is_kept_in_a_file_and_has_the_same_rows(tmp_path: Path) -> None:
    found = collected(batches(table()), table().schema, tmp_path)
    assert found.equals(table())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_the_mapped_rows_are_not_in_memory(tmp_path: Path) -> None:
    rows = table()
    before = pa.total_allocated_bytes()
    found = collected(batches(rows), rows.schema, tmp_path)
    assert found.nbytes > 50_000
    assert pa.total_allocated_bytes() - before < found.nbytes / 4


def test_a_small_answer_stays_in_memory(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    folder = tmp_path / "gone"
    folder.rmdir()
    assert collected(batches(table()), table().schema, folder).equals(table())
    assert collected(iter(()), table().schema, folder).num_rows == 0


@pytest.mark.usefixtures("small")
def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot keep the result rows in") as caught:
        collected(batches(table()), table().schema, tmp_path / "missing")
    assert caught.value.hint == "make room there, or name another folder with TMPDIR"


@pytest.mark.usefixtures("small")
def test_what_the_reader_raises_is_not_taken_for_a_fault_of_the_file(tmp_path: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield from batches(table())
        raise OSError("the query was stopped")

    with pytest.raises(OSError, match="the query was stopped"):
        collected(broken(), table().schema, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_the_engine_gives_all_rows_of_a_large_answer(tmp_path: Path) -> None:
    held = pa.table({"n": range(ROWS), "t": [f"text {n}" for n in range(ROWS)], "j": ['{"a": 1}'] * ROWS})
    pq.write_table(held, tmp_path / "T.parquet")
    with LocalEngine(tmp_path, now=datetime(2026, 1, 1, tzinfo=UTC)) as engine:
        rows = engine.query("T | project n, t, j = parse_json(j)").rows
        assert len(rows) == ROWS
        assert rows[ROWS - 1] == (ROWS - 1, f"text {ROWS - 1}", {"a": 1})
        assert [row[0] for row in rows] == list(range(ROWS))


def test_the_first_rows_of_a_table_keep_its_count() -> None:
    whole = Table((ResultColumn("n", "long"),), [(n,) for n in range(50)])
    first = whole.first(20)
    assert (first.count, len(first.rows), first.first(5).count) == (50, 20, 50)
    assert whole.first(60).rows == whole.rows
