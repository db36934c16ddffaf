"""What duckdb-kql and DuckDB complain of, said in terms of the user's query."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fpctl.engine.interface import EngineError
from fpctl.engine.local.types import ERROR_MARK
from fpctl.engine.local.views import first_line
from fpctl.kql import tree
from fpctl.text.source import SourceText

if TYPE_CHECKING:
    from fpctl.engine.local.transpile import LoweredQuery

UnknownTable = Callable[[str, int | None, str | None], EngineError]

_NO_TABLE = re.compile(r"Table with name (?:main\.)?(.+?) does not exist")
_NO_COLUMN = re.compile(
    r'Referenced column "(.+?)" (?:was )?not found|column "(.+?)" (?:does not exist|not found)'
    r'|Column "(.+?)" referenced that exists in the SELECT clause|Alias with name ""(.+?)"" exists'
    r'|Values list "\w+" does not have a column named "(.+?)"'
)
_TOO_DEEP = "an expression is nested too deeply for the local engine"


def at_offset(text: str | None, offset: int | None) -> dict[str, Any]:
    """Return the `at` and `caret` arguments of an error at an offset of a text."""
    if text is None or offset is None:
        return {}
    source = SourceText(text)
    return {"at": source.location(offset), "caret": source.caret(offset)}


def unsupported(what: str, text: str, offset: int | None, hint: str | None = None) -> EngineError:
    """Return the refusal of an operator or function, at its place in the user's query."""
    return EngineError(
        f"the local engine cannot run {what}",
        code="unsupported",
        offset=offset,
        hint=hint or "run the rule on log-analytics, defender or kusto",
        **at_offset(text, offset),
    )


def translation_error(error: Exception, lowered: LoweredQuery, unknown_table: UnknownTable) -> EngineError:
    """Return what duckdb-kql could not translate, as an error at its place in the user's query."""
    import duckdb_kql

    text = lowered.original.text
    if isinstance(error, RecursionError):
        return EngineError(_TOO_DEEP, code="too-complex", hint="split the rule into several `let` or `where`")
    if isinstance(error, duckdb_kql.KqlSyntaxError):
        offset = None
        if error.diagnostics:
            span = error.diagnostics[0].span
            offset = lowered.offset_of(span.line, span.column)
        detail = error.diagnostics[0].message if error.diagnostics else str(error)
        return unsupported(f"this: its parser says {first_line(detail)}", text, offset)
    if isinstance(error, duckdb_kql.KqlUnsupportedError):
        offset = lowered.offset_of(error.span.line, error.span.column) if error.span else None
        what, found = _construct(error.construct, lowered.original)
        return unsupported(what, text, offset if found is None else found, _short(error.hint))
    if isinstance(error, duckdb_kql.KqlSchemaError):
        if error.hint and error.hint.startswith(("unknown table", "union wildcard")):
            return unknown_table(error.name, _place_of(error.name, lowered.original), text)
        offset = _place_of(error.name, lowered.original)
        return EngineError(
            f"the local engine cannot run {error.name}: {error.hint}",
            code="unsupported",
            offset=offset,
            **at_offset(text, offset),
        )
    return EngineError(f"the query cannot be translated: {error}", code="engine")


def run_error(
    error: Exception, lowered: LoweredQuery | None, columns: Sequence[str], unknown_table: UnknownTable
) -> EngineError:
    """Return what DuckDB could not run, as an error at its place in the user's query."""
    import duckdb

    message = str(error)
    text = lowered.original.text if lowered else None
    if isinstance(error, RecursionError) or "expression depth" in message:
        return EngineError(_TOO_DEEP, code="too-complex", hint="split the rule into several `let` or `where`")
    if isinstance(error, duckdb.InterruptException):
        return EngineError("the query was stopped", code="interrupted")
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            f"the query needs more memory: {first_line(message)}",
            code="memory",
            hint="raise --memory, lower --threads, or give a shorter time range",
        )
    if ERROR_MARK in message:
        detail = first_line(message[message.index(ERROR_MARK) + len(ERROR_MARK) :])
        return EngineError(detail, code="bad-data", hint="correct the file, or the column's type in schema/*.yaml")
    table = _NO_TABLE.search(message)
    if table:
        name = table.group(1)
        return unknown_table(name, _place_of(name, lowered.original) if lowered else None, text)
    column = _NO_COLUMN.search(message)
    if column:
        name = (lowered.restored if lowered else str)(next(filter(None, column.groups())))
        offset = _place_of(name, lowered.original) if lowered else None
        near = difflib.get_close_matches(name, columns, 1, 0.7)
        return EngineError(
            f"there is no column {name}",
            code="unknown-column",
            offset=offset,
            hint=f"did you mean {near[0]}?" if near else None,
            **at_offset(text, offset),
        )
    if isinstance(error, duckdb.IOException | duckdb.ConversionException | duckdb.InvalidInputException):
        return EngineError(f"the data cannot be read: {first_line(message)}", code="bad-data")
    return EngineError(f"DuckDB cannot run the query: {first_line(message)}", code="engine")


def _short(hint: str | None) -> str | None:
    if hint is None or "docs/" in hint or "translate/" in hint:
        return None
    return first_line(hint)


def _construct(construct: str, query: tree.Query) -> tuple[str, int | None]:
    """Return a refused construct in words, and its offset in the user's query where it can be found by name."""
    kind, colon, name = construct.partition(":")
    if colon and kind in {"function", "aggregate", "invoke", "let function"}:
        for node in tree.walk(query):
            if isinstance(node, tree.Call) and node.name.value == name:
                return f"{name}()", node.start
        return f"{name}()", None
    keyword = _keyword(name or kind)
    for node in tree.walk(query):
        if getattr(node, "keyword", None) == keyword:
            return f"the operator {keyword}", node.start
    return construct, None


def _keyword(rule_name: str) -> str:
    """Return the keyword of a grammar rule: `project-reorder` of `ProjectReorderOperator`."""
    stem = re.sub(r"(Operator|Expression|OperatorPart)$", "", rule_name)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", stem).lower()
    return {"external-data": "externaldata", "mvapply": "mv-apply", "mvexpand": "mv-expand"}.get(words, words)


def _place_of(name: str, query: tree.Query) -> int | None:
    for node in tree.walk(query):
        if isinstance(node, tree.Name) and node.value == name:
            return node.start
    return None
