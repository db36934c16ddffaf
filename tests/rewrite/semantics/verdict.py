"""What a clause does to the result of a query, judged by three runs: base, tuned, and base without the named events.

What is compared are the rows less the numbers that an aggregate computes: these change with every event removed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from fpctl.engine.interface import EngineError
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.plan.verify import VerificationError, verify
from rewrite.semantics.estate import SCHEMA, WITHOUT, Estate

Rows = Counter[tuple[Any, ...]]

INCOMPLETE = frozenset(
    {"partial-union", "partial-fields", "mixed-sources", "untested-values", "partial-match", "joined-event"}
)
"""Warnings that some named events are left."""
OTHERS = frozenset({"mixed-sources", "picked-event"})
"""Warnings that events go that are not named."""


class NotRunError(Exception):
    """A query that the local engine does not run."""


class Verdict(NamedTuple):
    """What became of a query. `faults` name what the plan did not warn of, each with the rows that show it."""

    outcome: str
    faults: dict[str, Rows]
    tuned: str = ""


def judge(text: str, estate: Estate, placement: str = "auto") -> Verdict:
    """Return what the exclusion of a data set does to a query over it.

    Raises:
        NotRunError: the local engine does not run the query.
    """
    tuned = estate.plan(text, placement)
    try:
        verify(tuned)
    except VerificationError as error:
        return Verdict("not verified", {f"the tuned query is not verified: {error.message}": Counter("?")}, tuned.tuned)
    if not tuned.clauses:
        return Verdict(f"not placed: {', '.join(sorted({skip.reason for skip in tuned.plan.skips}))}", {})
    try:
        base, without = estate.run(text), estate.run_without(text)
        unnamed = _unnamed(text, tuned, estate, without)
    except Exception as error:
        # What it cannot run it refuses, or its translator fails on: that is another test's subject.
        raise NotRunError(f"{type(error).__name__}: {error}") from error
    codes = {warning.code for warning in tuned.plan.warnings}
    try:
        after, nothing_named = estate.run(tuned.tuned), estate.run_without(tuned.tuned)
    except EngineError as error:
        return Verdict("does not run", {f"the tuned query does not run: {error.message}": Counter("?")}, tuned.tuned)
    runs = _Runs(base, after, without, nothing_named, unnamed)
    faults = {name: rows for name, rows in _faults(tuned, codes, runs) if rows}
    return Verdict("warned" if codes else "exact", faults, tuned.tuned)


class _Runs(NamedTuple):
    """The rows of the base query and of the tuned one, and of both without any named event.

    `unnamed` are those of the base query without the named events that can stand in a row of its result, but with
    those that it only looks values up in.
    """

    base: Rows
    after: Rows
    base_without: Rows
    after_without: Rows
    unnamed: Rows


def _faults(tuned: TunedRule, codes: set[str], runs: _Runs) -> Iterator[tuple[str, Rows]]:
    yield "without a named event the clause takes rows out", runs.base_without - runs.after_without
    yield "without a named event the clause adds rows", runs.after_without - runs.base_without
    if "effect" in codes:
        return
    base, after, _, _, unnamed = (comparable(tuned, rows) for rows in runs)
    yield "rows appear", after - base
    # Behind a count, what is left was counted with the named events.
    counted = any(clause.placement.point.scope.rowwise is False for clause in tuned.clauses)
    if not codes & INCOMPLETE and not counted and not _READ_AGAIN.search(tuned.base):
        yield "named events are left", (after & base) - unnamed
    if not codes & OTHERS:
        yield "other events are gone", (base & unnamed) - after
        if counted and _PICKS.search(tuned.base):
            # A group whose event was picked has others that stand for it.
            yield "other events of a group are gone", unnamed - after


_PICKS = re.compile(r"\b(arg_max|arg_min|take_any|any)\(")
_READ_AGAIN = re.compile(r"\b(again|runs)\b")
"""The name of rows that stand in a result and are looked up or counted, too: there they may stay."""


def _unnamed(text: str, tuned: TunedRule, estate: Estate, without: Rows) -> Rows:
    """Return the rows of a query that reads the tables of its result, and those with a clause, without named events.

    Where no table of the result can hold one, these are what other rows are compared with: all of them count then.
    """
    tables = {
        table
        for statement in tuned.query.results()
        for point in tuned.analysis.columns_of(statement.pipeline).points
        for tables in point.scope.branches.values()
        for table in tables
    }
    if "Source" in text or not any(estate.has_fields(table) for table in tables):
        return without
    for clause in tuned.clauses:
        for column in clause.placement.point.scope.columns.values():
            tables.update(origin.table for origin in column.origins)
    for table in sorted(tables & SCHEMA.keys()):
        text = re.sub(rf"\b{table}\b", table + WITHOUT, text)
    return estate.run(text)


def comparable(tuned: TunedRule, rows: Rows) -> Rows:
    """Return rows without the columns that an aggregate computes (`n_...`), each once if there are any."""
    (result,) = tuned.query.results()
    names = list(tuned.analysis.columns_of(result.pipeline).points[-1].scope.columns)
    kept = [index for index, name in enumerate(names) if not name.startswith("n_")]
    if len(kept) == len(names):
        return rows
    return Counter({tuple(row[index] for index in kept): 1 for row in rows})
