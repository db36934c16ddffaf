"""Predicates run by the local engine: the values of expressions, and the rows a clause keeps."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fpctl.engine.interface import Table
from fpctl.engine.local.engine import LocalEngine

TYPES = {"string": pa.string(), "int": pa.int32(), "datetime": pa.timestamp("us")}
NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Engine:
    """An engine with one table `T`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.local: LocalEngine | None = None

    def load(self, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> None:
        """Replace `T`; a row number is added as the column `row`."""
        self.close()
        table = pa.table(
            {
                "row": pa.array(range(len(rows)), pa.int64()),
                **{name: pa.array([row.get(name) for row in rows], TYPES[kind]) for name, kind in columns.items()},
            }
        )
        pq.write_table(table, self.folder / "T.parquet")
        self.local = LocalEngine(self.folder, now=NOW)

    def values(self, expressions: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return each expression's value in each row."""
        listed = ", ".join(f"v{n} = ({text})" for n, text in enumerate(expressions))
        return sorted(self.query(f"T | project row, {listed}").rows)

    def kept(self, clause: str) -> list[int]:
        """Return the numbers of the rows that `| where ...` keeps."""
        return sorted(row[0] for row in self.query(f"T {clause} | project row").rows)

    def query(self, query: str) -> Table:
        """Return what a query over `T` answers."""
        assert self.local is not None
        return self.local.query(query)

    def close(self) -> None:
        """Close the engine of the table that is loaded."""
        if self.local is not None:
            self.local.close()


@contextmanager
def running_engine() -> Iterator[Engine]:
    """An engine in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        yield engine
        engine.close()
