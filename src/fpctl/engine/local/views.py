"""One table as a DuckDB view over its files: documented columns with their Kusto types, further ones kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from fpctl.engine.interface import EngineError
from fpctl.engine.local.data_folder import TableFiles, delimiter_of
from fpctl.engine.local.types import HELD_AS, cast_to_kusto, in_ticks, kusto_type, quote_name, quote_text

if TYPE_CHECKING:
    import duckdb

_PORTAL_UTC = " [UTC]"
"""The Azure portal ends the names of time columns with this in its CSV exports."""


@dataclass(frozen=True, slots=True)
class TableView:
    """A table ready to be read.

    Attributes:
        name: the table.
        columns: every column with its Kusto type, documented ones first in their documented order.
        held_as: columns that DuckDB has under another name, since it takes `ISP` and `Isp` for one.
        in_ticks: columns of type datetime that are held as 100-ns ticks; the others are TIMESTAMP.
        missing: documented columns that the files do not have; they read as null (or "").
        sql: a SELECT over the files that gives `columns` in order.
        time_column: what a time range applies to, None if the files have no time column.
    """

    name: str
    columns: Mapping[str, str]
    held_as: Mapping[str, str]
    in_ticks: frozenset[str]
    missing: frozenset[str]
    sql: str
    time_column: str | None


def view_of(
    files: TableFiles,
    documented: Mapping[str, str] | None,
    time_column: str | None,
    connection: duckdb.DuckDBPyConnection,
) -> TableView:
    """Return the view of a table, having looked at the heads of its files.

    Args:
        files: the table's files.
        documented: its documented columns with their Kusto types, None for an unknown table.
        time_column: the documented event time, preferred where the files have it.
        connection: used to read the files' columns.

    Raises:
        EngineError: `bad-data`, the files cannot be read or a column cannot be of its documented type.
    """
    if files.rivals:
        names = ", ".join(path.name for path in (*files.paths[:1], *files.rivals[:3]))
        raise EngineError(
            f"table {files.name} is there more than once: {names}",
            code="bad-data",
            hint="keep one file, or one folder whose parts are all of one kind",
        )
    stored = _stored_columns(files, connection)
    by_folded = {_clean(name, files).casefold(): name for name in stored}
    columns: dict[str, str] = {}
    shown: dict[str, str] = {}
    missing: list[str] = []
    ticks: set[str] = set()
    # A column documented in two spellings (XDR's and Log Analytics') is the file's one column twice.
    for name, kind in (documented or {}).items():
        actual = by_folded.get(name.casefold())
        if actual is None:
            missing.append(name)
            shown[name] = "''" if kind == "string" else f"CAST(NULL AS {HELD_AS[kind]})"
        else:
            shown[name] = _cast(files, name, actual, stored[actual].held, kind)
            if kind == "datetime" and in_ticks(stored[actual].held):
                ticks.add(name)
        columns[name] = kind
    documented_names = {name.casefold() for name in columns}
    for folded, actual in by_folded.items():
        if folded in documented_names:
            continue
        name, column = _clean(actual, files), stored[actual]
        kind = "datetime" if name != actual else column.kind
        columns[name] = kind
        shown[name] = _cast(files, name, actual, column.held, kind)
        if kind == "datetime" and in_ticks(column.held):
            ticks.add(name)
    if not columns:
        raise EngineError(
            f"table {files.name} has no columns: {files.paths[0].name} is empty, and no schema describes the table",
            code="bad-data",
            hint="write a line of column names, or describe the table in schema/*.yaml",
        )
    held_as = _held_names(columns)
    select = ",\n  ".join(f"{sql} AS {quote_name(held_as.get(name, name))}" for name, sql in shown.items())
    times = {name for name, kind in columns.items() if kind == "datetime" and name not in missing}
    found = next((name for name in (time_column, "TimeGenerated", "Timestamp") if name in times), None)
    sql = f"SELECT\n  {select}\nFROM {_reader(files, stored)}"
    return TableView(files.name, columns, held_as, frozenset(ticks), frozenset(missing), sql, found)


def _held_names(columns: Mapping[str, str]) -> dict[str, str]:
    first: dict[str, str] = {}
    return {
        name: f"{name}__held{position}"
        for position, name in enumerate(columns)
        if first.setdefault(name.casefold(), name) != name
    }


class _Stored(NamedTuple):
    """A column as its file has it: the DuckDB type it is read as, and the Kusto type of its values if undocumented."""

    held: str
    kind: str


def _cast(files: TableFiles, name: str, actual: str, held: str, kind: str) -> str:
    sql = cast_to_kusto(quote_name(actual), held, kind, f"{files.name}.{name}")
    if sql is None:
        raise EngineError(
            f"{files.name}.{name} is {held} in {files.paths[0].name}, which cannot be read as {kind}",
            code="bad-data",
            hint=f"write the column as {kind}, or describe the table in schema/*.yaml",
        )
    return sql


def _clean(name: str, files: TableFiles) -> str:
    return name.removesuffix(_PORTAL_UTC) if files.format == "csv" else name


def _paths(files: TableFiles) -> str:
    """Return the files as a list in SQL; DuckDB would take `*`, `?` and `[` in a name for a pattern of names."""
    literal = (re.sub(r"[*?\[]", r"[\g<0>]", str(path)) for path in files.paths)
    return "[" + ", ".join(quote_text(path) for path in literal) + "]"


def _reader(files: TableFiles, stored: Mapping[str, _Stored]) -> str:
    """Return the table function that reads the files.

    Text formats are read as text, so that the casts see what the file says and can say which value
    they cannot take; no digit of a long number is lost on the way.
    """
    if not stored:
        return "(SELECT 1 WHERE false)"
    paths = _paths(files)
    if files.format == "parquet":
        return f"read_parquet({paths}, union_by_name=true)"
    if files.format == "csv":
        return f"read_csv({paths}, {_csv_options(files)}, all_varchar=true)"
    fields = ", ".join(f"{quote_text(name)}: 'JSON'" for name in stored)
    return f"read_json({paths}, columns={{{fields}}})"


def _csv_options(files: TableFiles) -> str:
    delimiters = sorted({delimiter_of(path) for path in files.paths if path.stat().st_size})
    if len(delimiters) > 1:
        raise EngineError(
            f"the parts of table {files.name} have different delimiters: {' and '.join(map(repr, delimiters))}",
            code="bad-data",
            hint="write all parts alike",
        )
    # Left to guess, DuckDB would skip rows before one that is longer, and take lines with # for comments.
    return (
        f"header=true, union_by_name=true, delim={quote_text(delimiters[0])}, quote='\"', escape='\"', "
        "skip=0, comment='', null_padding=false, strict_mode=true"
    )


def _stored_columns(files: TableFiles, connection: duckdb.DuckDBPyConnection) -> dict[str, _Stored]:
    paths = _paths(files)
    if files.format == "parquet":
        types = _describe(files, f"read_parquet({paths}, union_by_name=true)", connection)
        return {name: _Stored(held, kusto_type(held)) for name, held in types.items()}
    if all(path.stat().st_size == 0 for path in files.paths):
        return {}
    if files.format == "csv":
        types = _describe(files, f"read_csv({paths}, {_csv_options(files)})", connection)
        return {name: _Stored("VARCHAR", kusto_type(held)) for name, held in types.items()}
    types = _describe(files, f"read_json({paths}, union_by_name=true)", connection)
    return {name: _Stored("JSON", kusto_type(held)) for name, held in types.items()}


def _describe(files: TableFiles, source: str, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    import duckdb as driver

    try:
        return {str(row[0]): str(row[1]) for row in connection.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    except driver.Error as error:
        where = files.paths[0] if len(files.paths) == 1 else files.paths[0].parent
        raise EngineError(
            f"cannot read table {files.name} from {where}: {first_line(str(error))}",
            code="bad-data",
            hint="check that the file is whole and is of the kind its ending says",
        ) from error


def first_line(message: str) -> str:
    """Return what a DuckDB error says in one line, without the word it begins with."""
    line = message.strip().split("\n", 1)[0].strip()
    head, colon, rest = line.partition("Error: ")
    return rest if colon and len(head) < 30 else line
