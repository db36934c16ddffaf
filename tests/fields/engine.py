"""Predicates run on DuckDB through duckdb-kql: the values of expressions, and the rows a clause keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb_kql
import pyarrow as pa

TYPES = {"string": pa.string(), "int": pa.int32(), "datetime": pa.timestamp("us")}


class Engine:
    """A connection with one table `T`."""

    def __init__(self) -> None:
        self.connection = duckdb_kql.connect()

    def load(self, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> None:
        """Replace `T`; a row number is added as the column `row`."""
        table = pa.table(
            {
                "row": pa.array(range(len(rows)), pa.int64()),
                **{name: pa.array([row.get(name) for row in rows], TYPES[kind]) for name, kind in columns.items()},
            }
        )
        self.connection.register("source_rows", table)
        self.connection.sql("create or replace table T as select * from source_rows")

    def values(self, expressions: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return each expression's value in each row."""
        listed = ", ".join(f"v{n} = ({text})" for n, text in enumerate(expressions))
        return self._run(f"T | project row, {listed}")

    def kept(self, clause: str) -> list[int]:
        """Return the numbers of the rows that `| where ...` keeps."""
        return [row[0] for row in self._run(f"T {clause} | project row")]

    def query(self, query: str) -> Any:
        """Return DuckDB's relation of a query over `T`."""
        return self.connection.sql(duckdb_kql.to_sql(query))

    def _run(self, query: str) -> list[tuple[Any, ...]]:
        sql = duckdb_kql.to_sql(query)
        return sorted(self.connection.sql(sql).fetchall())
