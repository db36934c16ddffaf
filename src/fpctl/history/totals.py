"""Hits added up: the database counts by exclusion, rule and day, and the rest is folded here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, Select, case, func, null, or_, select
from sqlmodel import col

from fpctl.history.records import DayHits, HitTotals
from fpctl.history.tables import ExclusionVersionRow, HitRow, RuleVersionRow, RunRow


@dataclass(frozen=True, slots=True)
class DayCount:
    """The hits of one exclusion on one UTC day, in all runs or in those of one rule; counts as in `HitTotals`."""

    exclusion: str
    rule: str | None
    rule_name: str | None
    day: date
    runs: int
    known_runs: int
    rows: int | None
    unique: int | None
    first: datetime | None
    last: datetime | None
    last_hit: datetime | None
    last_run: datetime

    @classmethod
    def of(cls, row: Row[Any]) -> DayCount:
        """Return a row of `daily_hits`: SQLite gives a day as text, PostgreSQL a sum as a decimal."""
        exclusion, rule, name, day, runs, known, rows, unique, first, last, last_hit, last_run = tuple(row)
        return cls(
            exclusion,
            rule,
            name,
            date.fromisoformat(day) if isinstance(day, str) else day,
            runs,
            known,
            None if rows is None else int(rows),
            None if unique is None else int(unique),
            first,
            last,
            last_hit,
            last_run,
        )


def narrowed(query: Select[*tuple[Any, ...]], rule: str | None, since: datetime | None) -> Select[*tuple[Any, ...]]:
    """Return a query over runs and rule versions for one rule (id or name) and from one moment on."""
    if rule is not None:
        query = query.where(or_(col(RuleVersionRow.rule_id) == rule, col(RunRow.rule_name) == rule))
    if since is not None:
        query = query.where(col(RunRow.started) >= since)
    return query


def daily_hits(
    rule: str | None, exclusion: str | None, since: datetime | None, *, by_rule: bool
) -> Select[*tuple[Any, ...]]:
    """Select what `DayCount.of` takes."""
    day = func.date(col(RunRow.started))
    owner = col(ExclusionVersionRow.exclusion_id)
    # Rules are told apart only where that is asked: there is a row for each group, and they are many.
    rules = (col(RuleVersionRow.rule_id), col(RunRow.rule_name)) if by_rule else ()
    query = (
        select(
            owner,
            *(rules or (null(), null())),
            day,
            func.count(),
            func.count(col(HitRow.rows)),
            func.sum(col(HitRow.rows)),
            func.sum(col(HitRow.unique_rows)),
            func.min(col(HitRow.first_event)),
            func.max(col(HitRow.last_event)),
            func.max(case((col(HitRow.rows) > 0, col(RunRow.started)))),
            func.max(col(RunRow.started)),
        )
        .select_from(HitRow)
        .join(ExclusionVersionRow, col(ExclusionVersionRow.id) == col(HitRow.exclusion_version_id))
        .join(RunRow, col(RunRow.id) == col(HitRow.run_id))
        .join(RuleVersionRow, col(RuleVersionRow.id) == col(RunRow.rule_version_id))
        .group_by(owner, *rules, day)
    )
    if exclusion is not None:
        query = query.where(col(ExclusionVersionRow.exclusion_id) == exclusion)
    return narrowed(query, rule, since)


def totals(days: Iterable[DayCount]) -> list[HitTotals]:
    """Add up days to totals for each exclusion (and rule, where the days tell it), in that order."""

    def key(count: DayCount) -> tuple[str, str]:
        return count.exclusion, count.rule or ""

    ordered = sorted(days, key=lambda count: (key(count), count.day, count.last_run))
    return [_total(list(group)) for _, group in groupby(ordered, key=key)]


def _total(days: list[DayCount]) -> HitTotals:
    newest = max(days, key=lambda count: count.last_run)
    runs = sum(count.runs for count in days)
    return HitTotals(
        exclusion=newest.exclusion,
        rule=newest.rule,
        rule_name=newest.rule_name,
        runs=runs,
        unknown_runs=runs - sum(count.known_runs for count in days),
        rows=_sum(count.rows for count in days),
        unique=_sum(count.unique for count in days),
        first=min((count.first for count in days if count.first), default=None),
        last=max((count.last for count in days if count.last), default=None),
        last_hit=max((count.last_hit for count in days if count.last_hit), default=None),
        last_run=newest.last_run,
        trend=tuple(
            DayHits(day, sum(count.runs for count in group), _sum(count.rows for count in group))
            for day, group in ((day, list(group)) for day, group in groupby(days, key=lambda count: count.day))
        ),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    """Add up the counts that are known; None where none is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
