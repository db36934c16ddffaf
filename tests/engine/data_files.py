"""Writing small data folders for the local engine's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from fpctl.engine.local.engine import LocalEngine
from fpctl.schema.tables import Tables

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def open_engine(folder: Path, tables: Mapping[str, Mapping[str, str]] | None = None, **options: Any) -> LocalEngine:
    """Return an engine at noon of nothing: its `now` is `NOW`, and it knows only the tables given."""
    return LocalEngine(folder, now=NOW, tables=Tables.only(tables) if tables is not None else None, **options)


def write_parquet(path: Path, columns: Mapping[str, Sequence[Any] | pyarrow.Array]) -> Path:
    """Write a Parquet file of columns; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path)
    return path
