"""Result rows for other programs: CSV, JSON Lines or Parquet, written a few thousand at a time."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, Literal, TypeVar, get_args

from fpctl.compiler.values.ticks import timespan_text
from fpctl.engine.interface import Table
from fpctl.errors import FpctlError
from fpctl.rules.model import Rule
from fpctl.text.visible import csv_cell, json_text

T = TypeVar("T")

RowFormat = Literal["csv", "jsonl", "parquet"]
ROW_FORMATS: tuple[str, ...] = get_args(RowFormat)

_AT_ONCE = 8192
_MICROSECOND = timedelta(microseconds=1)


def write_rows(table: Table, format: RowFormat, stream: IO[bytes]) -> None:
    """Write the rows of an answer.

    A null is an empty cell in CSV and null elsewhere. Times are ISO 8601 in UTC, timespans as Kusto writes them
    (`1.02:03:04.5`), dynamic values JSON: nested in JSON Lines, as text in CSV and Parquet. A decimal is text, which
    loses no digit. In CSV, what a spreadsheet would take for a formula has a `'` before it.

    Args:
        stream: may be a pipe; it is not closed.
    """
    writers: Mapping[str, Callable[[Table, IO[bytes]], None]] = {
        "csv": _write_csv,
        "jsonl": _write_jsonl,
        "parquet": _write_parquet,
    }
    writers[format](table, stream)


def file_names(rules: Sequence[Rule], format: RowFormat) -> dict[int, str]:
    """Return by a rule's position the file for its rows: the rule's own path, with the id where a file has several."""
    paths = [PurePosixPath(rule.path) for rule in rules]
    stems = [path.with_suffix("").as_posix() for path in paths]
    names: dict[int, str] = {}
    for at, (rule, stem) in enumerate(zip(rules, stems, strict=True)):
        own = "".join(character if character.isalnum() or character in "-_." else "-" for character in rule.id)
        name = stem if stems.count(stem) == 1 else f"{stem}-{own}"
        names[at] = f"{name}.{format}"
    if len(set(names.values())) != len(names):
        twice = next(name for name in names.values() if list(names.values()).count(name) > 1)
        raise FpctlError(f"two rules would be written to {twice}", None, "give them different ids, or run one of them")
    return names


def _write_csv(table: Table, stream: IO[bytes]) -> None:
    stream.write(_csv_lines([table.names()]))
    for rows in _portions([_csv_value(value) for value in row] for row in table.rows):
        stream.write(_csv_lines(rows))


def _csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _write_jsonl(table: Table, stream: IO[bytes]) -> None:
    names = table.names()
    lines = (dict(zip(names, map(_json_value, row), strict=True)) for row in table.rows)
    for rows in _portions(lines):
        text = "".join(f"{json_text(row, indent=None)}\n" for row in rows)
        stream.write(text.encode("utf-8", "surrogatepass"))


def _write_parquet(table: Table, stream: IO[bytes]) -> None:
    import pyarrow
    from pyarrow import parquet

    kinds = {
        "bool": pyarrow.bool_(),
        "int": pyarrow.int32(),
        "long": pyarrow.int64(),
        "real": pyarrow.float64(),
        "datetime": pyarrow.timestamp("us", "UTC"),
    }
    schema = pyarrow.schema([(column.name, kinds.get(column.type, pyarrow.string())) for column in table.columns])
    converts = [None if column.type in kinds else _text for column in table.columns]
    with parquet.ParquetWriter(stream, schema) as writer:
        for rows in _portions(table.rows):
            columns = [
                pyarrow.array([value if convert is None else convert(value) for value in values], kind.type)
                for values, convert, kind in zip(zip(*rows, strict=True), converts, schema, strict=True)
            ]
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))


def _portions(rows: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(rows)
    while few := list(islice(remaining, _AT_ONCE)):
        yield few


def _csv_value(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    return csv_cell(_text(value)) if value is not None else ""


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime | timedelta | Decimal):
        return _text(value)
    return value


def _text(value: Any) -> str | None:
    """Return a value as text, as in CSV and in text columns of Parquet."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return timespan_text(value // _MICROSECOND * 10)
    if isinstance(value, Decimal):
        return str(value)
    return json_text(_json_value(value), indent=None)
