"""Kusto's frames: progressive ones put together, every error in them heard, none of a whole answer missing."""

from __future__ import annotations

from typing import Any

import pytest

from fpctl.engine.interface import EngineError
from fpctl.engine.kusto.frames import table_of_frames
from servers.kusto import progressive_frames

HEADER = {"FrameType": "DataSetHeader", "Version": "v2.0", "IsProgressive": False}
END = {"FrameType": "DataSetCompletion", "HasErrors": False, "Cancelled": False}
ONE_ERROR = {"OneApiErrors": [{"error": {"code": "LimitsExceeded", "@message": "too many rows"}}]}


def primary(rows: list[Any], identity: int = 1) -> dict[str, Any]:
    columns = [{"ColumnName": "n", "ColumnType": "long"}]
    return {
        "FrameType": "DataTable",
        "TableId": identity,
        "TableKind": "PrimaryResult",
        "Columns": columns,
        "Rows": rows,
    }


def completion(*rows: list[Any]) -> dict[str, Any]:
    names = ("Level:int", "StatusCodeName:string", "EventTypeName:string", "Payload:string")
    columns = [dict(zip(("ColumnName", "ColumnType"), name.split(":"), strict=True)) for name in names]
    kind = "QueryCompletionInformation"
    return {"FrameType": "DataTable", "TableId": 9, "TableKind": kind, "Columns": columns, "Rows": list(rows)}


def test_a_plain_answer() -> None:
    table = table_of_frames([HEADER, primary([[1], [2]]), completion(), END])
    assert (table.rows, table.partial) == ([(1,), (2,)], None)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_a_progressive_answer_gives_the_same_rows(count: int) -> None:
    frames = [HEADER, primary([[n] for n in range(count)]), completion(), END]
    assert table_of_frames(progressive_frames(frames)).rows == table_of_frames(frames).rows


def test_the_resources_used_are_the_statistics() -> None:
    used = completion([4, "S_OK", "QueryResourceConsumption", '{"ExecutionTime": 0.5}'])
    assert table_of_frames([HEADER, primary([[1]]), used, END]).statistics == {"ExecutionTime": 0.5}


PARTIAL = {
    "an error among the rows": [HEADER, primary([[1], ONE_ERROR]), END],
    "an error in the last frame": [HEADER, primary([[1]]), {**END, "HasErrors": True, **ONE_ERROR}],
    "errors without a text": [HEADER, primary([[1]]), {**END, "HasErrors": True}],
    "a cancelled query": [HEADER, primary([[1]]), {**END, "Cancelled": True}],
    "a completion row of a low level": [HEADER, primary([[1]]), completion([2, "E_FAIL", "Error", "it broke"]), END],
    "an error at the end of a table": [
        HEADER,
        {**primary([]), "FrameType": "TableHeader"},
        {"FrameType": "TableFragment", "TableId": 1, "TableFragmentType": "DataAppend", "Rows": [[1]]},
        {"FrameType": "TableCompletion", "TableId": 1, "RowCount": 5, **ONE_ERROR},
        END,
    ],
}


@pytest.mark.parametrize("frames", PARTIAL.values(), ids=PARTIAL)
def test_an_answer_with_errors_is_partial(frames: list[Any]) -> None:
    table = table_of_frames(frames)
    assert table.partial
    assert table.rows == [(1,)]


def test_errors_before_the_first_row_are_a_failed_query() -> None:
    with pytest.raises(EngineError, match="LimitsExceeded: too many rows") as caught:
        table_of_frames([HEADER, primary([ONE_ERROR]), END])
    assert caught.value.code == "partial"


BROKEN = {
    "no list": {"Tables": []},
    "no end": [HEADER, primary([[1]])],
    "a table without an end": [HEADER, {**primary([]), "FrameType": "TableHeader"}, END],
    "fewer rows than announced": [
        HEADER,
        {**primary([]), "FrameType": "TableHeader"},
        {"FrameType": "TableFragment", "TableId": 1, "TableFragmentType": "DataAppend", "Rows": [[1]]},
        {"FrameType": "TableCompletion", "TableId": 1, "RowCount": 2},
        END,
    ],
    "rows before their table": [HEADER, {"FrameType": "TableFragment", "TableId": 1, "Rows": [[1]]}, END],
    "an unknown frame": [HEADER, {"FrameType": "Surprise"}, primary([[1]]), END],
    "no result": [HEADER, completion(), END],
    "a row that is no row": [HEADER, primary([7]), END],
    "columns without names": [HEADER, {**primary([[1]]), "Columns": [{}]}, END],
    "two tables of one id": [HEADER, primary([[1]]), primary([[2]]), END],
}


@pytest.mark.parametrize("frames", BROKEN.values(), ids=BROKEN)
def test_an_answer_that_is_not_whole_is_an_error(frames: Any) -> None:
    with pytest.raises(EngineError) as caught:
        table_of_frames(frames)
    assert caught.value.code == "bad-response"


def test_several_results_are_refused() -> None:
    with pytest.raises(EngineError) as caught:
        table_of_frames([HEADER, primary([[1]]), primary([[2]], identity=2), END])
    assert caught.value.code == "unsupported"
