"""The history of runs: the one way in and out. It takes and gives the values of `records`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Select, and_, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from fpctl.errors import FpctlError, Location
from fpctl.history import by_day
from fpctl.history import drift_store as watching
from fpctl.history.console import ConsoleStore
from fpctl.history.daily_series import DayHits
from fpctl.history.records import (
    HitTotals,
    PastHits,
    RuleHits,
    RunRecord,
    StoredDrift,
    StoredHit,
    StoredRun,
    StoredVersion,
    in_utc,
)
from fpctl.history.store import LOCK_WAIT, Store
from fpctl.history.tables import ExclusionVersionRow, HistoryTable, HitRow, RuleVersionRow, RunRow
from fpctl.history.totals import counted_from, hits_by_rule, narrowed, suppressed_by_day, totals
from fpctl.history.trail import Trail

_CHUNK = 500
"""Values in one `IN (...)`: far below every database's limit on parameters."""


class History:
    """Runs and hits. Safe to share between threads, and the store between processes.

    Every method raises FpctlError where the store cannot be used.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    def open(cls, location: str | Path, *, create: bool = True, lock_wait: float = LOCK_WAIT) -> History:
        """Open the history at a file path or a SQLAlchemy URL (SQLite or PostgreSQL).

        Args:
            location: where it is; a path's folder is made.
            create: make it where it is missing; False for a command that only reads.
            lock_wait: seconds to wait for other writers.

        Raises:
            FpctlError: missing (with `create=False`), not a history, written by a newer fpctl, or
                not to be opened.
        """
        return cls(Store(location, create=create, lock_wait=lock_wait))

    @property
    def name(self) -> str:
        """Where it is, for messages: a path, or a URL without its password."""
        return self._store.name

    @property
    def is_server(self) -> bool:
        """Whether it is on a database server, which people share."""
        return self._store.is_server

    @property
    def trail(self) -> Trail:
        """The audit trail of the exclusions."""
        return Trail(self._store, shared=self._store.is_server)

    @property
    def console(self) -> ConsoleStore:
        """What the console keeps: sessions, tokens, runs asked for, notices sent."""
        return ConsoleStore(self._store)

    def close(self) -> None:
        """Close it; it cannot be used afterwards."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def record_run(self, run: RunRecord) -> int:
        """Record a run with its hits, whole or not at all, and return its id."""
        return self._store.write(lambda connection: _insert_run(connection, run))

    def runs(
        self, *, rule: str | None = None, since: datetime | None = None, limit: int | None = None
    ) -> list[StoredRun]:
        """Return the recorded runs, the newest first.

        Args:
            rule: only those of the rule with this id or name.
            since: only those that started then or later.
            limit: at most this many.
        """
        query = _runs(rule, since).order_by(col(RunRow.started).desc(), col(RunRow.id).desc())
        if limit is not None:
            query = query.limit(limit)
        return self._store.read(lambda connection: [StoredRun(*row) for row in connection.execute(query)])

    def last_run_number(self) -> int:
        """Return the number of the run that was recorded last, 0 before the first: it shows what is new."""
        query = select(func.max(col(RunRow.id)))
        return self._store.read(lambda connection: connection.execute(query).scalar_one() or 0)

    def latest_runs(self, since: datetime) -> list[StoredRun]:
        """Return the newest run of each rule, and its newest complete one where that is another, the newest first.

        Args:
            since: only runs that started then or later.
        """
        newest = (col(RunRow.started).desc(), col(RunRow.id).desc())
        rule, status = col(RuleVersionRow.rule_id), col(RunRow.status)
        ranked = (
            _runs(None, since)
            .add_columns(
                func.row_number().over(partition_by=rule, order_by=newest).label("any_rank"),
                func.row_number().over(partition_by=(rule, status), order_by=newest).label("status_rank"),
            )
            .subquery()
        )
        wanted = or_(ranked.c.any_rank == 1, and_(ranked.c.status == "ok", ranked.c.status_rank == 1))
        query = select(*list(ranked.c)[:-2]).where(wanted).order_by(ranked.c.started.desc(), ranked.c.id.desc())
        return self._store.read(lambda connection: [StoredRun(*row) for row in connection.execute(query)])

    def run(self, run_id: int) -> tuple[StoredRun, tuple[StoredHit, ...]]:
        """Return a recorded run with its hits, ordered by exclusion.

        Raises:
            FpctlError: there is no such run.
        """

        def work(connection: Connection) -> tuple[StoredRun, tuple[StoredHit, ...]]:
            row = connection.execute(_runs(None, None).where(col(RunRow.id) == run_id)).one_or_none()
            if row is None:
                raise FpctlError(f"there is no run {run_id}", Location(self.name))
            hits = connection.execute(
                select(
                    col(ExclusionVersionRow.exclusion_id),
                    col(ExclusionVersionRow.content_hash),
                    col(HitRow.rows),
                    col(HitRow.unique_rows),
                    col(HitRow.first_event),
                    col(HitRow.last_event),
                )
                .join(ExclusionVersionRow, col(ExclusionVersionRow.id) == col(HitRow.exclusion_version_id))
                .where(col(HitRow.run_id) == run_id)
                .order_by(col(ExclusionVersionRow.exclusion_id))
            )
            return StoredRun(*row), tuple(StoredHit(*hit) for hit in hits)

        return self._store.read(work)

    def hits(
        self,
        *,
        rule: str | None = None,
        exclusion: str | None = None,
        since: datetime | None = None,
        by_rule: bool = False,
        trend: bool | date = True,
    ) -> list[HitTotals]:
        """Return what each exclusion has suppressed, ordered by exclusion (and rule).

        An exclusion that no run has had in its plan is not known here; add it with `HitTotals(id)`.

        Args:
            rule: only runs of the rule with this id or name.
            exclusion: only the exclusion with this id.
            since: only runs that started then or later.
            by_rule: totals for each exclusion and rule instead of each exclusion.
            trend: with the hits of each day, or of each from a day on; without them it is quicker.
        """
        return self._store.read(
            lambda connection: totals(connection, rule, exclusion, since, by_rule=by_rule, trend=trend)
        )

    def hits_by_rule(self, since: datetime) -> list[RuleHits]:
        """Return what each exclusion has suppressed in each rule, ordered by exclusion and rule.

        Args:
            since: from the UTC day of this moment on.
        """
        return self._store.read(lambda connection: hits_by_rule(connection, in_utc(since).date()))

    def suppressed_by_day(self, since: datetime) -> list[DayHits]:
        """Return the hits of all exclusions together for each UTC day of runs, in order; days without a run are absent.

        Args:
            since: from the UTC day of this moment on.
        """
        return self._store.read(lambda connection: suppressed_by_day(connection, in_utc(since).date()))

    def counted_from(self, since: datetime) -> datetime:
        """Return the moment from which `hits` counts where it is asked for those since a moment.

        It is that moment, and the beginning of its UTC day where hits of single runs of that day may be pruned.
        """
        return self._store.read(lambda connection: counted_from(connection, since))

    def prune(self, before: date) -> int:
        """Remove the hits of single runs that started before a day (UTC), and return how many there were.

        What `hits` and drift say stays the same: the hits are kept by day, and the last runs of each rule keep theirs.
        The runs themselves stay.
        """
        held = self._store.read(by_day.horizon)
        runs = self._store.read(lambda connection: by_day.prunable(connection, before))
        if runs and (held is None or held < before):
            # First of all, so that a process that is killed leaves no day that looks whole and is not.
            self._store.write(lambda connection: by_day.move_horizon(connection, before))
        removed = 0
        for at in range(0, len(runs), by_day.AT_ONCE):
            chunk = runs[at : at + by_day.AT_ONCE]
            removed += self._store.write(lambda connection, chunk=chunk: by_day.prune(connection, chunk))  # type: ignore[misc]
        return removed

    def past_hits(self, rule: str, runs: int) -> list[PastHits]:
        """Return the known hits of each exclusion in the last complete runs of the rule with this id.

        Args:
            runs: the number of runs at most.
        """
        return self._store.read(lambda connection: watching.past_hits(connection, rule, runs))

    def device_kinds(self, rule: str) -> dict[str, set[str]]:
        """Return, by exclusion, the kinds of devices whose events were suppressed in the rule with this id."""
        return self._store.read(lambda connection: watching.device_kinds(connection, rule))

    def drift(self, *, since: datetime | None = None, latest: bool = False) -> list[StoredDrift]:
        """Return what runs noticed to have changed, the newest first.

        Args:
            since: only in runs that started then or later.
            latest: only in the last run of each rule.
        """
        return self._store.read(lambda connection: watching.drift(connection, since, latest=latest))

    def rules(self) -> list[tuple[str, str]]:
        """Return the id and the name of every rule with a run, ordered; a renamed rule has a pair for each name."""
        query = (
            select(col(RuleVersionRow.rule_id), col(RunRow.rule_name))
            .join(RunRow, col(RunRow.rule_version_id) == col(RuleVersionRow.id))
            .distinct()
        )
        return self._store.read(lambda connection: sorted((row[0], row[1]) for row in connection.execute(query)))

    def exclusion_versions(self, exclusion: str) -> list[StoredVersion]:
        """Return the contents that an exclusion has had at its runs, in the order first seen."""
        return self._versions(
            ExclusionVersionRow, ExclusionVersionRow.exclusion_id, ExclusionVersionRow.document, exclusion
        )

    def rule_versions(self, rule: str) -> list[StoredVersion]:
        """Return the base queries that the rule with this id has had at its runs, in the order first seen."""
        return self._versions(RuleVersionRow, RuleVersionRow.rule_id, RuleVersionRow.query, rule)

    def _versions(
        self, table: type[RuleVersionRow] | type[ExclusionVersionRow], owner: Any, content: Any, value: str
    ) -> list[StoredVersion]:
        query = (
            select(owner, col(table.content_hash), content, col(table.first_seen))
            .where(owner == value)
            .order_by(col(table.first_seen), col(table.id))
        )
        return self._store.read(lambda connection: [StoredVersion(*row) for row in connection.execute(query)])


def _insert(connection: Connection, table: type[HistoryTable]) -> Any:
    """Return an INSERT that passes over rows that another writer has put in already."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()


def _insert_run(connection: Connection, run: RunRecord) -> int:
    rule_key = (run.rule.id, run.rule.content_hash)
    rule_ids = _version_ids(
        connection, RuleVersionRow, RuleVersionRow.rule_id, {rule_key: {"query": run.rule.query}}, run.finished
    )
    exclusion_ids = _version_ids(
        connection,
        ExclusionVersionRow,
        ExclusionVersionRow.exclusion_id,
        {
            (hit.exclusion.id, hit.exclusion.content_hash): {
                "title": hit.exclusion.title,
                "document": hit.exclusion.document,
            }
            for hit in run.hits
        },
        run.finished,
    )
    run_id: int = connection.execute(
        _insert(connection, RunRow)
        .values(
            rule_version_id=rule_ids[rule_key],
            rule_name=run.rule.name,
            engine=run.engine,
            status=run.status,
            started=run.started,
            finished=run.finished,
            range_start=run.range_start,
            range_end=run.range_end,
            tuned_hash=run.tuned_hash,
            rows_before=run.rows_before,
            rows_suppressed=run.rows_suppressed,
            result_rows=run.result_rows,
            error=run.error,
        )
        .returning(RunRow.id)
    ).scalar_one()
    if run.hits:
        connection.execute(
            _insert(connection, HitRow),
            [
                {
                    "run_id": run_id,
                    "exclusion_version_id": exclusion_ids[hit.exclusion.id, hit.exclusion.content_hash],
                    "rows": hit.rows,
                    "unique_rows": hit.unique,
                    "first_event": hit.first,
                    "last_event": hit.last,
                }
                for hit in run.hits
            ],
        )
    by_day.add(connection, run, rule_ids[rule_key], exclusion_ids)
    watching.keep(connection, run_id, run)
    return run_id


def _version_ids(
    connection: Connection,
    table: type[RuleVersionRow] | type[ExclusionVersionRow],
    owner: Any,
    versions: dict[tuple[str, str], dict[str, str]],
    seen: datetime,
) -> dict[tuple[str, str], int]:
    """Return the row ids of versions by (owner id, content hash); those not there yet are put in."""
    found = _known_ids(connection, table, owner, versions)
    # In order, so that two writers never wait for each other.
    missing = sorted(versions.keys() - found.keys())
    if missing:
        connection.execute(
            _insert(connection, table),
            [{owner.key: key[0], "content_hash": key[1], "first_seen": seen, **versions[key]} for key in missing],
        )
        found |= _known_ids(connection, table, owner, missing)
    return found


def _known_ids(
    connection: Connection,
    table: type[RuleVersionRow] | type[ExclusionVersionRow],
    owner: Any,
    keys: Iterable[tuple[str, str]],
) -> dict[tuple[str, str], int]:
    wanted = list(keys)
    found: dict[tuple[str, str], int] = {}
    for chunk in _chunks(wanted):
        rows = connection.execute(
            select(owner, col(table.content_hash), col(table.id)).where(
                owner.in_({key[0] for key in chunk}), col(table.content_hash).in_({key[1] for key in chunk})
            )
        )
        found |= {(name, content_hash): row_id for name, content_hash, row_id in rows}
    return {key: found[key] for key in wanted if key in found}


def _chunks(values: Sequence[tuple[str, str]]) -> Iterator[Sequence[tuple[str, str]]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _runs(rule: str | None, since: datetime | None) -> Select[*tuple[Any, ...]]:
    """Select the columns of StoredRun, in its order."""
    query = select(
        col(RunRow.id),
        col(RuleVersionRow.rule_id),
        col(RunRow.rule_name),
        col(RunRow.engine),
        col(RunRow.status),
        col(RunRow.started),
        col(RunRow.finished),
        col(RunRow.range_start),
        col(RunRow.range_end),
        col(RuleVersionRow.content_hash),
        col(RunRow.tuned_hash),
        col(RunRow.rows_before),
        col(RunRow.rows_suppressed),
        col(RunRow.result_rows),
        col(RunRow.error),
    ).join(RuleVersionRow, col(RuleVersionRow.id) == col(RunRow.rule_version_id))
    return narrowed(query, rule, since)
