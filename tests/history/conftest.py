"""Builders for histories and the runs in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord
from servers.postgres import Server, running

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def noon() -> datetime:
    return NOON


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / ".fpctl" / "history.db"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def location(request: pytest.FixtureRequest) -> Iterator[Path | str]:
    """Where histories are kept: a new file, and an empty database of a PostgreSQL server."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    server: Server = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The PostgreSQL server, started at the first test that needs it."""
    with running() as server:
        yield server


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
