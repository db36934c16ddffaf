"""Queries compiled and run on DuckDB, their answers as plain Python values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from fpctl.compiler import compile_query
from fpctl.compiler.installation import install
from fpctl.compiler.values.ticks import datetime_text, ticks_from_datetime, timespan_text
from fpctl.kql.binder.environment import NoTables
from fpctl.kql.parser import parse

NOW = datetime(2026, 11, 24, 12, 0, 0)

Run = Callable[[str], list[tuple[Any, ...]]]


class NoData:
    """Data without any table."""

    def stored(self, name: str) -> None:
        return None

    def watchlist(self, alias: str) -> None:
        return None

    def external(self, uri: str, columns: object) -> None:
        return None

    def rows(self, sql: str, lists: object) -> None:
        return None


@pytest.fixture(scope="session")
def connection() -> Iterator[Any]:
    import duckdb

    made = duckdb.connect(":memory:")
    made.execute("SET TimeZone='UTC'")
    install(made)
    yield made
    made.close()


@pytest.fixture
def run(connection: Any) -> Run:
    """Return what runs a query without tables: rows with times as Kusto writes them, dynamic values parsed."""

    def running(text: str) -> list[tuple[Any, ...]]:
        compiled = compile_query(parse(text), NoTables(), NoData(), NOW)
        for name, values in compiled.lists.items():
            connection.execute(f"CREATE OR REPLACE TABLE main.{name} (fpctl_listed VARCHAR)")
            connection.executemany(f"INSERT INTO main.{name} VALUES (?)", [[value] for value in values])
        rows = connection.sql(compiled.sql).fetchall()
        return [
            tuple(plain(value, column.type) for value, column in zip(row, compiled.columns, strict=True))
            for row in rows
        ]

    return running


@pytest.fixture
def value(run: Run) -> Callable[[str], Any]:
    """Return what gives the value of one expression."""

    def of(expression: str) -> Any:
        ((found,),) = run(f"print x = {expression}")
        return found

    return of


def plain(value: Any, kind: str) -> Any:
    """Return a value as tests write it."""
    if value is None:
        return None
    if kind == "datetime":
        return datetime_text(ticks_from_datetime(value) if isinstance(value, datetime) else value)
    if kind == "timespan":
        return timespan_text(value)
    if kind == "dynamic":
        return json.loads(value)
    return str(value) if kind == "guid" else value
