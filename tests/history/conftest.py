"""Builders for histories and the runs in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from fpctl.history import migrate
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord
from fpctl.history.repository import History

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / ".fpctl" / "history.db"


@pytest.fixture
def location(database: Path) -> Path | str:
    """Where histories are kept: a new file, or the emptied database of FPCTL_TEST_HISTORY_URL."""
    url = os.environ.get("FPCTL_TEST_HISTORY_URL")
    if url is None:
        return database
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        if migrate.current(connection) is not None:
            migrate.downgrade(connection, "base")
    engine.dispose()
    return url


@pytest.fixture
def history(location: Path | str) -> Iterator[History]:
    with History.open(location) as opened:
        yield opened


@pytest.fixture
def make_hit() -> Callable[..., HitRecord]:
    def make(exclusion: str, rows: int | None = None, **more: Any) -> HitRecord:
        version = ExclusionVersion(exclusion, more.pop("content_hash", "v1"), more.pop("title", ""))
        return HitRecord(version, rows, **more)

    return make


@pytest.fixture
def make_run() -> Callable[..., RunRecord]:
    def make(*hits: HitRecord, rule: str = "rule-1", started: datetime = NOON, **more: Any) -> RunRecord:
        version = RuleVersion(rule, more.pop("name", rule.upper()), more.pop("base_hash", "b1"), more.pop("query", "T"))
        more = {"engine": "local", "status": "ok", "finished": started + timedelta(seconds=2), **more}
        return RunRecord(version, started=started, hits=hits, **more)

    return make
