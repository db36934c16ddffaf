"""KQL that duckdb-kql lacks, rewritten into KQL that it has.

Works on fpctl's own tree, in rounds, and leaves everything else of the text as it is, so that a place
in the lowered text can be told as a place in the user's. What cannot be said otherwise stays as it is;
duckdb-kql then refuses it by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from fpctl.engine.interface import EngineError
from fpctl.engine.local.transpile import (
    bounds,
    chains,
    functions,
    guards,
    negations,
    operators,
    repeats,
    routines,
    series,
    spellings,
    value_lists,
    watchlists,
)
from fpctl.engine.local.transpile.bounds import Newest
from fpctl.engine.local.transpile.draft import Draft, Edit, LoweredQuery, apply_edits, value_table
from fpctl.engine.local.transpile.plain_lists import plain_lists
from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.binder.environment import Environment

__all__ = ["Edit", "LoweredQuery", "lower", "with_repeats_shared"]

_MOST_ROUNDS = 40
"""Rounds end by themselves; functions that call each other do not."""

_RULES: tuple[Callable[[Draft], Iterable[Edit]], ...] = (
    routines.edits,
    operators.edits,
    series.edits,
    watchlists.edits,
    functions.edits,
    negations.edits,
    chains.edits,
    value_lists.edits,
)


def lower(
    text: str,
    environment: Environment,
    *,
    time_columns: Mapping[str, str] = MappingProxyType({}),
    newest: Newest = bounds.unknown,
) -> LoweredQuery:
    """Return a query in the KQL that duckdb-kql has.

    Args:
        text: the user's query.
        environment: the tables, for what needs to know the columns.
        time_columns: table -> the column that stands for `ingestion_time()`, which files do not have.
        newest: tells how late the events are, see `bounds`.

    Raises:
        EngineError: `syntax`, the text is not KQL.
    """
    from fpctl.kql.parser import parse

    notes: set[str] = set()
    value_tables: dict[tuple[str, ...], str] = {}
    rounds: list[tuple[Edit, ...]] = []
    # Lists first: what follows then reads a short text, however long they are.
    query, moved = _without_lists(text, value_tables)
    if moved:
        rounds.append(moved)
        notes.add("long list")
    first_rules: tuple[Callable[[Draft], Iterable[Edit]], ...] = (
        lambda draft: value_lists.misplaced(draft, _places(moved, value_tables)),
        # What no event reaches goes first: it is most of a text with many ends.
        lambda draft: bounds.edits(draft, newest),
        guards.edits,
        value_lists.edits,
        value_lists.late_edits,
    )
    draft = Draft(query, environment, time_columns, value_tables)
    for first in first_rules:
        changed, kept = apply_edits(query.text, first(draft))
        notes |= draft.notes
        if kept:
            rounds.append(kept)
            query = parse(changed)
            draft = Draft(query, environment, time_columns, value_tables)
    renamed = spellings.clashes(query, environment)
    environment = spellings.renamed_environment(environment, renamed)
    pending = tuple(spellings.edits(query, renamed))
    for _ in range(_MOST_ROUNDS):
        if not pending:
            draft = Draft(query, environment, time_columns, value_tables)
            pending = tuple(edit for rule in _RULES for edit in rule(draft))
            notes |= draft.notes
        if not pending:
            break
        changed, kept = apply_edits(query.text, pending)
        rounds.append(kept)
        try:
            query, pending = parse(changed), ()
        except KqlSyntaxError as error:
            raise EngineError(
                f"the query cannot be made ready for the local engine: {error.message}",
                code="too-complex",
                hint="functions of the query call each other, or nest too deeply",
            ) from error
    tables = {table: values for values, table in value_tables.items() if table in query.text}
    return LoweredQuery(query.text, text, tuple(rounds), tuple(sorted(notes)), renamed, tables)


def with_repeats_shared(lowered: LoweredQuery) -> LoweredQuery:
    """Return a lowered query that computes what several of its look-ups need once; the last step before it runs."""
    from fpctl.kql.parser import parse

    rounds = lowered.rounds
    text = lowered.text
    for _ in range(_MOST_ROUNDS):  # what is shared may share a part
        changed, kept = apply_edits(text, repeats.edits(Draft(parse(text), _NO_TABLES, {}, {})))
        if not kept:
            break
        text, rounds = changed, (*rounds, kept)
    return replace(lowered, text=text, rounds=rounds) if rounds is not lowered.rounds else lowered


class _NoTables:
    def table(self, name: str) -> None:
        return None

    def tables(self) -> Iterable[str]:
        return ()

    def function(self, name: str) -> None:
        return None


_NO_TABLES = _NoTables()


def _without_lists(text: str, value_tables: dict[tuple[str, ...], str]) -> tuple[tree.Query, tuple[Edit, ...]]:
    """Return a query with look-ups in place of the long lists in it, and the edits; the lists are added to the tables.

    Raises:
        EngineError: `syntax`, the text is not KQL.
    """
    from fpctl.kql.parser import parse

    edits: list[Edit] = []
    for found in plain_lists(text, value_lists.SHORTEST):
        table = value_tables.setdefault(found.values, value_table(found.values))
        edits.append(Edit(found.start, found.end, value_lists.look_up(table)))
    if edits:
        changed, kept = apply_edits(text, edits)
        try:
            return parse(changed), kept
        except KqlSyntaxError:
            value_tables.clear()  # the fault is told in the user's own text
    try:
        return parse(text), ()
    except KqlSyntaxError as error:
        raise EngineError(
            error.message, code="syntax", hint=error.hint, offset=error.offset, at=error.at, caret=error.caret
        ) from error


def _places(moved: Sequence[Edit], value_tables: Mapping[tuple[str, ...], str]) -> dict[int, tuple[str, ...]]:
    """Return where each look-up begins in the text with look-ups, and the values that stood there."""
    by_text = {value_lists.look_up(table): values for values, table in value_tables.items()}
    places: dict[int, tuple[str, ...]] = {}
    shift = 0
    for edit in moved:
        places[edit.start + shift] = by_text[edit.text]
        shift += len(edit.text) - (edit.end - edit.start)
    return places
