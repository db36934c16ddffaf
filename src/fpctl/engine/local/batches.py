"""An answer's batches as one Arrow table: in memory while it is small, else in a file that is mapped into memory.

A hunting query may give as many rows as it reads. What is in the file takes memory only while it is looked at.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.engine.interface import EngineError

if TYPE_CHECKING:
    import pyarrow

IN_MEMORY = 64 * 1024 * 1024
"""Bytes of an answer that are kept in memory."""


def collected(batches: Iterable[pyarrow.RecordBatch], schema: pyarrow.Schema, folder: Path) -> pyarrow.Table:
    """Return the batches as one table.

    Args:
        batches: read once, one after the other.
        schema: theirs.
        folder: where the file goes; it is removed from there at once where the system lets it.

    Raises:
        EngineError: `engine`, the file cannot be written.
    """
    import pyarrow

    held: list[pyarrow.RecordBatch] = []
    size = 0
    remaining = iter(batches)
    for batch in remaining:
        held.append(batch)
        size += batch.nbytes
        if size > IN_MEMORY:
            return _in_a_file(held, remaining, schema, folder)
    return pyarrow.Table.from_batches(held, schema)


def _in_a_file(
    held: list[pyarrow.RecordBatch], remaining: Iterable[pyarrow.RecordBatch], schema: pyarrow.Schema, folder: Path
) -> pyarrow.Table:
    import pyarrow

    with _told(folder), tempfile.NamedTemporaryFile(dir=folder, suffix=".arrow", delete=False) as made:
        path = Path(made.name)
    try:
        with pyarrow.OSFile(str(path), "wb") as sink:
            writer = pyarrow.ipc.new_stream(sink, schema)
            for batch in held:
                with _told(folder):
                    writer.write_batch(batch)
            held.clear()
            for batch in remaining:
                with _told(folder):
                    writer.write_batch(batch)
            with _told(folder):
                writer.close()
        with _told(folder):
            return pyarrow.ipc.open_stream(pyarrow.memory_map(str(path))).read_all()
    finally:
        # What is mapped stays readable; Windows keeps the file until the engine is closed.
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"cannot keep the result rows in {folder}: {error.strerror or error}",
            code="engine",
            hint="make room there, or name another folder with TMPDIR",
        ) from error
