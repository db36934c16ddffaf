"""The tables of the history. Only `fpctl.history` sees them; others get the values of `records`.

A change here needs a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    Text,
    UniqueConstraint,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Field, SQLModel

from fpctl.history.records import RUN_STATUSES, in_utc

# SQLite counts up only a column of exactly the type INTEGER, which has 64 bits there.
Identity = BigInteger().with_variant(Integer, "sqlite")


class DamagedValueError(SQLAlchemyError):
    """A stored value that fpctl cannot have written."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC: a time with zone where the database has one, sortable text in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = in_utc(value)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        read = super().result_processor(dialect, coltype)

        def checked(value: Any) -> Any:
            try:
                return read(value) if read is not None else value
            except (ValueError, TypeError) as error:
                raise DamagedValueError(f"{value!r} is not a time") from error

        return checked

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time(**more: Any) -> Any:
    # sqlmodel's type for sa_type wants a class, while SQLAlchemy takes both.
    kind: type[TypeEngine[datetime]] = UtcDateTime
    return Field(sa_type=kind, **more)


def _count() -> Any:
    return Field(default=None, sa_type=BigInteger)


class HistoryTable(SQLModel):
    """Base of the tables: a metadata of its own, and a name for each constraint, as migrations need."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class RuleVersionRow(HistoryTable, table=True):
    """A rule's base query, once for each content it has had at a run."""

    __tablename__ = "rule_version"
    __table_args__ = (UniqueConstraint("rule_id", "content_hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    rule_id: str = Field(sa_type=Text)
    content_hash: str = Field(sa_type=Text)
    query: str = Field(sa_type=Text)
    first_seen: datetime = _time()


class ExclusionVersionRow(HistoryTable, table=True):
    """An exclusion, once for each content it has had at a run."""

    __tablename__ = "exclusion_version"
    __table_args__ = (UniqueConstraint("exclusion_id", "content_hash"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    exclusion_id: str = Field(sa_type=Text)
    content_hash: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    document: str = Field(sa_type=Text)
    first_seen: datetime = _time()


class RunRow(HistoryTable, table=True):
    """One execution of one rule."""

    __tablename__ = "run"
    __table_args__ = (
        CheckConstraint(f"status IN ({', '.join(repr(status) for status in RUN_STATUSES)})", name="status"),
        CheckConstraint("(status = 'ok') = (error IS NULL)", name="error"),
        CheckConstraint("rows_before >= 0 AND rows_suppressed >= 0 AND result_rows >= 0", name="counts"),
        Index("ix_run_rule_version_id_started", "rule_version_id", "started"),
        Index("ix_run_started", "started"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=Identity)
    rule_version_id: int = Field(foreign_key="rule_version.id", sa_type=BigInteger)
    rule_name: str = Field(sa_type=Text)
    engine: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    started: datetime = _time()
    finished: datetime = _time()
    range_start: datetime | None = _time(default=None, nullable=True)
    range_end: datetime | None = _time(default=None, nullable=True)
    tuned_hash: str | None = Field(default=None, sa_type=Text)
    rows_before: int | None = _count()
    rows_suppressed: int | None = _count()
    result_rows: int | None = _count()
    error: str | None = Field(default=None, sa_type=Text)


class HitRow(HistoryTable, table=True):
    """What one exclusion suppressed in one run; null where that is not known."""

    __tablename__ = "hit"
    __table_args__ = (
        CheckConstraint("rows >= 0 AND unique_rows >= 0 AND unique_rows <= rows", name="counts"),
        CheckConstraint(
            "rows IS NOT NULL OR (unique_rows IS NULL AND first_event IS NULL AND last_event IS NULL)", name="unknown"
        ),
        Index("ix_hit_exclusion_version_id", "exclusion_version_id"),
        {"sqlite_with_rowid": False},
    )

    run_id: int = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", sa_type=BigInteger)
    exclusion_version_id: int = Field(primary_key=True, foreign_key="exclusion_version.id", sa_type=BigInteger)
    rows: int | None = _count()
    unique_rows: int | None = _count()
    first_event: datetime | None = _time(default=None, nullable=True)
    last_event: datetime | None = _time(default=None, nullable=True)


class DayTotals(HistoryTable):
    """What runs that started on one UTC day have found, added up; `known_runs` are those whose hits are known."""

    runs: int = Field(sa_type=BigInteger)
    known_runs: int = Field(sa_type=BigInteger)
    rows: int | None = _count()
    unique_rows: int | None = _count()
    first_event: datetime | None = _time(default=None, nullable=True)
    last_event: datetime | None = _time(default=None, nullable=True)
    last_hit: datetime | None = _time(default=None, nullable=True)
    last_run: datetime = _time()


class HitDayRow(DayTotals, table=True):
    """The hits of an exclusion in the runs of a rule that started on one UTC day: what `hit` has, added up."""

    __tablename__ = "hit_day"
    __table_args__ = (Index("ix_hit_day_rule_version_id", "rule_version_id"), {"sqlite_with_rowid": False})

    exclusion_version_id: int = Field(primary_key=True, foreign_key="exclusion_version.id", sa_type=BigInteger)
    rule_version_id: int = Field(primary_key=True, foreign_key="rule_version.id", sa_type=BigInteger)
    rule_name: str = Field(primary_key=True, sa_type=Text)
    day: date = Field(primary_key=True, sa_type=Date)


class ExclusionDayRow(DayTotals, table=True):
    """The hits of an exclusion in all runs that started on one UTC day."""

    __tablename__ = "exclusion_day"
    __table_args__ = ({"sqlite_with_rowid": False},)

    exclusion_id: str = Field(primary_key=True, sa_type=Text)
    day: date = Field(primary_key=True, sa_type=Date)


class HitHorizonRow(HistoryTable, table=True):
    """Runs that started before this day may have lost their rows in `hit`: one row, none before the first pruning."""

    __tablename__ = "hit_horizon"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    day: date = Field(sa_type=Date)


class DriftRow(HistoryTable, table=True):
    """Something that a run noticed to be no longer as it was, about one exclusion in its rule."""

    __tablename__ = "drift"

    run_id: int = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", sa_type=BigInteger)
    exclusion_id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(primary_key=True, sa_type=Text)
    message: str = Field(sa_type=Text)


class DeviceKindRow(HistoryTable, table=True):
    """A kind of device whose events an exclusion has suppressed in a rule, once for each."""

    __tablename__ = "device_kind"

    rule_id: str = Field(primary_key=True, sa_type=Text)
    exclusion_id: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
    first_seen: datetime = _time()


class TrailRow(HistoryTable, table=True):
    """An entry of the audit trail. `body` is what is hashed; the other columns repeat it for queries."""

    __tablename__ = "trail"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        Index("ix_trail_exclusion_id_number", "exclusion_id", "number"),
        Index("ix_trail_at", "at"),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    exclusion_id: str = Field(sa_type=Text)
    at: datetime = _time()
    after_hash: str | None = Field(default=None, sa_type=Text)
    hash: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)


class TrailHeadRow(HistoryTable, table=True):
    """How many entries the trail has, and the hash of the last: one row, which writers lock."""

    __tablename__ = "trail_head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: int = Field(primary_key=True, sa_type=Integer, sa_column_kwargs={"autoincrement": False})
    entries: int = Field(sa_type=BigInteger)
    hash: str = Field(sa_type=Text)


class DefinitionRow(HistoryTable, table=True):
    """What an exclusion said at its last entry; `content` and `paths` are canonical JSON."""

    __tablename__ = "definition"

    exclusion_id: str = Field(primary_key=True, sa_type=Text)
    content_hash: str = Field(sa_type=Text)
    content: str = Field(sa_type=Text)
    paths: str = Field(sa_type=Text)
