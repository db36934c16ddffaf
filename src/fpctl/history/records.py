"""What goes into the history and what comes out of it: plain values, no tables.

All times are aware datetimes in UTC. A count that is not known is None and never 0: a run that
failed, or was answered in part, says nothing about how many rows an exclusion suppressed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

from fpctl.history.daily_series import DailySeries, DayHits

RunStatus = Literal["ok", "failed", "partial", "cancelled"]
"""`ok`: everything was answered. Any other status comes with the reason in `error`."""

RUN_STATUSES: tuple[RunStatus, ...] = ("ok", "failed", "partial", "cancelled")


def in_utc(moment: datetime) -> datetime:
    """Return an aware datetime in UTC.

    Raises:
        ValueError: the datetime has no time zone, so nobody knows when it was.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)


def _normalise_times(record: Any) -> None:
    for part in fields(record):
        value = getattr(record, part.name)
        if isinstance(value, datetime):
            object.__setattr__(record, part.name, in_utc(value))


def _check_counts(record: Any, *names: str) -> None:
    for name in names:
        value = getattr(record, name)
        if value is not None and value < 0:
            raise ValueError(f"{name} is {value}; a count is never negative, and None where it is not known")


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A rule as it was at a run: `content_hash` is that of the base query text `query`."""

    id: str
    name: str
    content_hash: str
    query: str


@dataclass(frozen=True, slots=True)
class ExclusionVersion:
    """An exclusion as it was at a run. `document` is its authored text, where the caller has it."""

    id: str
    content_hash: str
    title: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class HitRecord:
    """What one exclusion suppressed in one run.

    Args:
        exclusion: the exclusion, in the version that was in the plan.
        rows: rows it matched at the insertion point; None where that is not known.
        unique: those of them that no other exclusion would have suppressed.
        first: time of the first event among them, where there is one and a time column was visible.
        last: time of the last.
    """

    exclusion: ExclusionVersion
    rows: int | None = None
    unique: int | None = None
    first: datetime | None = None
    last: datetime | None = None

    def __post_init__(self) -> None:
        _normalise_times(self)
        _check_counts(self, "rows", "unique")
        if self.rows is None and not (self.unique is None and self.first is None and self.last is None):
            raise ValueError(f"hits of {self.exclusion.id} are unknown, so nothing about them can be known")
        if self.rows is not None and self.unique is not None and self.unique > self.rows:
            raise ValueError(f"{self.exclusion.id} has {self.unique} unique hits of {self.rows}")


@dataclass(frozen=True, slots=True)
class DriftRecord:
    """Something that a run noticed to be no longer as it was: `kind` is a stable word, `message` says it."""

    exclusion: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One execution of one rule, as it is recorded.

    Args:
        rule: the rule in the version that ran.
        engine: the engine's name.
        status: see `RunStatus`.
        started: when the run began.
        finished: when it ended.
        range_start: start of the range of events that it read (inclusive), if it had one.
        range_end: end of that range (exclusive).
        tuned_hash: hash of the tuned text, None where it came to none.
        rows_before: rows that reached the insertion points; None where not known.
        rows_suppressed: rows that the exclusions suppressed together; None where not known.
        result_rows: rows of the tuned query's result; None where not known.
        error: why the run is not `ok`.
        hits: one entry for each exclusion in the plan, zero hits included.
        drift: what the run noticed to have changed.
        device_kinds: by exclusion, the kinds of devices whose events it suppressed, where it names no devices.
    """

    rule: RuleVersion
    engine: str
    status: RunStatus
    started: datetime
    finished: datetime
    range_start: datetime | None = None
    range_end: datetime | None = None
    tuned_hash: str | None = None
    rows_before: int | None = None
    rows_suppressed: int | None = None
    result_rows: int | None = None
    error: str | None = None
    hits: tuple[HitRecord, ...] = ()
    drift: tuple[DriftRecord, ...] = ()
    device_kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _normalise_times(self)
        _check_counts(self, "rows_before", "rows_suppressed", "result_rows")
        if self.status not in RUN_STATUSES:
            raise ValueError(f"{self.status!r} is not a run status")
        if (self.status == "ok") != (self.error is None):
            raise ValueError(
                f"a run has an error exactly when it is not ok; this one is {self.status!r} with {self.error!r}"
            )
        if self.finished < self.started:
            raise ValueError(f"the run finished at {self.finished}, before it started at {self.started}")
        twice = [name for name, count in Counter(hit.exclusion.id for hit in self.hits).items() if count > 1]
        if twice:
            raise ValueError(f"hits of {', '.join(sorted(twice))} are given more than once")


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A recorded run without its hits: `id` counts up; the rest as in `RunRecord`."""

    id: int
    rule: str
    rule_name: str
    engine: str
    status: RunStatus
    started: datetime
    finished: datetime
    range_start: datetime | None
    range_end: datetime | None
    base_hash: str
    tuned_hash: str | None
    rows_before: int | None
    rows_suppressed: int | None
    result_rows: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class StoredHit:
    """What one exclusion suppressed in one recorded run; None where that is not known."""

    exclusion: str
    exclusion_hash: str
    rows: int | None
    unique: int | None
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True)
class PastHits:
    """What one exclusion suppressed in an earlier run, and the range of events that the run read."""

    exclusion: str
    rows: int
    range_start: datetime | None
    range_end: datetime | None


@dataclass(frozen=True, slots=True)
class StoredDrift:
    """What a recorded run noticed to have changed; the rest as in `DriftRecord`."""

    run: int
    started: datetime
    rule: str
    rule_name: str
    exclusion: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One content that a rule or an exclusion has had: `text` is the query or the authored document."""

    id: str
    content_hash: str
    text: str
    first_seen: datetime


class RuleHits(NamedTuple):
    """What one exclusion suppressed in one rule; `rows` is None where no run knows."""

    exclusion: str
    rule: str
    rows: int | None


@dataclass(frozen=True, slots=True)
class HitTotals:
    """What one exclusion suppressed in all the runs asked for.

    Rows are added over runs: where the ranges of two runs overlap, an event in both counts twice.

    Args:
        exclusion: id of the exclusion.
        rule: id of the rule, where totals by rule were asked for.
        rule_name: its name at its last run.
        runs: runs that had the exclusion in the plan.
        unknown_runs: those of them whose hits are unknown.
        rows: hits of the other runs; None where there are none.
        unique: unique hits of the runs that know them; None where there are none.
        first: first event time among the hits.
        last: last event time among the hits.
        last_hit: start of the last run in which it hit.
        last_run: start of the last run that had it in the plan.
        first_day: UTC day of the first run that had it in the plan.
        trend: by UTC day of the run's start, in order; days without a run are absent.
        trend_from: the day from which `trend` was asked for; None for all days.
    """

    exclusion: str
    rule: str | None = None
    rule_name: str | None = None
    runs: int = 0
    unknown_runs: int = 0
    rows: int | None = None
    unique: int | None = None
    first: datetime | None = None
    last: datetime | None = None
    last_hit: datetime | None = None
    last_run: datetime | None = None
    first_day: date | None = None
    trend: Sequence[DayHits] = ()
    trend_from: date | None = None

    def between(self, first: date, last: date) -> Sequence[DayHits]:
        """Return the days of the trend from `first` to `last`.

        Raises:
            ValueError: the trend was asked for from a later day on.
        """
        if self.trend_from is not None and first < self.trend_from:
            raise ValueError(f"the days before {self.trend_from} were not asked for")
        if isinstance(self.trend, DailySeries):
            return self.trend.between(first, last)
        return [point for point in self.trend if first <= point.day <= last]
