"""Every way a column can be stored, read as every Kusto type that it may be documented as."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from fpctl.compiler.installation import install
from fpctl.engine.local.types import HELD_AS, cast_to_kusto, in_ticks, kusto_type, outgoing

MOMENT = datetime(2026, 11, 19, 10, 30)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        install(connection)
        yield connection


def read(connection: duckdb.DuckDBPyConnection, value: str, stored: str, to: str) -> tuple[Any, str]:
    """Return the value and DuckDB type of `value` stored as `stored` and read as the Kusto type `to`."""
    sql = cast_to_kusto("c", stored, to, "T.c")
    assert sql is not None
    relation = connection.sql(f"SELECT {sql} AS v FROM (SELECT CAST({value} AS {stored}) AS c)")
    found = relation.fetchall()[0][0]
    if isinstance(found, int) and to == "datetime":
        found = datetime(1, 1, 1) + timedelta(microseconds=found // 10)
    if isinstance(found, int) and to == "timespan":
        found = timedelta(microseconds=found // 10 if found > 0 else -(-found // 10))
    return found, str(relation.types[0])


@pytest.mark.parametrize(
    ("value", "stored", "to", "expected"),
    [
        ("'x'", "VARCHAR", "string", "x"),
        ("NULL", "VARCHAR", "string", ""),
        ("5", "BIGINT", "string", "5"),
        ("NULL", "BIGINT", "string", ""),
        ("{'a': 1}", "STRUCT(a INTEGER)", "string", '{"a":1}'),
        ("NULL", "STRUCT(a INTEGER)", "string", ""),
        ("'abc'", "BLOB", "string", "abc"),
        ("'7'", "VARCHAR", "int", 7),
        ("' 7 '", "VARCHAR", "long", 7),
        ("'7.0'", "VARCHAR", "long", 7),
        ("'9007199254740993'", "VARCHAR", "long", 2**53 + 1),
        ("''", "VARCHAR", "long", None),
        ("7", "UTINYINT", "int", 7),
        ("7", "HUGEINT", "long", 7),
        ("7.0", "DOUBLE", "long", 7),
        ("'nan'", "DOUBLE", "long", None),
        ("true", "BOOLEAN", "int", 1),
        ("7.00", "DECIMAL(9,2)", "long", 7),
        ("1.5", "FLOAT", "real", 1.5),
        ("3", "INTEGER", "real", 3.0),
        ("'1e3'", "VARCHAR", "real", 1000.0),
        ("1.25", "DECIMAL(9,2)", "decimal", Decimal("1.25")),
        ("'1.25'", "VARCHAR", "decimal", Decimal("1.25")),
        ("1", "TINYINT", "bool", True),
        ("'True'", "VARCHAR", "bool", True),
        ("'0'", "VARCHAR", "bool", False),
        ("'2026-11-19 10:30:00'", "TIMESTAMP_S", "datetime", MOMENT),
        ("'2026-11-19 10:30:00'", "TIMESTAMP_NS", "datetime", MOMENT),
        ("'2026-11-19 11:30:00+01'", "TIMESTAMP WITH TIME ZONE", "datetime", MOMENT),
        ("'2026-11-19'", "DATE", "datetime", datetime(2026, 11, 19)),
        ("'2026-11-19T10:30:00Z'", "VARCHAR", "datetime", MOMENT),
        ("'2026-11-19T11:30:00.0000009+01:00'", "VARCHAR", "datetime", MOMENT),
        ("'11/19/2026, 10:30:00.000 AM'", "VARCHAR", "datetime", MOMENT),
        ("''", "VARCHAR", "datetime", None),
        ("'1.02:03:04.5'", "VARCHAR", "timespan", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("'-00:00:00.0000019'", "VARCHAR", "timespan", timedelta(microseconds=-1)),
        ("'10:00:00'", "TIME", "timespan", timedelta(hours=10)),
        ("'[1, \"a\"]'", "VARCHAR", "dynamic", '[1, "a"]'),
        ("'plain'", "VARCHAR", "dynamic", '"plain"'),
        ("''", "VARCHAR", "dynamic", None),
        ("[1, 2]", "INTEGER[]", "dynamic", "[1,2]"),
        ("5", "BIGINT", "dynamic", "5"),
        ("'\"{}\"'", "JSON", "dynamic", "{}"),
        ("'\"text\"'", "JSON", "dynamic", '"text"'),
        ("'null'", "JSON", "dynamic", None),
        ("'\"12\"'", "JSON", "long", 12),
        ("'12'", "JSON", "string", "12"),
        ("'null'", "JSON", "string", ""),
    ],
)
def test_a_stored_value_reads_as_its_documented_type(
    connection: duckdb.DuckDBPyConnection, value: str, stored: str, to: str, expected: Any
) -> None:
    found, held = read(connection, value, stored, to)
    assert found == expected
    assert type(found) is type(expected)
    assert held.startswith("BIGINT" if to == "datetime" and in_ticks(stored) else HELD_AS[to].split("(")[0])


@pytest.mark.parametrize(
    ("value", "stored", "to", "ticks"),
    [
        ("'2026-11-19T10:30:00.1234567Z'", "VARCHAR", "datetime", 639_306_810_001_234_567),
        ("'2026-11-19 10:30:00.1234567'", "TIMESTAMP_NS", "datetime", 639_306_810_001_234_567),
        ("'00:00:00.0000019'", "VARCHAR", "timespan", 19),
        ("INTERVAL '2 seconds'", "INTERVAL", "timespan", 20_000_000),
    ],
)
def test_a_time_keeps_its_hundred_nanoseconds(
    connection: duckdb.DuckDBPyConnection, value: str, stored: str, to: str, ticks: int
) -> None:
    sql = cast_to_kusto("c", stored, to, "T.c")
    ((found,),) = connection.sql(f"SELECT {sql} AS v FROM (SELECT CAST({value} AS {stored}) AS c)").fetchall()
    assert found == ticks


def test_a_guid_reads_from_text_and_from_uuid(connection: duckdb.DuckDBPyConnection) -> None:
    text = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    assert [str(read(connection, f"'{text}'", stored, "guid")[0]) for stored in ("VARCHAR", "UUID")] == [text, text]


@pytest.mark.parametrize("to", sorted(HELD_AS))
@pytest.mark.parametrize("stored", ["VARCHAR", "JSON"])
def test_null_text_is_null_and_an_empty_string(connection: duckdb.DuckDBPyConnection, stored: str, to: str) -> None:
    assert read(connection, "NULL", stored, to)[0] == ("" if to == "string" else None)


@pytest.mark.parametrize(
    ("stored", "to"), [("BIGINT", "datetime"), ("BOOLEAN", "datetime"), ("DOUBLE", "timespan"), ("INTEGER[]", "long")]
)
def test_what_can_never_be_of_a_type_has_no_cast(stored: str, to: str) -> None:
    assert cast_to_kusto("c", stored, to, "T.c") is None


@pytest.mark.parametrize(
    ("value", "stored", "to"),
    [("1.5", "DOUBLE", "long"), ("'1.5'", "VARCHAR", "int"), ("'x'", "VARCHAR", "bool"), ("'{}'", "JSON", "long")],
)
def test_what_is_not_of_a_type_is_an_error_not_a_null(
    connection: duckdb.DuckDBPyConnection, value: str, stored: str, to: str
) -> None:
    with pytest.raises(duckdb.Error, match=f"T.c: '.*' is not a value of type {to}"):
        read(connection, value, stored, to)


@pytest.mark.parametrize(
    ("duckdb_type", "expected"),
    [
        ("VARCHAR", "string"),
        ("BOOLEAN", "bool"),
        ("SMALLINT", "int"),
        ("UINTEGER", "long"),
        ("HUGEINT", "long"),
        ("FLOAT", "real"),
        ("DECIMAL(38,12)", "decimal"),
        ("DATE", "datetime"),
        ("TIMESTAMP WITH TIME ZONE", "datetime"),
        ("INTERVAL", "timespan"),
        ("UUID", "guid"),
        ("JSON", "dynamic"),
        ("INTEGER[]", "dynamic"),
        ("STRUCT(a INTEGER)", "dynamic"),
        ("MAP(VARCHAR, INTEGER)", "dynamic"),
        ("BLOB", "string"),
        ('"NULL"', "dynamic"),
    ],
)
def test_every_duckdb_type_has_a_kusto_type(duckdb_type: str, expected: str) -> None:
    assert kusto_type(duckdb_type) == expected


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("datetime", 639_306_810_000_000_019, MOMENT.replace(tzinfo=UTC, microsecond=1)),
        ("datetime", None, None),
        ("timespan", -936_000_000_019, timedelta(hours=-26, microseconds=-1)),
        ("string", None, ""),
        ("dynamic", '{"a":[1,null]}', {"a": [1, None]}),
        ("dynamic", '"text"', "text"),
        ("dynamic", None, None),
        ("real", 1.5, 1.5),
    ],
)
def test_a_result_value_leaves_as_a_python_value(kind: str, given: Any, expected: Any) -> None:
    convert = outgoing(kind, is_moment=False)
    assert (given if convert is None else convert(given)) == expected


def test_a_time_that_the_file_has_in_microseconds_leaves_as_it_is() -> None:
    convert = outgoing("datetime", is_moment=True)
    assert convert is not None
    assert convert(MOMENT) == MOMENT.replace(tzinfo=UTC)
