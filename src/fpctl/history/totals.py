"""Hits added up, from what is kept by day; the hits of single runs are asked only for a part of a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Date, Row, Select, Text, case, cast, func, literal, null, or_, select, text
from sqlmodel import col

from fpctl.history.daily_series import DailySeries, DayHits
from fpctl.history.records import HitTotals, RuleHits
from fpctl.history.tables import (
    ExclusionDayRow,
    ExclusionVersionRow,
    HitDayRow,
    HitHorizonRow,
    HitRow,
    RuleVersionRow,
    RunRow,
)

Query = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Group:
    """What one group of rows adds up to; `points` is the text of a `DailySeries`."""

    exclusion: str
    rule: str | None
    rule_name: str | None
    runs: int
    known_runs: int
    rows: int | None
    unique: int | None
    first: datetime | None
    last: datetime | None
    last_hit: datetime | None
    last_run: datetime
    first_day: date
    points: str

    @classmethod
    def of(cls, row: Row[Any]) -> _Group:
        """Return a selected row: PostgreSQL gives a sum as a decimal."""
        values: list[Any] = list(row)
        for at in (3, 4, 5, 6):
            values[at] = None if values[at] is None else int(values[at])
        values[-1] = values[-1] or ""
        return cls(*values)


def narrowed(query: Query, rule: str | None, since: datetime | None) -> Query:
    """Return a query over runs and rule versions for one rule (id or name) and from one moment on."""
    if rule is not None:
        query = query.where(or_(col(RuleVersionRow.rule_id) == rule, col(RunRow.rule_name) == rule))
    if since is not None:
        query = query.where(col(RunRow.started) >= since)
    return query


def counted_from(connection: Connection, since: datetime) -> datetime:
    """Return the moment from which hits are counted where those since a moment are asked for.

    It is that moment, and the beginning of its UTC day where the hits of single runs may be pruned.
    """
    horizon = connection.execute(select(col(HitHorizonRow.day))).scalar_one_or_none()
    moment = since.astimezone(UTC)
    if horizon is not None and moment.date() < horizon:
        return datetime.combine(moment.date(), time(), UTC)
    return moment


def totals(
    connection: Connection,
    rule: str | None,
    exclusion: str | None,
    since: datetime | None,
    *,
    by_rule: bool,
    trend: bool | date = True,
) -> list[HitTotals]:
    """Return the totals for each exclusion (and rule), in that order; see `History.hits`."""
    start = None if since is None else counted_from(connection, since)
    whole = None
    queries: list[Query] = []
    if start is not None:
        # Of the first day a part; the days after it are whole.
        part = start.time() != time()
        whole = start.date() + timedelta(days=part)
        if part:
            queries.append(_of_runs(rule, exclusion, start, datetime.combine(whole, time(), UTC), by_rule=by_rule))
    if rule is None and not by_rule:
        queries.append(_of_exclusions(exclusion, whole, trend=trend))
    else:
        queries.append(_of_rules(rule, exclusion, whole, by_rule=by_rule, trend=trend))
        if connection.dialect.name == "postgresql":
            # With its usual 4 MB it would read millions of days in the order of an index, three times as long.
            connection.execute(text("SET LOCAL work_mem = '64MB'"))
    groups: dict[tuple[str, str], list[_Group]] = {}
    for query in queries:
        for row in connection.execute(query):
            group = _Group.of(row)
            groups.setdefault((group.exclusion, group.rule or ""), []).append(group)
    return [_total(groups[key], trend) for key in sorted(groups)]


def suppressed_by_day(connection: Connection, since: date) -> list[DayHits]:
    """Return, for each UTC day from one on, the hits of all exclusions together; see `History.suppressed_by_day`."""
    days = col(ExclusionDayRow.day)
    query = (
        select(days, func.max(ExclusionDayRow.runs), func.sum(ExclusionDayRow.rows))
        .where(days >= since)
        .group_by(days)
        .order_by(days)
    )
    return [
        DayHits(found, int(runs), None if rows is None else int(rows))
        for found, runs, rows in connection.execute(query)
    ]


def hits_by_rule(connection: Connection, since: date) -> list[RuleHits]:
    """Return the hits of each exclusion in each rule from a UTC day on; see `History.hits_by_rule`."""
    versions = (col(HitDayRow.exclusion_version_id), col(HitDayRow.rule_version_id))
    # The database adds up in the order of the key; the versions of one exclusion or rule come together in Python.
    added = (
        select(*versions, func.sum(HitDayRow.rows).label("rows"))
        .where(col(HitDayRow.day) >= since)
        .group_by(*versions)
        .subquery()
    )
    query = (
        select(col(ExclusionVersionRow.exclusion_id), col(RuleVersionRow.rule_id), added.c.rows)
        .select_from(added)
        .join(ExclusionVersionRow, col(ExclusionVersionRow.id) == added.c.exclusion_version_id)
        .join(RuleVersionRow, col(RuleVersionRow.id) == added.c.rule_version_id)
    )
    found: dict[tuple[str, str], int | None] = {}
    for exclusion, rule, rows in connection.execute(query):
        found[exclusion, rule] = _sum((found.get((exclusion, rule)), None if rows is None else int(rows)))
    return [RuleHits(*key, found[key]) for key in sorted(found)]


def _of_exclusions(exclusion: str | None, first: date | None, *, trend: bool | date) -> Query:
    owner = col(ExclusionDayRow.exclusion_id)
    query = select(owner, null(), null(), *_sums(ExclusionDayRow, trend=trend)).group_by(owner)
    if exclusion is not None:
        query = query.where(owner == exclusion)
    return query if first is None else query.where(col(ExclusionDayRow.day) >= first)


def _of_rules(
    rule: str | None, exclusion: str | None, first: date | None, *, by_rule: bool, trend: bool | date
) -> Query:
    # The database adds up in the order of the key; the versions of one exclusion or rule come together in Python.
    key = (col(HitDayRow.exclusion_version_id), col(HitDayRow.rule_version_id), col(HitDayRow.rule_name))
    days = select(*key, *_sums(HitDayRow, trend=trend)).group_by(*key)
    if exclusion is not None:
        versions = select(col(ExclusionVersionRow.id)).where(col(ExclusionVersionRow.exclusion_id) == exclusion)
        days = days.where(key[0].in_(versions))
    if rule is not None:
        named = select(col(RunRow.rule_version_id)).where(col(RunRow.rule_name) == rule).distinct()
        with_id = select(col(RuleVersionRow.id)).where(col(RuleVersionRow.rule_id) == rule)
        days = days.where(key[1].in_(with_id.union(named)))
    if first is not None:
        days = days.where(col(HitDayRow.day) >= first)
    added = days.subquery()
    names = (col(RuleVersionRow.rule_id), added.c.rule_name) if by_rule else (null(), null())
    query = (
        select(col(ExclusionVersionRow.exclusion_id), *names, *list(added.c)[len(key) :])
        .select_from(added)
        .join(ExclusionVersionRow, col(ExclusionVersionRow.id) == added.c.exclusion_version_id)
        .join(RuleVersionRow, col(RuleVersionRow.id) == added.c.rule_version_id)
    )
    if rule is not None:
        query = query.where(or_(col(RuleVersionRow.rule_id) == rule, added.c.rule_name == rule))
    return query


def _sums(days: type[ExclusionDayRow] | type[HitDayRow], *, trend: bool | date) -> tuple[Any, ...]:
    """Return the columns of `_Group` behind its names; the last has the days that `trend` asks for."""
    point: Any = (
        cast(col(days.day), Text)
        + literal(":")
        + cast(col(days.runs), Text)
        + literal(":")
        + func.coalesce(cast(col(days.rows), Text), "")
    )
    if isinstance(trend, date):
        point = case((col(days.day) >= trend, point))
    return (
        func.sum(col(days.runs)),
        func.sum(col(days.known_runs)),
        func.sum(col(days.rows)),
        func.sum(col(days.unique_rows)),
        func.min(col(days.first_event)),
        func.max(col(days.last_event)),
        func.max(col(days.last_hit)),
        func.max(col(days.last_run)),
        func.min(col(days.day)),
        func.aggregate_strings(point, ",") if trend else literal(""),
    )


def _of_runs(rule: str | None, exclusion: str | None, since: datetime, before: datetime, *, by_rule: bool) -> Query:
    """Select from the hits of single runs, all of them of one day."""
    owner = col(ExclusionVersionRow.exclusion_id)
    rules = (col(RuleVersionRow.rule_id), col(RunRow.rule_name)) if by_rule else ()
    hits = func.coalesce(cast(func.sum(col(HitRow.rows)), Text), "")
    query = (
        select(
            owner,
            *(rules or (null(), null())),
            func.count(),
            func.count(col(HitRow.rows)),
            func.sum(col(HitRow.rows)),
            func.sum(col(HitRow.unique_rows)),
            func.min(col(HitRow.first_event)),
            func.max(col(HitRow.last_event)),
            func.max(case((col(HitRow.rows) > 0, col(RunRow.started)))),
            func.max(col(RunRow.started)),
            literal(since.date(), Date()),
            literal(f"{since.date().isoformat()}:") + cast(func.count(), Text) + literal(":") + hits,
        )
        .select_from(HitRow)
        .join(ExclusionVersionRow, col(ExclusionVersionRow.id) == col(HitRow.exclusion_version_id))
        .join(RunRow, col(RunRow.id) == col(HitRow.run_id))
        .join(RuleVersionRow, col(RuleVersionRow.id) == col(RunRow.rule_version_id))
        .where(col(RunRow.started) < before)
        .group_by(owner, *rules)
    )
    if exclusion is not None:
        query = query.where(owner == exclusion)
    return narrowed(query, rule, since)


def _total(groups: list[_Group], trend: bool | date) -> HitTotals:
    newest = max(groups, key=lambda group: group.last_run)
    runs = sum(group.runs for group in groups)
    return HitTotals(
        exclusion=newest.exclusion,
        rule=newest.rule,
        rule_name=newest.rule_name,
        runs=runs,
        unknown_runs=runs - sum(group.known_runs for group in groups),
        rows=_sum(group.rows for group in groups),
        unique=_sum(group.unique for group in groups),
        first=min((group.first for group in groups if group.first), default=None),
        last=max((group.last for group in groups if group.last), default=None),
        last_hit=max((group.last_hit for group in groups if group.last_hit), default=None),
        last_run=newest.last_run,
        first_day=min(group.first_day for group in groups),
        trend=DailySeries(",".join(group.points for group in groups if group.points)),
        trend_from=trend if isinstance(trend, date) else None,
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    """Add up the counts that are known; None where none is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
