"""CSV as other programs write it: read with line numbers, written so that no spreadsheet runs what is in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fpctl.errors import FpctlError, Location

MAX_CELL = 1 << 24
"""Characters of one cell; Python's own limit, 128 KiB, is less than a long list of values."""

# A spreadsheet takes a cell that begins so for a formula, and some formulas run programs.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


class CsvTable(NamedTuple):
    """A header, and rows with the line at which each begins; a row is as long as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_table(text: str, path: str) -> CsvTable:
    """Return a CSV text with a header; separated by `,`, `;` or tabs, as its header is.

    Raises:
        FpctlError: there is no header, a name occurs in it twice, a row has more cells than it, or the
            text is not CSV.
    """
    text = text.removeprefix("\ufeff")
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: tuple[str, ...] = ()
    rows: list[tuple[int, tuple[str, ...]]] = []
    line = 1
    try:
        for cells in reader:
            at, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = tuple(cell.strip() for cell in cells)
                _check_header(header, Location(path, at))
                continue
            if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
                message = f"the row has {len(cells)} cells and the header {len(header)}"
                raise FpctlError(message, Location(path, at), "put quotes around a cell that holds the separator")
            filled = [*cells, *[""] * len(header)][: len(header)]
            rows.append((at, tuple(_unguarded(cell) for cell in filled)))
    except csv.Error as error:
        raise FpctlError(f"not valid CSV: {error}", Location(path, line)) from error
    if not header:
        raise FpctlError("the file is empty", Location(path), "its first line names the columns")
    return CsvTable(header, tuple(rows))


def _check_header(header: Sequence[str], at: Location) -> None:
    seen: set[str] = set()
    for name in header:
        if name and name.casefold() in seen:
            raise FpctlError(f"the column `{name}` is there twice", at, "rename or remove one of them")
        seen.add(name.casefold())


def write_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return CSV (RFC 4180). A cell that a spreadsheet would take for a formula gets a `'` in front."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([[_guarded(cell) for cell in row] for row in rows])
    return text.getvalue()


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
