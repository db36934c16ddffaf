"""A time range written into a query."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fpctl.engine.interface import EngineError, Timespan
from fpctl.engine.remote.time_filter import time_filtered

DAY = Timespan(datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 5, 2, tzinfo=UTC))
CUT = "where Timestamp >= datetime(2024-05-01T00:00:00Z) and Timestamp < datetime(2024-05-02T00:00:00Z)"


def time_column(table: str) -> str | None:
    return "Timestamp" if table in ("T", "U") else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T | count", f"T | {CUT} | count"),
        ("T", f"T | {CUT}"),
        ("Other | count", "Other | count"),
        ("union T, U | count", f"union (T | {CUT}), (U | {CUT}) | count"),
        ("T | join kind=inner U on a", f"T | {CUT} | join kind=inner (U | {CUT}) on a"),
        ("T | join (U | project a) on a", f"T | {CUT} | join (U | {CUT} | project a) on a"),
        ("T | lookup U on a", f"T | {CUT} | lookup (U | {CUT}) on a"),
        ("let X = T; X | where a in (U)", f"let X = T | {CUT}; X | where a in ((U | {CUT}))"),
        ("let X = materialize(T | take 5); X", f"let X = materialize(T | {CUT} | take 5); X"),
        ("let T = datatable(a: long)[1]; T", "let T = datatable(a: long)[1]; T"),
        ("let F = (x: long) { T | where a == x }; F(1)", f"let F = (x: long) {{ T | {CUT} | where a == x }}; F(1)"),
        ("print x = toscalar(T | count)", f"print x = toscalar(T | {CUT} | count)"),
        ("range x from 1 to 3 step 1", "range x from 1 to 3 step 1"),
        ("T | where T == 1", f"T | {CUT} | where T == 1"),
    ],
)
def test_every_table_is_cut_where_it_is_read(text: str, expected: str) -> None:
    assert time_filtered(text, DAY, time_column).text == expected


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("union T* | count", "T*"),
        ("union * | count", "*"),
        ("search 'x'", "search 'x'"),
        ("find where a == 1", "find where a == 1"),
        ("database('d').T | count", "database('d').T"),
        ("table('T') | count", "table('T')"),
        ("Stored(1) | count", "Stored(1)"),
        ("T | where a in (Stored())", "Stored()"),
    ],
)
def test_what_cannot_be_cut_is_refused_at_its_place(text: str, source: str) -> None:
    with pytest.raises(EngineError) as caught:
        time_filtered(text, DAY, time_column)
    assert caught.value.code == "unsupported"
    assert caught.value.offset == text.index(source)
    assert source in caught.value.message


def test_a_text_that_is_no_query_is_refused_at_its_place() -> None:
    with pytest.raises(EngineError) as caught:
        time_filtered("T | where (", DAY, time_column)
    assert caught.value.code == "syntax"
    assert caught.value.offset == len("T | where (")


def test_places_are_found_again_in_the_original() -> None:
    text = "let X = T | where a == 1;\nunion X, (U | where b == 2), T\n| where c == 3"
    query = time_filtered(text, DAY, time_column)
    for word in ("let", "X", "a ==", "union", "b ==", "c ==", "3"):
        assert query.source_offset(query.text.index(word)) == text.index(word)
    assert query.source_offset(len(query.text)) == len(text)
    edit = query.edit_at(query.text.index("Timestamp"))
    assert edit is not None
    assert edit.start == text.index("T |")
