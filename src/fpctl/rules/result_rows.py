"""Rows of a rule's output as people have them: JSON of an API or a portal export, JSON Lines, CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from fpctl.errors import FpctlError, Location
from fpctl.text.source import SourceText
from fpctl.text.visible import plain_cell

Row = Mapping[str, Any]

_DELIMITERS = ",;\t|"

MAX_DIGITS = 4000
"""Of a whole number; no column of a service holds a longer one."""


def read_rows(text: str, path: str) -> list[Row]:
    """Return the rows of a result; a column's name is its key.

    Understood are a list of objects, one object a line (JSON Lines), CSV with a header line (separated
    by `,`, `;`, tab or `|`), and the answers of Log Analytics (`tables`), of advanced hunting
    (`results`) and of Kusto (`Tables`).

    Raises:
        FpctlError: the text is none of these, or holds no row.
    """
    body = text.removeprefix("\ufeff")
    stripped = body.lstrip()
    if not stripped:
        raise FpctlError("the result is empty", Location(path), "give rows as JSON, JSON Lines or CSV")
    rows = _json_rows(body, path) if stripped[0] in "[{" else _csv_rows(body, path)
    if not rows:
        raise FpctlError("the result has no rows", Location(path), "there is nothing to exclude")
    return rows


def _json_rows(text: str, path: str) -> list[Row]:
    try:
        return _rows_of(json.loads(text, parse_int=_whole), path)
    except RecursionError as error:
        raise FpctlError("the JSON is nested too deeply", Location(path)) from error
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data") or text.lstrip()[0] != "{":
            raise _not_json(text, path, error.msg, error.pos) from error
    rows: list[Row] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            try:
                row = json.loads(line, parse_int=_whole)
            except json.JSONDecodeError as error:
                raise _not_json(text, path, error.msg, start + error.pos) from error
            rows.append(_object(row, path))
        start += len(line) + 1
    return rows


def _whole(shown: str) -> int | str:
    """Return a whole number; one of more digits than Python converts stays text."""
    return int(shown) if len(shown) <= MAX_DIGITS else shown


def _not_json(text: str, path: str, message: str, offset: int) -> FpctlError:
    return FpctlError(f"not valid JSON: {message[:1].lower()}{message[1:]}", SourceText(text, path).location(offset))


def _rows_of(data: Any, path: str) -> list[Row]:
    if isinstance(data, list):
        return [_object(row, path) for row in data]
    if isinstance(data, dict):
        for key in ("results", "rows", "value", "Results"):
            if isinstance(data.get(key), list) and not isinstance(next(iter(data[key]), {}), list):
                return [_object(row, path) for row in data[key]]
        for key in ("tables", "Tables"):
            if isinstance(data.get(key), list):
                return [row for table in data[key][:1] for row in _table_rows(table, path)]
        if "columns" in data and "rows" in data:
            return _table_rows(data, path)
        if "runs" in data:
            hint = "give the rows themselves: a result exported from the portal or the API, or a CSV of it"
            raise FpctlError("this is a report of runs, not a rule's output", Location(path), hint)
        return [data]
    raise FpctlError("the JSON holds no rows", Location(path), "give a list of objects, one for each row")


def _table_rows(table: Any, path: str) -> list[Row]:
    """Return the rows of `{"columns": [{"name"}], "rows": [[...]]}`, in either API's spelling."""
    folded = {key.lower(): value for key, value in table.items()} if isinstance(table, dict) else {}
    columns, rows = folded.get("columns"), folded.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise FpctlError("a table of the result lacks `columns` or `rows`", Location(path))
    names = [
        next((str(c[key]) for key in ("name", "ColumnName") if key in c), "") if isinstance(c, dict) else str(c)
        for c in columns
    ]
    return [dict(zip(names, row, strict=False)) if isinstance(row, list) else _object(row, path) for row in rows]


def _object(row: Any, path: str) -> Row:
    if not isinstance(row, dict):
        raise FpctlError(f"a row is {type(row).__name__}, not an object", Location(path), "rows are {column: value}")
    return row


def _csv_rows(text: str, path: str) -> list[Row]:
    header = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    csv.field_size_limit(1 << 24)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter if delimiter in header else ",", strict=True)
    try:
        lines: Sequence[list[str]] = [line for line in reader if line]
    except csv.Error as error:
        raise FpctlError(f"not valid CSV: {error}", Location(path, reader.line_num)) from error
    names = [name.strip() for name in lines[0]]
    if len(set(names)) != len(names) or not all(names):
        raise FpctlError(
            "the first line does not name the columns", Location(path, 1), "CSV begins with a line of column names"
        )
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(names):
            message = f"row {number - 1} has {len(line)} values for {len(names)} columns"
            raise FpctlError(message, Location(path), "quote values that hold the separator")
    return [dict(zip(names, map(plain_cell, line), strict=True)) for line in lines[1:]]
