"""Bare KQL files: the whole file is the query; a leading comment block may name it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from fpctl.rules.formats.registry import LoadedRule, RuleReader
from fpctl.rules.model import read_rule
from fpctl.rules.text.query_text import VerbatimText
from fpctl.text.source import newline_of

_KEYS = {
    "id": "id", "name": "name", "title": "name", "description": "description", "severity": "severity",
    "tactics": "tactics", "techniques": "techniques", "technique": "techniques", "tags": "tags", "version": "version",
}  # fmt: skip
_COMMENT = re.compile(r"[ \t]*//+[ \t]*([^\r\n]*)(?:\r?\n|$)|[ \t]*\r?\n")
_ENTRY = re.compile(r"([A-Za-z]+)[ \t]*:[ \t]+(.+)")
_OPERATORS = (
    "as|consume|count|distinct|evaluate|extend|facet|filter|find|fork|getschema|invoke|join|limit|lookup|make-series|"
    "mv-apply|mv-expand|mvexpand|order|parse|parse-kv|parse-where|partition|project|project-away|project-keep|"
    "project-rename|project-reorder|reduce|render|sample|scan|search|serialize|sort|summarize|take|top|top-hitters|"
    "top-nested|union|where"
)
_QUERY = re.compile(rf"\|\s*(?:{_OPERATORS})\b(?!\s*\|)|^\s*let\s+\w+\s*=|^\s*externaldata\s*\(", re.MULTILINE)


def looks_like_kql(text: str) -> bool:
    """Return whether a text of unknown kind is likely a KQL query: it pipes into an operator, or names a value."""
    return _QUERY.search(text) is not None


def header(text: str) -> dict[str, str]:
    """Return the `// key: value` entries of a query's leading comment lines; the first of a key counts."""
    entries: dict[str, str] = {}
    at = 0
    while at < len(text) and (match := _COMMENT.match(text, at)):
        entry = _ENTRY.match((match.group(1) or "").strip())
        key = _KEYS.get(entry.group(1).lower()) if entry else None
        if entry and key:
            entries.setdefault(key, entry.group(2).strip())
        at = match.end()
    return entries


def read(reader: RuleReader) -> Iterator[LoadedRule]:
    """Yield the one rule of a bare file."""
    start = 1 if reader.text.startswith("\ufeff") else 0
    query = reader.text[start:]
    if "\0" in query:
        hint = "save the file as UTF-8 text"
        reader.error("not-text", "the file contains a NUL character, so it is not text", reader.text.index("\0"), hint)
        return
    path = PurePosixPath(reader.relative)
    if not query.strip():
        reader.error("no-query", "the file is empty", 0, "write the query, or remove the file")
        return
    if path.suffix.lower() == ".txt" and not looks_like_kql(query):
        reader.warn("no-query", "no KQL query found in the text file; it is left out", 0, "name it `.kql` if it is one")
        return
    metadata = header(query)
    rule, _ = read_rule(metadata, query, reader.relative, reader.relative, path.stem, "bare")
    yield LoadedRule(rule, VerbatimText(query, reader.path, reader.text, start, newline_of(query)), 1)
