"""A query answered twice, by the interpreter and by the compiler on DuckDB, and what differs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from fpctl.compiler import Refusal, compile_query
from fpctl.compiler.installation import install
from fpctl.compiler.query import CompiledQuery
from fpctl.errors import KqlSyntaxError
from fpctl.kql.binder.environment import NoTables
from fpctl.kql.parser import parse
from reference.interpreter import run
from reference.scope import Table
from reference.values import EPOCH, ReferenceFault, Value, json_text

NOW = datetime(2026, 11, 24, 12, 0, 0)
NOW_TICKS = EPOCH + int((NOW - datetime(1970, 1, 1)).total_seconds()) * 10_000_000


class OwnRows:
    """Data without any table: the queries bring their rows."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def stored(self, name: str) -> None:
        return None

    def watchlist(self, alias: str) -> None:
        return None

    def external(self, address: str, reading: object) -> None:
        return None

    def locates_addresses(self) -> bool:
        return False

    def rows(self, sql: str, lists: Mapping[str, tuple[str, ...]]) -> list[tuple[Any, ...]]:
        """Answer what a plugin asks before the query runs."""
        listed(self._connection, lists)
        found: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        return found


class Answer(NamedTuple):
    """How a query ended: `same`, `refused`, `unknown` to the interpreter, `differs`, `failed`; and what is to say."""

    outcome: str
    text: str


def connected() -> Any:
    """Return a DuckDB connection with what compiled queries call."""
    import duckdb

    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("SET TimeZone='UTC'")
    install(connection)
    return connection


def compiled(connection: Any, text: str) -> CompiledQuery:
    return compile_query(parse(text), NoTables(), OwnRows(connection), NOW)


def listed(connection: Any, lists: Mapping[str, tuple[str, ...]]) -> None:
    """Make the tables of the long lists that a query looks up."""
    for name, values in lists.items():
        connection.execute(f"CREATE OR REPLACE TABLE main.{name} (fpctl_listed VARCHAR)")
        connection.executemany(f"INSERT INTO main.{name} VALUES (?)", [[value] for value in values])


def rows_of(connection: Any, query: CompiledQuery) -> list[tuple[Any, ...]]:
    """Run a compiled query; return its rows as the interpreter holds values."""
    listed(connection, query.lists)
    found = connection.execute(query.sql).fetchall()
    return [tuple(held(v, c.type) for v, c in zip(row, query.columns, strict=True)) for row in found]


def held(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "datetime" and isinstance(value, datetime):
        return EPOCH + round((value - datetime(1970, 1, 1)).total_seconds() * 1e6) * 10
    if kind == "dynamic":
        return json.loads(value)
    return str(value) if isinstance(value, UUID) else value


def answer(connection: Any, text: str) -> Answer:
    """Return how the two readings of a query compare."""
    try:
        expected = run(text, now=NOW_TICKS)
    except ReferenceFault as fault:
        return Answer("unknown", str(fault))
    try:
        query = compiled(connection, text)
    except Refusal as refusal:
        return Answer("refused", f"{refusal.what}: {refusal.message}")
    except KqlSyntaxError as error:
        return Answer("unknown", str(error))
    import duckdb

    try:
        rows = rows_of(connection, query)
    except duckdb.Error as error:
        return Answer("failed", str(error).split("\n")[0])
    return compared(expected, query, rows)


def compared(expected: Table, query: CompiledQuery, rows: list[tuple[Any, ...]]) -> Answer:
    names = [column.name for column in query.columns]
    if names != list(expected.columns):
        return Answer("differs", f"columns {list(expected.columns)}, compiled {names}")
    kinds = [column.type for column in query.columns]
    if kinds != list(expected.columns.values()):
        return Answer("differs", f"types {expected.columns}, compiled {kinds}")
    wanted = [[shape(row[name]) for name in names] for row in expected.rows]
    got = [[shape(Value(kind, value)) for kind, value in zip(kinds, row, strict=True)] for row in rows]
    if len(wanted) != len(got):
        return Answer("differs", f"{len(wanted)} rows, compiled {len(got)}")
    for a, b in zip(sorted(wanted, key=order), sorted(got, key=order), strict=True):
        for name, kind, x, y in zip(names, kinds, a, b, strict=True):
            if not same(x, y):
                return Answer("differs", f"{name}:{kind} {shown(x)}, compiled {shown(y)}")
    return Answer("same", "")


def shape(value: Value) -> Any:
    """Return a value so that equal ones look alike."""
    kind, raw = value
    if kind == "dynamic" and raw is not None:
        return json.loads(json_text(raw))
    if isinstance(raw, Decimal):
        return raw.normalize()
    return raw


def order(row: list[Any]) -> str:
    return json.dumps([rounded(value) for value in row], sort_keys=True, default=str)


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.8g}" if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return value


def same(a: Any, b: Any) -> bool:
    """Whether two values are equal; reals up to the last digits, in which sums of another order differ."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if (
        isinstance(a, int | float)
        and isinstance(b, int | float)
        and not isinstance(a, bool)
        and not isinstance(b, bool)
    ):
        return float(a) == float(b) if isinstance(a, float) or isinstance(b, float) else a == b
    return type(a) is type(b) and bool(a == b)


def shown(value: Any) -> str:
    return repr(value)[:160]
