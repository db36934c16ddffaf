"""Kusto types in DuckDB: how columns of files become them, and how results are handed out as Python values.

How each type is held says `fpctl.compiler.values.value`. A time that a file has in microseconds or coarser stays a
TIMESTAMP (UTC, without zone), so that files skip what a time range leaves out; one of more digits, or written as
text, becomes 100-ns ticks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

HELD_AS: Mapping[str, str] = MappingProxyType(
    {
        "string": "VARCHAR",
        "bool": "BOOLEAN",
        "int": "INTEGER",
        "long": "BIGINT",
        "real": "DOUBLE",
        "decimal": "DECIMAL(38,18)",
        "datetime": "TIMESTAMP",
        "timespan": "BIGINT",
        "guid": "UUID",
        "dynamic": "JSON",
    }
)
"""Kusto scalar type -> the DuckDB type that a table column of it has."""

EPOCH = 621_355_968_000_000_000
"""Ticks of 1970-01-01."""

ERROR_MARK = "fpctl-data: "
"""Begins the message of every value error raised inside DuckDB by the casts below."""

_SMALL_INTEGERS = frozenset({"TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER"})
_BIG_INTEGERS = frozenset({"UINTEGER", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"})
_TIMES = frozenset(
    {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS"}
)
_PLAIN: Mapping[str, str] = MappingProxyType(
    {"BOOLEAN": "bool", "FLOAT": "real", "DOUBLE": "real", "UUID": "guid", "INTERVAL": "timespan", "TIME": "timespan"}
)
_NESTED = re.compile(r"\]$|^STRUCT|^MAP|^UNION|^VARIANT")

_TIMESPAN = r"^(-?)(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$"


def quote_name(name: str) -> str:
    """Return a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(value: str) -> str:
    """Return a SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def kusto_type(duckdb_type: str) -> str:
    """Return the Kusto type that holds the values of a DuckDB type."""
    name = duckdb_type.upper()
    if _NESTED.search(name) or name in {"JSON", '"NULL"'}:
        return "dynamic"
    if name in _SMALL_INTEGERS:
        return "int"
    if name in _BIG_INTEGERS:
        return "long"
    if name in _TIMES:
        return "datetime"
    if name.startswith("DECIMAL"):
        return "decimal"
    return _PLAIN.get(name, "string")


def cast_to_kusto(column: str, duckdb_type: str, to: str, where: str) -> str | None:
    """Return SQL that gives a stored column as a Kusto type, or None if its values can never be of that type.

    A value that is not of the type is an error that names the column and the value, not a null: a null
    time or port would silently change what a rule finds.

    Args:
        column: SQL of the column.
        duckdb_type: its type in the file.
        to: a Kusto scalar type.
        where: `table.column`, for the error.
    """
    name = duckdb_type.upper()
    if name == "VARCHAR" or name.startswith("ENUM"):
        return _from_text(column if name == "VARCHAR" else f"CAST({column} AS VARCHAR)", to, where)
    if name == "JSON":
        return _from_json(column, to, where)
    if name in {"BLOB", "BIT"}:
        return _from_text(f"CAST({column} AS VARCHAR)", to, where)
    if _NESTED.search(name):
        text = f"to_json({column})"
        return {"dynamic": text, "string": f"coalesce(CAST({text} AS VARCHAR), '')"}.get(to)
    if to == "string":
        return f"coalesce(CAST({column} AS VARCHAR), '')"
    if to == "dynamic":
        return f"to_json({column})"
    if name == '"NULL"':
        return f"CAST({column} AS {HELD_AS[to]})"
    have = kusto_type(name)
    if have == to:
        return _same_type(column, name, to)
    if to in {"int", "long"} and have in {"int", "long", "bool", "real", "decimal"}:
        return _whole(column, have, to, where)
    if to in {"real", "decimal"} and have in {"int", "long", "real", "decimal"}:
        return f"CAST({column} AS {HELD_AS[to]})"
    if to == "bool" and have in {"int", "long"}:
        return f"CAST({column} AS BOOLEAN)"
    return None


def _same_type(column: str, name: str, to: str) -> str:
    if name == "TIMESTAMP WITH TIME ZONE":
        return f"({column} AT TIME ZONE 'UTC')"
    if name == "TIMESTAMPTZ_NS":
        return f"(epoch_ns({column}) // 100 + {EPOCH})"
    if name in {"TIME", "INTERVAL"}:
        return f"(epoch_us({column}) * 10)"
    if name == "TIMESTAMP_NS":
        return f"(epoch_ns({column}) // 100 + {EPOCH})"
    if name.startswith("DECIMAL") or name == HELD_AS[to]:
        return column
    return f"CAST({column} AS {HELD_AS[to]})"


def _whole(column: str, have: str, to: str, where: str) -> str:
    held = HELD_AS[to]
    if have in {"real", "decimal"}:
        # pandas writes integers with gaps as doubles; anything but a whole number is a mistake.
        return (
            f"CASE WHEN {column} IS NULL OR isnan(CAST({column} AS DOUBLE)) THEN NULL WHEN {column} = trunc({column}) "
            f"THEN CAST({column} AS {held}) ELSE {_error(column, to, where)} END"
        )
    return f"CAST({column} AS {held})"


def _from_text(text: str, to: str, where: str) -> str:
    if to == "string":
        return f"coalesce({text}, '')"
    given = f"nullif(trim({text}), '')"
    if to == "dynamic":
        return f"coalesce(TRY_CAST({given} AS JSON), to_json({given}))"
    held = HELD_AS[to]
    parsed = f"TRY_CAST({given} AS {held})"
    if to == "datetime":
        parsed = f"kql_datetime({given})"
    elif to in {"int", "long"}:
        # DuckDB rounds '1.5' to 2; only a whole number is one.
        parsed = f"CASE WHEN regexp_matches({given}, '\\.\\d*[1-9]') THEN NULL ELSE {parsed} END"
    elif to == "timespan":
        parsed = _timespan_from_text(given)
    return f"coalesce({parsed}, CASE WHEN {given} IS NOT NULL THEN {_error(given, to, where)} END)"


def _timespan_from_text(given: str) -> str:
    def part(group: int) -> str:
        return f"coalesce(TRY_CAST(nullif(regexp_extract({given}, '{_TIMESPAN}', {group}), '') AS BIGINT), 0)"

    fraction = f"coalesce(TRY_CAST(rpad(regexp_extract({given}, '{_TIMESPAN}', 6), 7, '0') AS BIGINT), 0)"
    seconds = f"((({part(2)} * 24 + {part(3)}) * 60 + {part(4)}) * 60 + {part(5)})"
    sign = f"CASE WHEN starts_with({given}, '-') THEN -1 ELSE 1 END"
    return f"CASE WHEN regexp_matches({given}, '{_TIMESPAN}') THEN {sign} * ({seconds} * 10000000 + {fraction}) END"


def in_ticks(duckdb_type: str) -> bool:
    """Return whether a datetime column of a file of this type is held in ticks rather than as TIMESTAMP."""
    name = duckdb_type.upper()
    return name in {"VARCHAR", "JSON", "TIMESTAMP_NS", "TIMESTAMPTZ_NS", "BLOB", "BIT"} or name.startswith("ENUM")


def _from_json(column: str, to: str, where: str) -> str:
    if to == "dynamic":
        # Logs carry dynamic values as JSON inside a JSON string too: the bag is what is meant.
        inner = f"({column} ->> '$')"
        return (
            f"CASE WHEN json_type({column}) = 'VARCHAR' AND regexp_matches({inner}, '^\\s*[\\[{{]') "
            f"THEN coalesce(TRY_CAST({inner} AS JSON), {column}) "
            f"WHEN json_type({column}) = 'NULL' THEN NULL ELSE {column} END"
        )
    return _from_text(f"({column} ->> '$')", to, where)


def _error(value: str, to: str, where: str) -> str:
    before, after = quote_text(f"{ERROR_MARK}{where}: '"), quote_text(f"' is not a value of type {to}")
    held = "BIGINT" if to == "datetime" else HELD_AS[to]
    return f"CAST(error({before} || CAST({value} AS VARCHAR) || {after}) AS {held})"


# ------------------------------------------------------------------------------------ results


def outgoing(kind: str, *, is_moment: bool) -> Callable[[Any], Any] | None:
    """Return what makes the Python value of what Arrow gives of a result column; None for as it is."""
    if kind == "datetime":
        return _utc if is_moment else _datetime_of_ticks
    return {"timespan": _timedelta, "dynamic": _parsed, "string": _text, "guid": None}.get(kind)


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.replace(tzinfo=UTC)


_FIRST = datetime(1, 1, 1, tzinfo=UTC)


def _datetime_of_ticks(value: int | None) -> datetime | None:
    # Python has no 100 ns: the seventh digit goes.
    return None if value is None else _FIRST + timedelta(microseconds=value // 10)


def _timedelta(value: int | None) -> timedelta | None:
    return None if value is None else timedelta(microseconds=value // 10 if value >= 0 else -(-value // 10))


def _parsed(value: str | None) -> Any:
    if value is None:
        return None
    try:
        return json.loads(value)
    except ValueError:
        return value


def _text(value: str | None) -> str:
    return "" if value is None else value
