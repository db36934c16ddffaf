"""The columns that an engine's tables really have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fpctl.engine.interface import Engine

Schemas = dict[str, Mapping[str, str]]


def live_columns(engine: Engine, table: str) -> dict[str, str]:
    """Return a table's own columns: the local engine adds documented ones that its files lack. Raises EngineError."""
    lacking: Callable[[str], frozenset[str]] | None = getattr(engine, "missing_columns", None)
    absent = lacking(table) if lacking is not None else frozenset()
    return {name: kind for name, kind in (engine.columns(table) or {}).items() if name not in absent}


def live_schema(
    engine: Engine, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Schemas, dict[str, str]]:
    """Return an engine's tables with their columns, and its saved functions.

    Log Analytics tells both in one request; the others are asked for each table's columns and tell no functions.

    Args:
        progress: called with (done, total) after each table.

    Raises:
        EngineError: it cannot be asked.
    """
    whole = getattr(engine, "schema", None)
    if whole is not None:
        found = whole()
        return {name: columns for name, columns in found.tables.items() if columns}, dict(found.functions)
    tables: Schemas = {}
    names = engine.tables()
    for done, name in enumerate(names, 1):
        tables[name] = live_columns(engine, name)
        progress(done, len(names))
    return tables, {}
