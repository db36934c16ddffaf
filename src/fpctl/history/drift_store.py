"""What runs noticed to have changed, and what they compare themselves with: earlier hits and kinds of devices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from fpctl.history.records import PastHits, RunRecord, StoredDrift
from fpctl.history.tables import DeviceKindRow, DriftRow, ExclusionVersionRow, HitRow, RuleVersionRow, RunRow


def keep(connection: Connection, run_id: int, run: RunRecord) -> None:
    """Put in what a run noticed, and the kinds of devices that are new."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    noticed = {(one.exclusion, one.kind): one.message for one in run.drift}
    if noticed:
        connection.execute(
            dialect.insert(DriftRow),
            [
                {"run_id": run_id, "exclusion_id": exclusion, "kind": kind, "message": message}
                for (exclusion, kind), message in sorted(noticed.items())
            ],
        )
    kinds = [
        {"rule_id": run.rule.id, "exclusion_id": exclusion, "name": name, "first_seen": run.started}
        for exclusion, names in sorted(run.device_kinds.items())
        for name in sorted(names)
    ]
    if kinds:
        connection.execute(dialect.insert(DeviceKindRow).on_conflict_do_nothing(), kinds)


def past_hits(connection: Connection, rule: str, runs: int) -> list[PastHits]:
    """Return the known hits in the last complete runs of a rule, the newest run first."""
    last = (
        select(col(RunRow.id))
        .join(RuleVersionRow, col(RuleVersionRow.id) == col(RunRow.rule_version_id))
        .where(col(RuleVersionRow.rule_id) == rule, col(RunRow.status) == "ok")
        .order_by(col(RunRow.started).desc(), col(RunRow.id).desc())
        .limit(runs)
    )
    query = (
        select(col(ExclusionVersionRow.exclusion_id), col(HitRow.rows), col(RunRow.range_start), col(RunRow.range_end))
        .join(ExclusionVersionRow, col(ExclusionVersionRow.id) == col(HitRow.exclusion_version_id))
        .join(RunRow, col(RunRow.id) == col(HitRow.run_id))
        .where(col(HitRow.run_id).in_(last), col(HitRow.rows).is_not(None))
        .order_by(col(RunRow.started).desc(), col(RunRow.id).desc())
    )
    rows: Iterable[Any] = connection.execute(query)
    return [PastHits(*row) for row in rows]


def device_kinds(connection: Connection, rule: str) -> dict[str, set[str]]:
    """Return the kinds of devices that are known of a rule, by exclusion."""
    query = select(col(DeviceKindRow.exclusion_id), col(DeviceKindRow.name)).where(col(DeviceKindRow.rule_id) == rule)
    found: dict[str, set[str]] = {}
    for exclusion, name in connection.execute(query):
        found.setdefault(exclusion, set()).add(name)
    return found


def drift(connection: Connection, since: datetime | None, *, latest: bool) -> list[StoredDrift]:
    """Return what runs noticed, the newest first."""
    query = (
        select(
            col(RunRow.id), col(RunRow.started), col(RuleVersionRow.rule_id), col(RunRow.rule_name),
            col(DriftRow.exclusion_id), col(DriftRow.kind), col(DriftRow.message),
        )
        .join(RunRow, col(RunRow.id) == col(DriftRow.run_id))
        .join(RuleVersionRow, col(RuleVersionRow.id) == col(RunRow.rule_version_id))
        .order_by(col(RunRow.started).desc(), col(RunRow.id).desc(), col(DriftRow.exclusion_id), col(DriftRow.kind))
    )  # fmt: skip
    if since is not None:
        query = query.where(col(RunRow.started) >= since)
    if latest:
        # Runs are recorded in the order in which they end, and no rule runs twice at once.
        newest = (
            select(func.max(col(RunRow.id)))
            .join(RuleVersionRow, col(RuleVersionRow.id) == col(RunRow.rule_version_id))
            .group_by(col(RuleVersionRow.rule_id))
        )
        query = query.where(col(RunRow.id).in_(newest))
    rows: Iterable[Any] = connection.execute(query)
    return [StoredDrift(*row) for row in rows]
