"""What DuckDB complains of, said in terms of the user's query."""

from __future__ import annotations

from typing import Any

from fpctl.engine.interface import EngineError
from fpctl.engine.local.types import ERROR_MARK
from fpctl.engine.local.views import first_line
from fpctl.text.source import SourceText

_TOO_DEEP = "an expression is nested too deeply for the local engine"


def at_offset(text: str | None, offset: int | None) -> dict[str, Any]:
    """Return the `at` and `caret` arguments of an error at an offset of a text."""
    if text is None or offset is None:
        return {}
    source = SourceText(text)
    return {"at": source.location(offset), "caret": source.caret(offset)}


def run_error(error: Exception, text: str | None) -> EngineError:
    """Return what DuckDB could not run, as an error of the user's query `text`."""
    import duckdb

    message = str(error)
    start = None if text is None else len(text) - len(text.lstrip())
    place = at_offset(text, start)
    if isinstance(error, RecursionError) or "expression depth" in message:
        return EngineError(_TOO_DEEP, code="too-complex", hint="split the rule into several `let` or `where`")
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in message:
        return EngineError("the query was stopped", code="interrupted")
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in message:
        return EngineError(
            f"the query needs more memory: {first_line(message)}",
            code="memory",
            hint="raise --memory, lower --threads, or give a shorter time range",
        )
    if ERROR_MARK in message:
        detail = first_line(message[message.index(ERROR_MARK) + len(ERROR_MARK) :])
        return EngineError(detail, code="bad-data", hint="correct the file, or the column's type in schema/*.yaml")
    if "regex" in message.lower() or "RE2" in message or "repetition" in message:
        pattern = first_line(message)
        return EngineError(
            f"a regular expression of the query cannot be used: {pattern}",
            code="unsupported", hint=None, offset=start, **place,
        )  # fmt: skip
    if isinstance(error, duckdb.IOException | duckdb.ConversionException | duckdb.InvalidInputException):
        return EngineError(f"the data cannot be read: {first_line(message)}", code="bad-data")
    return EngineError(f"DuckDB cannot run the query: {first_line(message)}", code="engine", offset=start, **place)
