"""One run of one rule: the tuned query, the counting queries, and what they say.

Nothing here turns "not known" into zero: a failed or partial answer leaves the counts None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Literal

from fpctl.engine.interface import Engine, EngineError, Table, Timespan
from fpctl.errors import Location
from fpctl.execution.connectors import ConnectorStatus
from fpctl.execution.drift import Drift
from fpctl.execution.invariants import HINT as INVARIANT_HINT
from fpctl.execution.invariants import broken_invariant
from fpctl.execution.rule_error import LocatedError, located_error
from fpctl.rewrite.output.counting import CountingError, CountingQuery, PointCount
from fpctl.rewrite.plan.tagging import TAG, Tagging, ids_in, tagging
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule

RunStatus = Literal["ok", "failed", "partial"]


@dataclass(frozen=True, slots=True)
class ExclusionHits:
    """What one exclusion suppressed in a run, or in shadow would have; every number is None where it is not known."""

    exclusion: str
    rows: int | None
    unique: int | None
    first: datetime | None = None
    last: datetime | None = None
    tagged: int | None = None
    """Of an exclusion in shadow: the rows of the result with its tag."""
    untagged: str | None = None
    """Why the result has no tags of it."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """One run of one rule.

    Attributes:
        rows_before: rows that reached the clauses; None when not known.
        rows_suppressed: those of them that were suppressed.
        result: the tuned query's rows; None when it failed.
        base_rows: result rows of the base query, where it was run too.
        error: why the run is not `ok`; where the query is at fault, with its line and column in the base query.
        offset: 0-based, of that place in the base query; None where there is none.
        at: the same place in the rule's file, where a `Session` knows the file.
        caret: the line of the query with a caret under the place.
        shadow: what exclusions that are only counted would have suppressed; None where it is not known.
        notes: things to say that are not errors: an empty table, counts that cannot be had.
        drift: what is no longer as it was at the approval and in earlier runs, where `Watch` looked.
        device_kinds: by exclusion, the kinds of devices that `Watch` found among what it suppressed.
    """

    rule: Rule
    tuned: TunedRule
    engine: str
    status: RunStatus
    rows_before: int | None = None
    rows_suppressed: int | None = None
    result: Table | None = None
    base_rows: int | None = None
    hits: tuple[ExclusionHits, ...] = ()
    error: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = field(default=())
    shadow: tuple[ExclusionHits, ...] = ()
    drift: tuple[Drift, ...] = ()
    device_kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    offset: int | None = None
    at: Location | None = None
    caret: str | None = None
    connectors: tuple[ConnectorStatus, ...] = ()
    """The data connectors that the rule requires, where the engine is a service."""
    span: Timespan | None = None
    """The range of events that the engine was asked for; None for all."""
    scanned_rows: int | None = None
    """Rows that the service read for all queries of the run, as far as it says."""


def scanned_rows(statistics: Mapping[str, Any]) -> int | None:
    """Return how many rows a service read for a query, None where its statistics do not tell.

    Kusto's query resource consumption (https://learn.microsoft.com/kusto/api/rest/query-resource-consumption), which
    Log Analytics hands on below `query`.
    """
    found: Any = statistics.get("query", statistics)
    for names in (("inputDatasetStatistics", "input_dataset_statistics"), ("rows",), ("scanned",)):
        if not isinstance(found, Mapping):
            return None
        found = next((found[name] for name in names if name in found), None)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def run_rule(
    rule: Rule, tuned: TunedRule, engine: Engine, timespan: Timespan | None = None, *, with_base: bool = False
) -> RunResult:
    """Run a tuned rule and count what its exclusions suppressed.

    Args:
        timespan: applied by the engine in addition to the query's own time filter.
        with_base: also run the base query, to tell its result rows.
    """
    counting = tuned.counting_queries()
    shadows = tuned.shadow_queries()
    tags = tagging(tuned)
    texts = [tags.text or tuned.tuned, *(q.text for q in counting if q.text is not None)]
    shadow_texts = [query.text for query, _ in shadows if query.text is not None]
    texts += shadow_texts
    if with_base and tuned.edits:
        texts.append(tuned.base)
    answers = engine.query_many(texts, timespan)
    main = answers[0]
    read = [scanned_rows(answer.statistics) for answer in answers if isinstance(answer, Table)]
    known = [rows for rows in read if rows is not None]
    base = answers.pop() if with_base and tuned.edits else (main if with_base else None)
    notes: tuple[str, ...] = ()
    if isinstance(main, EngineError) and tags.text is not None:
        # The tags are for reading; a run does not fail by them.
        tags, notes = Tagging(), (f"the result rows are not tagged with {TAG}: {main.message}",)
        (main,) = engine.query_many([tuned.tuned], timespan)
    result_of = partial(RunResult, rule, tuned, engine.name, scanned_rows=sum(known) if known else None)
    unknown = unknown_hits(tuned)
    if isinstance(main, EngineError):
        located = located_error(main, tuned.tuned, tuned)
        return result_of("failed", hits=unknown, error=located.message, hint=main.hint, offset=located.offset)
    shadow = _with_tags(_shadow(shadows, answers[len(answers) - len(shadow_texts) :]), tags, main)
    counts, problem = _counts(tuned, counting, answers[1 : len(answers) - len(shadow_texts)])
    base_rows = len(base.rows) if isinstance(base, Table) and base.partial is None else None
    if main.partial is not None:
        error = f"the service returned a partial answer, which proves nothing: {main.partial}"
        hint = "narrow the time range with --since and run again"
        return result_of("partial", result=main, hits=unknown, error=error, hint=hint)
    if counts is None:
        error = f"hits unknown: {problem.message}"
        return result_of(
            "partial", result=main, base_rows=base_rows, hits=unknown, error=error, shadow=shadow, offset=problem.offset
        )
    before, suppressed = _totals(counting, counts)
    broken = broken_invariant(tuned, base, main, suppressed) if isinstance(base, Table) else None
    if broken is not None:
        return result_of("failed", base_rows=base_rows, hits=unknown, error=broken, hint=INVARIANT_HINT)
    hits = _merged(tuned, counts)
    notes += tuple(_count_notes(counting))
    return result_of("ok", before, suppressed, main, base_rows, hits, notes=notes, shadow=shadow)


def _count_notes(counting: Sequence[CountingQuery]) -> Iterator[str]:
    """Yield where hits are unknown, and where an event may count several times."""
    yield from (f"hits unknown in {query.pipeline}: {query.unknown}" for query in counting if query.text is None)
    for query in counting:
        if query.repeats is not None:
            more = " and others" if len(query.exclusions) > 3 else ""
            yield f"hits of {', '.join(query.exclusions[:3])}{more} may count an event several times: {query.repeats}"


def _shadow(
    shadows: Sequence[tuple[CountingQuery, frozenset[str]]], answers: Sequence[Table | EngineError]
) -> tuple[ExclusionHits, ...]:
    """Return what shadow exclusions would have suppressed; that it is not known fails no run."""
    found: dict[str, ExclusionHits] = {}
    remaining = iter(answers)
    for query, ids in shadows:
        answer = next(remaining) if query.text is not None else None
        known = isinstance(answer, Table) and answer.partial is None
        count: PointCount | None = None
        if known and isinstance(answer, Table):
            with suppress(CountingError):
                count = query.read(answer.names(), answer.rows)
        hits = {hit.exclusion: hit for hit in count.hits} if count is not None else {}
        for id in sorted(ids):
            hit, old = hits.get(id), found.get(id)
            if hit is None or (old is not None and (old.rows is None or old.unique is None)):
                found[id] = ExclusionHits(id, None, None)
            elif old is None or old.rows is None or old.unique is None:
                found[id] = ExclusionHits(id, hit.rows, hit.unique, hit.first, hit.last)
            else:
                found[id] = ExclusionHits(
                    id,
                    old.rows + hit.rows,
                    old.unique + hit.unique,
                    min((t for t in (old.first, hit.first) if t is not None), default=None),
                    max((t for t in (old.last, hit.last) if t is not None), default=None),
                )
    return tuple(found[id] for id in sorted(found))


def _with_tags(hits: Sequence[ExclusionHits], tags: Tagging, result: Table) -> tuple[ExclusionHits, ...]:
    """Return the hits of exclusions in shadow with how many result rows have their tags."""
    counts: Counter[str] = Counter()
    if tags.text is not None:
        at = result.names().index(TAG)
        counts.update(id for row in result.rows for id in ids_in(row[at]))
    whole = result.partial is None
    return tuple(
        replace(
            hit,
            tagged=counts[hit.exclusion] if hit.exclusion in tags.tagged and whole else None,
            untagged=tags.untagged.get(hit.exclusion),
        )
        for hit in hits
    )


def unknown_hits(tuned: TunedRule) -> tuple[ExclusionHits, ...]:
    """Return what a run that could not count knows of each exclusion with a clause: nothing."""
    return tuple(ExclusionHits(i, None, None) for i in sorted({c.exclusion for c in tuned.clauses}))


def _counts(
    tuned: TunedRule, counting: Sequence[CountingQuery], answers: Sequence[Table | EngineError]
) -> tuple[list[PointCount | None] | None, LocatedError]:
    """Return the count of each insertion point (None where it cannot be had), or None and why if a query failed."""
    counts: list[PointCount | None] = []
    remaining = iter(answers)
    for query in counting:
        if query.text is None:
            counts.append(None)
            continue
        answer = next(remaining)
        if isinstance(answer, EngineError):
            fault = located_error(answer, query.text, tuned)
            return None, replace(fault, message=f"the counting query failed: {fault.message}")
        if answer.partial is not None:
            return None, LocatedError(f"the counting query returned a partial answer: {answer.partial}", None)
        try:
            counts.append(query.read(answer.names(), answer.rows))
        except CountingError as error:
            return None, LocatedError(error.message, None)
    return counts, LocatedError("", None)


def _totals(counting: Sequence[CountingQuery], counts: Sequence[PointCount | None]) -> tuple[int | None, int | None]:
    """Add the insertion points up without counting a row twice.

    The points of one pipeline follow one another: the rows before its last point have already lost what the
    earlier ones suppressed. The points of different pipelines see different rows.
    """
    if not counts:
        return None, None
    if any(count is None for count in counts):
        return None, None
    before = suppressed = 0
    last: dict[str, int] = {query.pipeline: index for index, query in enumerate(counting)}
    for index, (query, count) in enumerate(zip(counting, counts, strict=True)):
        assert count is not None
        suppressed += count.suppressed
        before += count.rows_before if last[query.pipeline] == index else count.suppressed
    return before, suppressed


def _merged(tuned: TunedRule, counts: Sequence[PointCount | None]) -> tuple[ExclusionHits, ...]:
    """Return one line per exclusion, its insertion points added up; unknown as soon as one of them is."""
    found: dict[str, ExclusionHits] = {}
    for count in counts:
        for hit in count.hits if count is not None else ():
            old = found.get(hit.exclusion)
            if old is None or old.rows is None or old.unique is None:
                found[hit.exclusion] = ExclusionHits(hit.exclusion, hit.rows, hit.unique, hit.first, hit.last)
                continue
            found[hit.exclusion] = ExclusionHits(
                hit.exclusion,
                old.rows + hit.rows,
                old.unique + hit.unique,
                min((t for t in (old.first, hit.first) if t is not None), default=None),
                max((t for t in (old.last, hit.last) if t is not None), default=None),
            )
    known = {c.exclusion for c in tuned.clauses}
    if any(count is None for count in counts):
        # One insertion point of the rule cannot be counted: which exclusions are there is not kept apart.
        return tuple(ExclusionHits(i, None, None) for i in sorted(known))
    return tuple(found[i] for i in sorted(found))
