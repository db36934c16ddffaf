"""The data behind the loopback servers: DuckDB tables, queried in KQL through duckdb-kql."""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import duckdb
import duckdb_kql
from duckdb_kql.types import kusto_type

TIME_COLUMNS = ("Timestamp", "TimeGenerated")


class Result(NamedTuple):
    """Column names with Kusto types, and rows of DuckDB's Python values."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]


class Refusal(Exception):
    """A query that the service would refuse, in Microsoft's words. Lines count from 1, positions from 0."""

    def __init__(
        self, code: str, message: str, line: int | None = None, pos: int | None = None, token: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.pos = pos
        self.token = token


class Store:
    """An in-memory database.

    Args:
        statements: SQL that makes the tables.
    """

    def __init__(self, *statements: str) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self._lock = threading.Lock()
        for statement in statements:
            self.connection.execute(statement)

    def tables(self) -> dict[str, dict[str, str]]:
        """Return the tables with their columns' Kusto types."""
        found: dict[str, dict[str, str]] = {}
        with self._lock:
            rows = self.connection.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns() "
                "WHERE NOT internal AND schema_name = 'main' ORDER BY table_name, column_index"
            ).fetchall()
        for table, column, kind in rows:
            found.setdefault(table, {})[column] = kusto_type(kind)
        return found

    def run(self, text: str, start: datetime | None = None, end: datetime | None = None) -> Result:
        """Return what a query gives, each table cut to [start, end) where a range is asked for."""
        tables = self.tables() if start is not None or end is not None else {}
        with self._lock:
            cursor = self.connection.cursor()
            try:
                for table, columns in tables.items():
                    time_column = next((name for name in TIME_COLUMNS if name in columns), None)
                    if time_column is not None:
                        bounds = [f"\"{time_column}\" >= TIMESTAMP '{_naive(start)}'"] if start else []
                        bounds += [f"\"{time_column}\" < TIMESTAMP '{_naive(end)}'"] if end else []
                        cursor.execute(
                            f'CREATE TEMP VIEW "{table}" AS SELECT * FROM memory.main."{table}" '
                            f"WHERE {' AND '.join(bounds)}"
                        )
                return _query(cursor, text)
            finally:
                cursor.close()

    def close(self) -> None:
        with self._lock:
            self.connection.close()


def _query(cursor: duckdb.DuckDBPyConnection, text: str) -> Result:
    try:
        relation = duckdb_kql.kql(cursor, text)
        columns = [(name, kusto_type(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
        return Result(columns, relation.fetchall())
    except duckdb_kql.KqlSyntaxError as error:
        span = error.diagnostics[0].span
        line = text.split("\n")[span.line - 1]
        token = (re.match(r"\w+|.", line[span.column :]) or re.match("", ""))[0] or "<EOF>"  # type: ignore[index]
        message = f"Query could not be parsed at '{token}' on line [{span.line},{span.column}]"
        raise Refusal("SYN0002", message, span.line, span.column, token) from None
    except duckdb.CatalogException as error:
        name = re.search(r"Table with name (\S+) does not exist", str(error))
        message = f"'where' operator: Failed to resolve table or column expression named '{name[1] if name else ''}'"
        raise Refusal("SEM0100", message) from None
    except duckdb.BinderException as error:
        name = re.search(r'column "([^"]+)"', str(error))
        message = f"'where' operator: Failed to resolve scalar expression named '{name[1] if name else ''}'"
        raise Refusal("SEM0100", message) from None
    except (duckdb_kql.KqlError, duckdb.Error) as error:
        raise Refusal("SEM0001", str(error).split("\n", 1)[0]) from None


def _naive(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


# ---------------------------------------------------------------------------- what values look like in JSON


def moment_text(value: date) -> str:
    """Return a time as the services write it: seven digits. DuckDB has six, so the seventh is made up."""
    if not isinstance(value, datetime):
        return f"{value.isoformat()}T00:00:00Z"
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    text = value.isoformat(timespec="seconds")
    return f"{text}.{value.microsecond:06}7Z" if value.microsecond else f"{text}Z"


def timespan_text(value: timedelta) -> str:
    """Return a duration as `[-][d.]hh:mm:ss[.fffffff]`."""
    sign = "-" if value < timedelta() else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06}0" if value.microseconds else ""
    return f"{sign}{days}{hours:02}:{minutes:02}:{seconds:02}{fraction}"


def range_of(timespan: str | None) -> tuple[datetime | None, datetime | None]:
    """Return the bounds of an ISO 8601 interval `start/end`; (None, None) for none."""
    if not timespan:
        return None, None
    start, _, end = timespan.partition("/")
    return datetime.fromisoformat(start), datetime.fromisoformat(end)
