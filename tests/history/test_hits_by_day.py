"""Hits by day: what is told of them is the same with and without the hits of single runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from fpctl.history import by_day, migrate
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, RuleVersion, RunRecord

DAY = timedelta(days=1)


def told(history: History, midnight: datetime) -> list[object]:
    """Return everything that reports ask for."""
    return [
        history.hits(),
        history.hits(by_rule=True),
        history.hits(since=midnight),
        history.hits(rule="rule-1"),
        history.hits(exclusion="fp-1", by_rule=True),
        history.past_hits("rule-1", 30),
        history.drift(),
        history.runs(),
    ]


def fill(history, make_run, make_hit, noon, runs=80):
    for n in range(runs):
        started = noon - timedelta(hours=9 * n)
        hits = (make_hit("fp-1", n % 4, unique=n % 2 if n % 4 else 0), make_hit("fp-2", None if n % 5 else 3))
        more = {"status": "ok"} if n % 7 else {"status": "partial", "error": "x"}
        history.record_run(make_run(*hits[: 1 + n % 2], rule=f"rule-{n % 2}", started=started, **more))


def test_pruning_changes_nothing_that_is_told(history, make_run, make_hit, noon, monkeypatch):
    monkeypatch.setattr(by_day, "NEWEST", 30)
    monkeypatch.setattr(by_day, "AT_ONCE", 3)
    fill(history, make_run, make_hit, noon)
    midnight = datetime(2026, 11, 10, tzinfo=UTC)
    before = told(history, midnight)
    removed = history.prune(date(2026, 11, 19))
    assert removed > 0
    assert told(history, midnight) == before
    assert history.prune(date(2026, 11, 19)) == 0


def test_the_last_complete_runs_of_each_rule_keep_their_hits(history, make_run, make_hit, noon, monkeypatch):
    monkeypatch.setattr(by_day, "NEWEST", 2)
    ids = [history.record_run(make_run(make_hit("fp-1", n), started=noon + n * DAY)) for n in range(5)]
    assert history.prune(date(2027, 1, 1)) == 3
    assert [len(history.run(id)[1]) for id in ids] == [0, 0, 0, 1, 1]


def test_runs_of_the_day_and_later_are_not_pruned(history, make_run, make_hit, noon, monkeypatch):
    monkeypatch.setattr(by_day, "NEWEST", 0)
    history.record_run(make_run(make_hit("fp-1", 1), started=noon))
    assert history.prune(noon.date()) == 0
    assert history.prune(noon.date() + DAY) == 1


def test_a_part_of_a_day_is_counted_exactly_while_its_runs_are_there(history, make_run, make_hit, noon, monkeypatch):
    monkeypatch.setattr(by_day, "NEWEST", 0)
    for hours, rows in ((-3, 1), (3, 10), (24, 100)):
        history.record_run(make_run(make_hit("fp-1", rows), started=noon + timedelta(hours=hours)))
    assert history.counted_from(noon) == noon
    (total,) = history.hits(since=noon)
    assert (total.runs, total.rows, [(p.day, p.rows) for p in total.trend]) == (
        2, 110, [(noon.date(), 10), (noon.date() + DAY, 100)],
    )  # fmt: skip
    history.prune(noon.date() + DAY)
    assert history.counted_from(noon) == noon.replace(hour=0)
    assert [total.rows for total in history.hits(since=noon)] == [111]
    assert history.counted_from(noon + DAY) == noon + DAY


def test_the_horizon_never_moves_back(history, make_run, make_hit, noon, monkeypatch):
    monkeypatch.setattr(by_day, "NEWEST", 0)
    for day in range(4):
        history.record_run(make_run(make_hit("fp-1", 1), started=noon + day * DAY))
    history.prune(noon.date() + 3 * DAY)
    history.record_run(make_run(make_hit("fp-1", 1), started=noon - DAY))
    history.prune(noon.date())
    assert history.counted_from(noon + 2 * DAY) == (noon + 2 * DAY).replace(hour=0)


def test_the_migration_rolls_up_the_hits_that_are_there(location, make_run, make_hit, noon):
    with History.open(location) as history:
        fill(history, make_run, make_hit, noon, runs=40)
        midnight = noon.replace(hour=0) - 3 * DAY
        before = told(history, midnight)
    engine = create_engine(location if isinstance(location, str) else f"sqlite:///{location}")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET timezone TO 'UTC'"))
        migrate.downgrade(connection, "0003")
    engine.dispose()
    with History.open(location) as history:
        assert told(history, midnight) == before


RUNS = st.lists(
    st.tuples(
        st.sampled_from(["rule-0", "rule-1"]),
        st.sampled_from(["Old", "New"]),
        st.integers(min_value=0, max_value=300),
        st.dictionaries(
            st.sampled_from(["fp-1", "fp-2"]), st.none() | st.tuples(st.integers(0, 9), st.none() | st.just(0))
        ),
    ),
    max_size=14,
)


@settings(max_examples=20)  # each makes a history of its own on disk
@given(runs=RUNS, cut=st.integers(0, 14))
def test_any_runs_are_told_alike_before_and_after_pruning(runs, cut, tmp_path_factory):
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with pytest.MonkeyPatch.context() as patch, History.open(tmp_path_factory.mktemp("days") / "h.db") as history:
        patch.setattr(by_day, "NEWEST", 0)
        for rule, name, hours, hits in runs:
            started = noon + timedelta(hours=hours)
            records = tuple(
                HitRecord(
                    ExclusionVersion(id, f"v{hours % 3}"), *(counts or (None, None)), *([started] * 2 if counts else [])
                )
                for id, counts in hits.items()
            )
            history.record_run(
                RunRecord(RuleVersion(rule, name, "b", "T"), "local", "ok", started, started, hits=records)
            )
        before = [told(history, noon.replace(hour=0) + n * DAY)[:5] for n in range(3)]
        history.prune(noon.date() + cut * DAY)
        assert [told(history, noon.replace(hour=0) + n * DAY)[:5] for n in range(3)] == before


def test_a_run_in_a_zone_of_its_own_is_of_its_utc_day(history, make_run, make_hit, noon):
    from zoneinfo import ZoneInfo

    history.record_run(
        make_run(make_hit("fp-1", 1), started=datetime(2026, 11, 21, 0, 30, tzinfo=ZoneInfo("Europe/Rome")))
    )
    assert [point.day for point in history.hits()[0].trend] == [date(2026, 11, 20)]
