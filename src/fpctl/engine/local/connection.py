"""A DuckDB connection that reads one data folder and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.engine.interface import EngineError
from fpctl.engine.local.data_folder import TableFiles
from fpctl.engine.local.types import quote_text

if TYPE_CHECKING:
    import duckdb


def open_connection(
    data_dir: Path, tables: Iterable[TableFiles], spill: Path, *, threads: int | None, memory: str | None
) -> duckdb.DuckDBPyConnection:
    """Return an in-memory database whose queries can read files of the data folder only, and no network.

    A query is a rule somebody wrote. Symbolic links among the table files may lead elsewhere: somebody
    put them there on purpose.

    Args:
        data_dir: the data folder.
        tables: its tables.
        spill: where DuckDB may write what does not fit into memory.
        threads: DuckDB's threads, None for one per core.
        memory: DuckDB's memory limit (`2GB`), None for its default.

    Raises:
        EngineError: `engine`, a bad limit.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone='UTC'")
        connection.execute(f"SET temp_directory={quote_text(str(spill))}")
        if threads is not None:
            connection.execute(f"SET threads={int(threads)}")
        if memory is not None:
            connection.execute(f"SET memory_limit={quote_text(memory)}")
        connection.execute("SET autoinstall_known_extensions=false")
        folders = sorted({str(data_dir.absolute()), str(data_dir.resolve()), *_linked(data_dir, tables)})
        connection.execute(f"SET allowed_directories=[{', '.join(map(quote_text, folders))}]")
        connection.execute("SET enable_external_access=false")
    except duckdb.Error as error:
        connection.close()
        from fpctl.engine.local.views import first_line

        raise EngineError(
            f"cannot set up DuckDB: {first_line(str(error))}",
            code="engine",
            hint="--threads is a number of at least 1, --memory a size such as 2GB",
        ) from error
    return connection


def _linked(data_dir: Path, tables: Iterable[TableFiles]) -> set[str]:
    """Return the folders that symbolic links among the table files lead to."""
    return {
        str(path.resolve().parent)
        for files in tables
        for path in files.paths
        if path.resolve() != data_dir.resolve() / path.relative_to(data_dir)
    }
