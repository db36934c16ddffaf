"""Where in a query a service's error is: its message or its details, turned into an offset of the text.

Forms met in public reports: `Query could not be parsed at '|' on line [1,0]` with `Line: 1` and
`Position: 0` below it, the same as members `line` and `pos` of the JSON, `[line:position=2:10]`, and
names only (`Failed to resolve scalar expression named 'X'`). Lines count from 1, positions from 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fpctl.engine.interface import EngineError
from fpctl.text.source import SourceText

_PLACES = (
    re.compile(r"on line \[(\d+),\s*(\d+)\]"),
    re.compile(r"\[line:position=(\d+):(\d+)\]"),
    re.compile(r"Line:\s*(\d+)\s+Position:\s*(\d+)"),
    re.compile(r"(?:could not parse KQL|unsupported KQL construct '[^']*') at (\d+):(\d+)"),  # duckdb-kql
)
_TOKEN = re.compile(r"could not be parsed at '([^']*)'|mismatched input '([^']*)'|Token:\s*(\S+)")
_NAMED = re.compile(
    r"(?:expression|table|column|function|scalar) named '([^']+)'|Unknown function: '([^']+)'"
    r"|Table with name (\S+) does not exist|Referenced column \"([^\"]+)\" not found"
)
_NO_TABLE = re.compile(r"resolve table\b.*named '|Table with name \S+ does not exist|resolve entity '")
_NO_COLUMN = re.compile(r"resolve (?:column or )?scalar expression named '|Referenced column \"|resolve column named '")
_SYNTAX = re.compile(r"\bSYN\d{4}\b|could not be parsed|[Ss]yntax error|recognition error|could not parse KQL")
_TIMED_OUT = re.compile(r"timed? ?out|execution exceeded|E_QUERY_TIMEOUT|INTERRUPT Error", re.IGNORECASE)
_TOO_BIG = re.compile(r"E_LOW_MEMORY|E_RUNAWAY_QUERY|too complex|exceeded the allowed (?:memory|result)", re.IGNORECASE)


def offset_in(text: str, message: str, details: Mapping[str, Any] | None = None) -> int | None:
    """Return the 0-based offset in `text` that an error refers to, or None.

    Args:
        text: the query as the user wrote it.
        message: what the service says.
        details: the innermost error object, which may have `line`, `pos` and `token`.
    """
    source = SourceText(text)
    found = details or {}
    line, position = found.get("line"), found.get("pos")
    if not (isinstance(line, int) and isinstance(position, int)):
        place = next((match for pattern in _PLACES if (match := pattern.search(message))), None)
        if place is None:
            return _offset_of_name(text, message)
        line, position = int(place[1]), int(place[2])
    starts = source.line_starts()
    if not 1 <= line <= len(starts):  # [0,0] stands for "somewhere"
        return _offset_of_name(text, message)
    offset = min(starts[line - 1] + position, len(text))
    token = found.get("token") or _first_group(_TOKEN.search(message))
    if isinstance(token, str) and token and offset and not text.startswith(token, offset):
        # A service that counts positions from 1.
        return offset - 1 if text.startswith(token, offset - 1) else offset
    return offset


def query_error(text: str, message: str, details: Mapping[str, Any] | None = None) -> EngineError:
    """Return the error of a query that a service refused, at its place in the query."""
    offset = offset_in(text, message, details)
    source = SourceText(text)
    code, hint = _kind(message)
    return EngineError(
        message,
        code=code,
        hint=hint,
        offset=offset,
        at=None if offset is None else source.location(offset),
        caret=None if offset is None else source.caret(offset),
    )


def _kind(message: str) -> tuple[str, str | None]:
    if _SYNTAX.search(message):
        return "syntax", None
    if _NO_TABLE.search(message):
        return "unknown-table", "ensure that the data connector of this table is enabled in the workspace"
    if _NO_COLUMN.search(message):
        return "unknown-column", None
    if _TIMED_OUT.search(message):
        return "timeout", "give more time with `timeout`, or a shorter time range"
    if _TOO_BIG.search(message):
        return "too-complex", "a shorter time range, or fewer columns (project), makes the query smaller"
    return "engine", None


def _offset_of_name(text: str, message: str) -> int | None:
    """Return where a name that the message quotes occurs, if it occurs only once."""
    name = _first_group(_NAMED.search(message))
    if not name:
        return None
    found = list(re.finditer(rf"(?<![\w'\"]){re.escape(name)}(?![\w'\"])", text))
    return found[0].start() if len(found) == 1 else None


def _first_group(match: re.Match[str] | None) -> str | None:
    return None if match is None else next((group for group in match.groups() if group), None)
