"""JSON values of the services as Python values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.decode import kusto_type, read_json, table_of, typed_column
from servers.store import timespan_text

VALUES: list[tuple[str, Any, Any]] = [
    ("string", None, ""),
    ("string", "None", "None"),
    ("guid", None, None),
    ("guid", "74be27de-1e4e-49d9-b579-fe0b331d3642", "74be27de-1e4e-49d9-b579-fe0b331d3642"),
    ("bool", 1, True),
    ("bool", 0, False),
    ("bool", "true", True),
    ("long", 2**53 + 1, 2**53 + 1),
    ("long", "9007199254740993", 2**53 + 1),
    ("long", 3.0, 3),
    ("real", 1, 1.0),
    ("real", "Infinity", float("inf")),
    ("real", "-Infinity", float("-inf")),
    ("decimal", "0.10", Decimal("0.10")),
    ("decimal", 0.1, Decimal("0.1")),
    ("decimal", 5, Decimal(5)),
    ("datetime", "2024-01-02T03:04:05.1234567Z", datetime(2024, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
    ("datetime", "2024-01-02T03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ("datetime", "2024-01-02T03:04:05+02:00", datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)),
    ("datetime", "9999-12-31T23:59:59.9999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ("datetime", None, None),
    ("timespan", "1.02:03:04.5000001", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=500)),
    ("timespan", "-00:00:01", timedelta(seconds=-1)),
    (
        "timespan",
        "10675199.02:48:05.4775807",
        timedelta(days=10675199, hours=2, minutes=48, seconds=5, microseconds=477580),
    ),
    ("timespan", None, None),
    ("dynamic", '{"a":[1]}', {"a": [1]}),
    ("dynamic", {"a": [1]}, {"a": [1]}),
    ("dynamic", "no json", "no json"),
    ("dynamic", None, None),
]


@pytest.mark.parametrize(("kind", "sent", "expected"), VALUES)
def test_a_value(kind: str, sent: Any, expected: Any) -> None:
    (value,) = typed_column("c", kind, [sent])
    assert value == expected
    assert type(value) is type(expected)


def test_not_a_number() -> None:
    (value,) = typed_column("c", "real", ["NaN"])
    assert value != value


WRONG: list[tuple[str, Any]] = [
    ("string", 1),
    ("string", {"a": 1}),
    ("guid", 7),
    ("bool", "maybe"),
    ("bool", 2),
    ("long", "x"),
    ("long", 1.5),
    ("long", True),
    ("int", [1]),
    ("real", "x"),
    ("real", False),
    ("decimal", "x"),
    ("datetime", "yesterday"),
    ("datetime", 5),
    ("timespan", "soon"),
    ("timespan", 5),
]


@pytest.mark.parametrize(("kind", "sent"), WRONG)
def test_a_value_of_another_kind_is_an_error_with_its_row(kind: str, sent: Any) -> None:
    with pytest.raises(EngineError) as caught:
        typed_column("c", kind, [None, sent])
    assert caught.value.code == "bad-response"
    assert "row 2 of column 'c'" in caught.value.message
    assert kind in caught.value.message


def test_a_column_that_is_right_already_is_not_copied() -> None:
    values = ["a", "b"]
    assert typed_column("c", "string", values) is values


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DateTime", "datetime"),
        ("System.Int64", "long"),
        ("SByte", "bool"),
        ("System.Data.SqlTypes.SqlDecimal", "decimal"),
        ("Object", "dynamic"),
        ("TimeSpan", "timespan"),
        ("string", "string"),
    ],
)
def test_names_of_types(name: str, kind: str) -> None:
    assert kusto_type(name) == kind


def test_an_unknown_type_is_an_error() -> None:
    with pytest.raises(EngineError, match="Complex"):
        kusto_type("Complex")


def test_equal_column_names_are_told_apart() -> None:
    table = table_of([("n", "long"), ("n", "long"), ("n1", "long"), ("n", "long")], [[1, 2, 3, 4]])
    assert list(table.dicts()) == [{"n": 1, "n2": 2, "n1": 3, "n3": 4}]


@pytest.mark.parametrize("rows", [[[1]], [[1, 2, 3]], [{"a": 1}], {"a": 1}, None, ["ab"]])
def test_rows_that_do_not_fit_the_columns_are_an_error(rows: Any) -> None:
    with pytest.raises(EngineError) as caught:
        table_of([("a", "long"), ("b", "long")], rows)
    assert caught.value.code == "bad-response"


def test_a_table_without_rows_has_columns() -> None:
    table = table_of([("a", "long")], [])
    assert (table.names(), list(table.rows)) == (["a"], [])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<html>", "HTML"),
        (b'{"a": [1, 2', "not whole JSON"),
        (b"\xff\xfe\x00", "not whole"),
    ],
)
def test_a_body_that_is_no_json_is_an_error(body: bytes, said: str) -> None:
    with pytest.raises(EngineError) as caught:
        read_json(body)
    assert caught.value.code == "bad-response"
    assert said in caught.value.message


@given(st.timedeltas(timedelta(days=-10675199), timedelta(days=10675198)))
def test_every_timespan_comes_back(value: timedelta) -> None:
    assert typed_column("c", "timespan", [timespan_text(value)]) == [value]


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_comes_back(value: datetime) -> None:
    text = value.isoformat(timespec="microseconds").replace("+00:00", "7Z")
    assert typed_column("c", "datetime", [text]) == [value]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_a_dynamic_value_sent_as_text_comes_back(value: Any) -> None:
    assert typed_column("c", "dynamic", [json.dumps(value)]) == [value]
