"""Regular expressions in DuckDB: RE2 for all texts it is exact for, Python's `re` for the few others."""

from __future__ import annotations

import re
from functools import lru_cache

from fpctl.compiler.library import arrow_function
from fpctl.compiler.patterns import BadPattern, translated
from fpctl.compiler.sql import Infix, Sql, Text, func, infix, when
from fpctl.compiler.values.value import Value


@lru_cache(maxsize=256)
def python_pattern(pattern: str) -> re.Pattern[str] | None:
    """Return a pattern for Python, None where it is none."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def usable_in_python(pattern: str) -> bool:
    """Return whether Python reads a pattern as Kusto does: no Unicode classes, no possessive quantifiers."""
    odd = re.search(r"\\[pPCQEzXR]|\[\[:|\(\?[a-zA-Z]*U|[*+?}]\+", pattern)
    if odd:
        return False
    try:
        re.compile(pattern)
    except (re.error, RecursionError):
        return False
    return True


@arrow_function("kql_py_matches", ["string", "string"], "bool")
def _py_matches(text: str, pattern: str) -> bool | None:
    compiled = python_pattern(pattern)
    return None if compiled is None else compiled.search(text) is not None


@arrow_function("kql_matches_any_pattern", ["string", "string"], "bool")
def _matches_any_pattern(text: str, pattern: str) -> bool:
    """A pattern that a row says. One that Python reads otherwise, or not at all, ends the query."""
    compiled = python_pattern(pattern) if usable_in_python(pattern) else None
    if compiled is None:
        raise ValueError(f"the pattern {pattern[:80]!r} cannot be used")
    return compiled.search(text) is not None


def known_pattern(value: Value) -> tuple[str, str, bool]:
    """Return a constant pattern as it is written, for RE2, and whether RE2 is exact only for ASCII.

    Raises:
        BadPattern: it is not known before the query runs, or cannot be used.
    """
    if not isinstance(value.constant, str):
        raise BadPattern("it must be known before the query runs")
    pattern = translated(value.constant)
    if pattern.ascii_only and not usable_in_python(value.constant):
        raise BadPattern("its word boundaries cannot be found in text that is not ASCII")
    return value.constant, pattern.re2, pattern.ascii_only


def by_alphabet(text: Sql, ascii_only: bool, re2: Sql, python: Sql) -> Sql:
    """Return the RE2 expression, or Python's for texts that are not ASCII where it has to be."""
    if not ascii_only:
        return re2
    return when(Infix("=", (func("strlen", text), func("length", text))), re2, python)


def matches(text: Value, pattern: Value) -> Value:
    """Return `text matches regex pattern`, never null.

    Raises:
        BadPattern: the pattern cannot be used.
    """
    if not pattern.is_constant:
        return Value(func("kql_matches_any_pattern", text.sql, pattern.sql), "bool", nullable=False)
    written, re2, ascii_only = known_pattern(pattern)
    test = by_alphabet(
        text.sql,
        ascii_only,
        func("regexp_matches", text.sql, Text(re2)),
        func("kql_py_matches", text.sql, Text(written)),
    )
    return Value(test, "bool", nullable=False)


def all_of(*terms: Sql) -> Sql:
    """Return that all hold."""
    return infix("AND", *terms)
