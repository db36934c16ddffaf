"""A data folder: which files make a table.

One Parquet, CSV or JSON Lines file per table, or one folder per table that holds its parts; the
table is named after the file (without its endings) or the folder. Nothing is read here but
directory entries and, for CSV, the first line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from fpctl.engine.interface import EngineError

Format = Literal["parquet", "csv", "json"]

ENDINGS: Mapping[str, Format] = MappingProxyType(
    {
        ".parquet": "parquet",
        ".csv": "csv",
        ".csv.gz": "csv",
        ".tsv": "csv",
        ".tsv.gz": "csv",
        ".json": "json",
        ".json.gz": "json",
        ".jsonl": "json",
        ".jsonl.gz": "json",
        ".ndjson": "json",
        ".ndjson.gz": "json",
    }
)
"""File endings that hold table data, and how they are read."""

_DELIMITERS = ",;\t|"


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table, sorted. `rivals` are further files or folders of the same name, which is an error."""

    name: str
    format: Format
    paths: tuple[Path, ...]
    rivals: tuple[Path, ...] = ()

    @property
    def bytes(self) -> int:
        """The size of all files on disk."""
        return sum(path.stat().st_size for path in self.paths)


def find_tables(folder: Path) -> dict[str, TableFiles]:
    """Return the tables of a data folder by name, sorted.

    Files of other kinds and hidden files are not tables, nor is a folder without data files.

    Raises:
        EngineError: `no-data`, the folder does not exist or cannot be listed.
    """
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError as error:
        raise EngineError(
            f"there is no data folder {folder}",
            code="no-data",
            hint="give --data the folder that holds one Parquet, CSV or JSON Lines file (or folder) per table",
        ) from error
    except OSError as error:
        raise EngineError(f"cannot read the data folder {folder}: {error.strerror or error}", code="no-data") from error
    found: dict[str, TableFiles] = {}
    for entry in entries:
        if entry.name.startswith("."):
            continue
        table = _folder_table(entry) if entry.is_dir() else _file_table(entry)
        if table is None:
            continue
        first = found.get(table.name)
        if first is not None:
            table = TableFiles(first.name, first.format, first.paths, (*first.rivals, entry))
        found[table.name] = table
    return dict(sorted(found.items()))


def ending_of(path: Path) -> str | None:
    """Return the data ending of a file name in lower case (`.csv.gz`), or None."""
    name = path.name.lower()
    matching = [ending for ending in ENDINGS if name.endswith(ending) and len(name) > len(ending)]
    return max(matching, key=len, default=None)


def delimiter_of(path: Path) -> str:
    """Return the delimiter of a CSV file: the one that its first line has most of; a comma where it has none."""
    import gzip

    opener = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opener(path, "rb") as file:
            line = file.readline(1_000_000).decode("utf-8", "replace")
    except OSError as error:
        raise EngineError(f"cannot read {path}: {error.strerror or error}", code="bad-data") from error
    counts = {delimiter: line.count(delimiter) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ","


def _file_table(path: Path) -> TableFiles | None:
    ending = ending_of(path)
    if ending is None:
        return None
    return TableFiles(path.name[: -len(ending)], ENDINGS[ending], (path,))


def _folder_table(folder: Path) -> TableFiles | None:
    parts = [
        path for path in sorted(folder.rglob("*")) if ending_of(path) and _visible(path, folder) and path.is_file()
    ]
    if not parts:
        return None
    formats = {ENDINGS[ending_of(path) or ""] for path in parts}
    if len(formats) > 1:
        first = ENDINGS[ending_of(parts[0]) or ""]
        others = tuple(path for path in parts if ENDINGS[ending_of(path) or ""] != first)
        return TableFiles(folder.name, first, tuple(path for path in parts if path not in others), others)
    return TableFiles(folder.name, formats.pop(), tuple(parts))


def _visible(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)
