"""Hits by day: kept up in the transaction that records a run, and what the hits of single runs may be pruned to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from fpctl.history.records import RunRecord, in_utc
from fpctl.history.tables import ExclusionDayRow, HistoryTable, HitDayRow, HitHorizonRow, HitRow, RuleVersionRow, RunRow

NEWEST = 50
"""How many of the last complete runs of each rule keep their hits: drift compares with them, however old they are."""
AT_ONCE = 500
"""Runs whose hits go in one transaction, so that other writers never wait for long."""


def add(connection: Connection, run: RunRecord, rule_version: int, exclusions: Mapping[tuple[str, str], int]) -> None:
    """Add the hits of a run to its day.

    Args:
        rule_version: the row id of the rule's version.
        exclusions: the row ids of the exclusions' versions, by id and content hash.
    """
    if not run.hits:
        return
    started = in_utc(run.started)
    by_rule: list[dict[str, Any]] = []
    by_exclusion: list[dict[str, Any]] = []
    for hit in run.hits:
        counted = {
            "day": started.date(),
            "runs": 1,
            "known_runs": 0 if hit.rows is None else 1,
            "rows": hit.rows,
            "unique_rows": hit.unique,
            "first_event": hit.first,
            "last_event": hit.last,
            "last_hit": started if hit.rows else None,
            "last_run": started,
        }
        version = exclusions[hit.exclusion.id, hit.exclusion.content_hash]
        names = {"exclusion_version_id": version, "rule_version_id": rule_version, "rule_name": run.rule.name}
        by_rule.append(names | counted)
        by_exclusion.append({"exclusion_id": hit.exclusion.id} | counted)
    # In order, so that two writers never wait for each other.
    by_rule.sort(key=lambda row: row["exclusion_version_id"])
    by_exclusion.sort(key=lambda row: row["exclusion_id"])
    connection.execute(_added(connection, HitDayRow), by_rule)
    connection.execute(_added(connection, ExclusionDayRow), by_exclusion)


def _added(connection: Connection, table: type[HitDayRow] | type[ExclusionDayRow]) -> Any:
    """Return an INSERT that adds to the day that is there."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    new: Any = statement.excluded
    held = HistoryTable.metadata.tables[str(table.__tablename__)].columns
    changed: dict[str, Any] = {name: held[name] + new[name] for name in ("runs", "known_runs")}
    for name in ("rows", "unique_rows"):
        changed[name] = func.coalesce(held[name] + new[name], held[name], new[name])
    changed["first_event"] = _chosen(held["first_event"], new["first_event"], later=False)
    for name in ("last_event", "last_hit", "last_run"):
        changed[name] = _chosen(held[name], new[name], later=True)
    keys = [column.name for column in held if column.primary_key]
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _chosen(held: Any, new: Any, *, later: bool) -> Any:
    """Return the earlier or later of two times of which either may be null."""
    return case((held.is_(None) | (new > held if later else new < held), new), else_=held)


def horizon(connection: Connection) -> date | None:
    """Return the day before which the hits of single runs may be pruned; None where none are."""
    return connection.execute(select(col(HitHorizonRow.day))).scalar_one_or_none()


def move_horizon(connection: Connection, day: date) -> None:
    """Note the day before which the hits of single runs are about to be pruned; it never moves back."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(HitHorizonRow)
    new: Any = statement.excluded
    later = case((new.day > col(HitHorizonRow.day), new.day), else_=col(HitHorizonRow.day))
    connection.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_={"day": later}), [{"id": 1, "day": day}]
    )


def prunable(connection: Connection, day: date) -> list[int]:
    """Return the ids of the runs before a day whose hits are there and may go, the oldest first."""
    number = func.row_number().over(
        partition_by=col(RuleVersionRow.rule_id), order_by=(col(RunRow.started).desc(), col(RunRow.id).desc())
    )
    ranked = (
        select(col(RunRow.id).label("id"), number.label("number"))
        .join(RuleVersionRow, col(RuleVersionRow.id) == col(RunRow.rule_version_id))
        .where(col(RunRow.status) == "ok")
        .subquery()
    )
    kept = select(ranked.c.id).where(ranked.c.number <= NEWEST)
    query = (
        select(col(RunRow.id))
        .where(
            col(RunRow.started) < datetime.combine(day, time(), UTC),
            col(RunRow.id).not_in(kept),
            select(1).where(col(HitRow.run_id) == col(RunRow.id)).exists(),
        )
        .order_by(col(RunRow.id))
    )
    ids: list[Any] = [row[0] for row in connection.execute(query)]
    return ids


def prune(connection: Connection, runs: list[int]) -> int:
    """Remove the hits of runs and return how many there were."""
    return connection.execute(delete(HitRow).where(col(HitRow.run_id).in_(runs))).rowcount
