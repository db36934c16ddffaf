"""What the report reads of the history: the same in a process of its own, and whatever becomes of that process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from fpctl.audit.run_history import MANY, run_history
from fpctl.errors import FpctlError
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord
from fpctl.policy import Usage
from fpctl.report import recorded
from fpctl.report.recorded import Recorded, begin_reading, read_recorded

TODAY = date(2026, 11, 24)
FORKS = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked on Linux only")


def _run(days_ago: int, rule: str = "r-1", status: str = "ok", **hits: int | None) -> RunRecord:
    began = datetime(2026, 11, 24, 3, tzinfo=UTC) - timedelta(days=days_ago)
    counted = tuple(HitRecord(ExclusionVersion(f"fp-{id}", "h"), rows, rows) for id, rows in hits.items())
    error = None if status == "ok" else "no answer"
    known = status == "ok"
    return RunRecord(
        RuleVersion(rule, rule.upper(), "h", "T"), "local", status, began, began, rows_before=500 if known else None,  # type: ignore[arg-type]
        rows_suppressed=sum(rows or 0 for rows in hits.values()) if known else None, error=error, hits=counted,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> str:
    with History.open(tmp_path / "history.db") as history:
        for days_ago in range(60, 0, -1):
            history.record_run(_run(days_ago, a=300 if days_ago < 5 else 2, b=3))
        history.record_run(_run(1, "r-2", "failed", b=None))
    return str(tmp_path / "history.db")


@FORKS
def test_another_process_reads_the_same(place: str) -> None:
    found = begin_reading(place, TODAY, Usage())()
    assert found == read_recorded(place, TODAY, Usage())
    assert found.facts is not None
    assert [one.exclusion for one in found.facts.busiest] == ["fp-a", "fp-b"]


def test_without_a_history_nothing_is_known(tmp_path: Path) -> None:
    assert begin_reading(str(tmp_path / "none.db"), TODAY, Usage())() == Recorded()


@FORKS
def test_what_is_wrong_with_the_history_is_reported_here(tmp_path: Path) -> None:
    broken = tmp_path / "history.db"
    broken.write_bytes(b"SQLite format 3\0" + b"nonsense" * 500)
    reading = begin_reading(str(broken), TODAY, Usage())
    with pytest.raises(FpctlError, match=r"history\.db"):
        reading()


@FORKS
def test_a_reader_that_is_killed_is_replaced(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = recorded.read_recorded
    ours = os.getpid()

    def dies(*given: object) -> Recorded:
        if os.getpid() != ours:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(recorded, "read_recorded", dies)
    assert begin_reading(place, TODAY, Usage())() == real(place, TODAY, Usage())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The exclusions whose hits were asked for, None for all."""
    found: list[str | None] = []
    real: Callable[..., object] = History.hits

    def noted(self: History, **given: object) -> object:
        found.append(given.get("exclusion"))  # type: ignore[arg-type]
        return real(self, **given)

    monkeypatch.setattr(History, "hits", noted)
    return found


def test_all_days_are_read_only_of_exclusions_that_suppress_much(place: str, asked: list[str | None]) -> None:
    with History.open(place) as history:
        found = run_history(history, [], datetime(2026, 11, 10, tzinfo=UTC), TODAY, Usage(floor=50))
    assert asked == [None, "fp-a"]
    assert (len(found.hits["fp-a"].trend), found.hits["fp-a"].trend_from) == (60, None)
    assert (len(found.hits["fp-b"].trend), found.hits["fp-b"].runs) == (29, 61)


def test_the_days_of_many_exclusions_are_one_question(tmp_path: Path, asked: list[str | None]) -> None:
    with History.open(tmp_path / "history.db") as history:
        for days_ago in (40, 1):
            history.record_run(_run(days_ago, **{f"{number:03}": 100 for number in range(MANY + 1)}))
        found = run_history(history, [], datetime(2026, 11, 10, tzinfo=UTC), TODAY, Usage(floor=50))
    assert asked == [None, None]
    assert {len(one.trend) for one in found.hits.values()} == {2}
