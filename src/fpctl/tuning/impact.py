"""What an exclusion does to a rule on real events: before and after, day by day, and what it suppresses.

Everything is counted by the engine, through the clause itself. Only result rows are fetched and compared, up to
a number (`row_changes`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from typing import Any

from fpctl.engine.interface import Engine, Timespan
from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.risk.score import Share
from fpctl.execution.field_counts import FieldCounts, field_counts
from fpctl.execution.invariants import HINT, broken_by, is_repeatable
from fpctl.execution.preview import widen
from fpctl.execution.result_changes import RowChanges
from fpctl.fields.registry import FIELDS
from fpctl.rewrite.output.counting import query_at
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.field_columns import field_columns
from fpctl.rewrite.plan.model import PlanWarning, Skip
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule
from fpctl.tuning.row_changes import asked, row_changes, row_counts, united

ENTITIES = ("device", "url", "hash")
SAMPLE = 5
SHOWN = 20
"""How many disappearing entities and rows are listed."""

SAMPLE_FIELDS = ("device", "url", "hash", "process", "parent_process", "command_line", "account")
_DAY, _VALUE, _HIT = "fpctl_day", "fpctl_value", "fpctl_hit"


@dataclass(frozen=True, slots=True)
class Day:
    """One day: events at the clause, how many are suppressed, and result rows of the rule on that day alone."""

    day: date
    events: int
    removed: int
    alerts_before: int | None = None
    alerts_after: int | None = None


@dataclass(frozen=True, slots=True)
class EntityImpact:
    """How many devices, URLs or hashes there are, lose events, and lose all of them; the latter by events lost."""

    total: int
    touched: int
    vanished: int
    shown: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What an exclusion does to one rule.

    Attributes:
        span: the time looked at. `whole` is False where the rule itself looks less far back.
        events: events that reach the clause; `removed` of them are suppressed. None where not known.
        sample: events that are suppressed, the latest first.
        skips, warnings: what the plan says of the exclusion.
        error: why numbers are missing.
        fields: where no event is suppressed, how many each field matches alone.
    """

    rule: Rule
    span: Timespan
    whole: bool
    clauses: tuple[str, ...] = ()
    events: int | None = None
    removed: int | None = None
    days: tuple[Day, ...] = ()
    entities: Mapping[str, EntityImpact] = field(default_factory=dict)
    rows: RowChanges | None = None
    sample: tuple[Mapping[str, Any], ...] = ()
    skips: tuple[Skip, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    error: str | None = None
    fields: FieldCounts | None = None

    def share(self) -> Share | None:
        """Return which part of the devices and of the events the exclusion touches; None where nothing was counted."""
        if self.events is None or self.removed is None:
            return None
        devices = self.entities.get("device")
        return Share(
            devices.touched / devices.total if devices is not None and devices.total else None,
            self.removed / self.events if self.events else None,
        )


def impact(
    exclusion: Exclusion,
    rule: Rule,
    named: bool,
    others: Sequence[tuple[Exclusion, bool]],
    planner: Planner,
    engine: Engine,
    span: Timespan,
    *,
    daily_alerts: bool = True,
) -> Impact:
    """Return what an exclusion does to a rule.

    A rule that looks back less far than the span is run as if it looked so far, where it says its time in
    one way only.

    Args:
        exclusion: taken to be active.
        named: whether it names the rule itself.
        others: exclusions that are in place before and after; their effect is in both.
        planner: plans for the day; windows are written out by it where the engine needs that.
        daily_alerts: also run the rule on each day's events alone.
    """
    try:
        widened, whole = widen(rule, span.end - span.start)
        before = planner.plan(widened, others)
        after = planner.plan(widened, [*others, (exclusion, named)])
    except FpctlError as error:
        return Impact(rule, span, True, error=str(error))
    clauses = [clause for clause in after.clauses if clause.exclusion == exclusion.id]
    found = Impact(
        rule,
        span,
        whole,
        tuple(clause.text for clause in clauses),
        skips=tuple(skip for skip in after.plan.skips if skip.exclusion == exclusion.id),
        warnings=tuple(
            one for one in after.plan.warnings if one.exclusion == exclusion.id or one.code == "trigger-operator"
        ),
    )
    if not clauses:
        return found
    try:
        counted = _counted(found, clauses, before, after, planner, engine, span, daily_alerts)
        if counted.removed == 0:
            return replace(counted, fields=field_counts(exclusion, after, clauses[0], engine, span))
        return counted
    except FpctlError as error:
        return replace(found, error=error.message)


def _counted(
    found: Impact,
    clauses: Sequence[Clause],
    before: TunedRule,
    after: TunedRule,
    planner: Planner,
    engine: Engine,
    span: Timespan,
    daily_alerts: bool,
) -> Impact:
    events = removed = 0
    days: Counter[date] = Counter()
    taken: Counter[date] = Counter()
    grouped: dict[str, list[str]] = {}
    sample: list[Mapping[str, Any]] = []
    for clause in clauses:
        for day, rows, hits in _by_day(clause, before, engine, span):
            events += rows
            removed += hits
            if day is not None:
                days[day] += rows
                taken[day] += hits
        columns = field_columns(planner, clause.placement)
        for name in ENTITIES:
            if name in columns:
                grouped.setdefault(name, []).append(_grouped(clause, before, FIELDS[name].event_value(columns[name])))
        if len(sample) < SAMPLE:
            shown = {name: columns[name].string() for name in SAMPLE_FIELDS if name in columns}
            sample += sample_of(clause, before, shown, engine, span)
    entities = {name: _entity(texts, engine, span) for name, texts in grouped.items()}
    rows_changed: RowChanges | None = None
    alerts: dict[date, tuple[int, int]] = {}
    error: str | None = None
    try:
        rows_changed = row_changes(before, after, engine, span)
        if is_repeatable(after) and (broken := broken_by(rows_changed, after, removed)) is not None:
            error = f"{broken}; {HINT}"
        if daily_alerts and days:
            alerts = _daily_alerts(before, after, engine, span, taken)
    except FpctlError as fault:
        # What is counted at the clause is known even where the engine cannot run the whole rule.
        error = f"the rule's result: {fault.message}"
    return replace(
        found,
        events=events,
        removed=removed,
        days=tuple(Day(day, days[day], taken[day], *alerts.get(day, (None, None))) for day in _all_days(days, span)),
        entities=entities,
        rows=rows_changed,
        sample=tuple(sample[:SAMPLE]),
        error=error,
    )


def _all_days(days: Iterable[date], span: Timespan) -> list[date]:
    found = sorted(days)
    if not found:
        return []
    start = max(found[0], span.start.date())
    return [start + timedelta(days=step) for step in range((found[-1] - start).days + 1)]


def at_gap(clause: Clause, tuned: TunedRule, operators: str) -> str:
    """Return a query of the events at a clause, continued by operators.

    Raises:
        FpctlError: the rows there cannot be queried on their own.
    """
    text = query_at(tuned.query, clause.placement, operators, tuned.edits)
    if text is None:
        raise FpctlError("the rows at the clause cannot be queried on their own")
    return text


def _flagged(clause: Clause) -> str:
    return f"| extend {_HIT} = iff({clause.condition}, 1, 0)\n"


def _by_day(clause: Clause, tuned: TunedRule, engine: Engine, span: Timespan) -> list[tuple[date | None, int, int]]:
    time = clause.placement.resolution.time_column
    by = f" by {_DAY} = bin({time}, 1d)" if time is not None else ""
    counts = f"| summarize fpctl_rows = count(), fpctl_hits = countif({_HIT} == 1){by}"
    (table,) = asked([at_gap(clause, tuned, _flagged(clause) + counts)], engine, span)
    found: list[tuple[date | None, int, int]] = []
    for row in table.dicts():
        moment = row.get(_DAY)
        found.append((moment.date() if isinstance(moment, datetime) else None, row["fpctl_rows"], row["fpctl_hits"]))
    return found


def _grouped(clause: Clause, tuned: TunedRule, value: str) -> str:
    """Return a query of the values of an entity at a clause, each with its rows and hits."""
    return at_gap(
        clause,
        tuned,
        f"{_flagged(clause)}| extend {_VALUE} = {value}\n| where isnotempty({_VALUE})\n"
        f"| summarize fpctl_rows = count(), fpctl_hits = countif({_HIT} == 1) by {_VALUE}",
    )


def _entity(texts: Sequence[str], engine: Engine, span: Timespan) -> EntityImpact:
    """Return what becomes of the values that `_grouped` queries give; a value in several legs is one."""
    text = united(texts)
    if text is None:
        found = [_entity([one], engine, span) for one in texts]
        return reduce(_sum, found)
    if len(texts) > 1:
        text += f"\n| summarize fpctl_rows = sum(fpctl_rows), fpctl_hits = sum(fpctl_hits) by {_VALUE}"
    counts = (
        "\n| summarize fpctl_total = count(), fpctl_touched = countif(fpctl_hits > 0), "
        "fpctl_gone = countif(fpctl_hits == fpctl_rows)"
    )
    most = f"\n| where fpctl_hits == fpctl_rows\n| order by fpctl_hits desc, {_VALUE} asc\n| take {SHOWN}"
    totals, shown = asked([text + counts, text + most], engine, span)
    (total,) = totals.dicts()
    return EntityImpact(
        total["fpctl_total"],
        total["fpctl_touched"],
        total["fpctl_gone"],
        tuple((str(row[_VALUE]), int(row["fpctl_hits"])) for row in shown.dicts()),
    )


def _sum(one: EntityImpact, other: EntityImpact) -> EntityImpact:
    """Return the sum over two legs of a query; a value that is in both counts twice."""
    shown = Counter(dict(one.shown))
    shown.update(dict(other.shown))
    most = sorted(shown.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN]
    return EntityImpact(
        one.total + other.total, one.touched + other.touched, one.vanished + other.vanished, tuple(most)
    )


def sample_of(
    clause: Clause, tuned: TunedRule, shown: Mapping[str, str], engine: Engine, span: Timespan
) -> list[Mapping[str, Any]]:
    """Return a few of the events that a clause suppresses, the latest first: `time` and the fields shown."""
    time = clause.placement.resolution.time_column
    columns = [f"fpctl_{name} = {text}" for name, text in shown.items()]
    if time is not None:
        columns.insert(0, f"fpctl_time = {time}")
    cut = f"| top {SAMPLE} by fpctl_time desc" if time is not None else f"| take {SAMPLE}"
    operators = f"| where {clause.condition}\n| project {', '.join(columns)}\n{cut}"
    if not columns:
        return []
    (table,) = asked([at_gap(clause, tuned, operators)], engine, span)
    return [{name.removeprefix("fpctl_"): value for name, value in row.items()} for row in table.dicts()]


def _daily_alerts(
    before: TunedRule, after: TunedRule, engine: Engine, span: Timespan, taken: Mapping[date, int]
) -> dict[date, tuple[int, int]]:
    found: dict[date, tuple[int, int]] = {}
    for day in _all_days(taken, span):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        slice_ = Timespan(max(start, span.start), min(start + timedelta(days=1), span.end))
        if slice_.start >= slice_.end:
            continue
        # Where nothing is suppressed, both queries say the same.
        counts = row_counts([before, after] if taken.get(day) else [before], engine, slice_)
        found[day] = (counts[0], counts[-1])
    return found
