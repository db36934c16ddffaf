"""Totals and trends: added up over runs, with what is unknown never counted as zero."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpctl.history.daily_series import DayHits
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, HitTotals, RuleVersion, RunRecord


def test_an_empty_history_has_no_totals(history):
    assert history.hits() == []


def test_totals_add_up_the_runs_of_an_exclusion(history, make_run, make_hit, noon):
    day = timedelta(days=1)
    history.record_run(make_run(make_hit("fp-1", 5, unique=2, first=noon - 3 * day, last=noon - day)))
    history.record_run(make_run(make_hit("fp-1", 7, unique=7, first=noon - 2 * day, last=noon), started=noon + day))
    history.record_run(make_run(make_hit("fp-1", 0, unique=0), started=noon + 2 * day))
    assert history.hits() == [
        HitTotals(
            exclusion="fp-1",
            runs=3,
            unknown_runs=0,
            rows=12,
            unique=9,
            first=noon - 3 * day,
            last=noon,
            last_hit=noon + day,
            last_run=noon + 2 * day,
            first_day=date(2026, 11, 20),
            trend=(
                DayHits(date(2026, 11, 20), 1, 5),
                DayHits(date(2026, 11, 21), 1, 7),
                DayHits(date(2026, 11, 22), 1, 0),
            ),
        )
    ]


def test_runs_of_one_day_are_one_point_of_the_trend(history, make_run, make_hit, noon):
    for hours, rows in ((0, 2), (1, None), (11, 3)):
        history.record_run(make_run(make_hit("fp-1", rows), started=noon + timedelta(hours=hours)))
    assert history.hits()[0].trend == (DayHits(date(2026, 11, 20), 3, 5),)


def test_a_day_is_a_utc_day(history, make_run, make_hit):
    history.record_run(make_run(make_hit("fp-1", 1), started=datetime(2026, 11, 20, 23, 59, 59, 999999, tzinfo=UTC)))
    history.record_run(make_run(make_hit("fp-1", 1), started=datetime(2026, 11, 21, tzinfo=UTC)))
    assert [point.day for point in history.hits()[0].trend] == [date(2026, 11, 20), date(2026, 11, 21)]


def test_unknown_hits_are_counted_as_unknown_and_not_as_zero(history, make_run, make_hit, noon):
    history.record_run(make_run(make_hit("fp-1"), status="failed", error="x"))
    (total,) = history.hits()
    assert (total.runs, total.unknown_runs, total.rows, total.unique, total.last_hit) == (1, 1, None, None, None)
    assert total.trend == (DayHits(date(2026, 11, 20), 1, None),)
    history.record_run(make_run(make_hit("fp-1", 4), started=noon + timedelta(days=1)))
    (total,) = history.hits()
    assert (total.runs, total.unknown_runs, total.rows, total.unique) == (2, 1, 4, None)


def test_versions_of_an_exclusion_are_one_exclusion(history, make_run, make_hit, noon):
    history.record_run(make_run(make_hit("fp-1", 1, content_hash="v1")))
    history.record_run(make_run(make_hit("fp-1", 2, content_hash="v2"), started=noon + timedelta(days=1)))
    assert [(total.exclusion, total.rows) for total in history.hits()] == [("fp-1", 3)]


def test_totals_can_be_given_by_rule_under_the_rules_last_name(history, make_run, make_hit, noon):
    history.record_run(make_run(make_hit("fp-1", 1), rule="b", name="Old name"))
    history.record_run(make_run(make_hit("fp-1", 2), rule="b", name="A new name", started=noon + timedelta(hours=1)))
    history.record_run(make_run(make_hit("fp-1", 4), rule="a", name="Other"))
    assert [(total.rule, total.rule_name, total.rows) for total in history.hits(by_rule=True)] == [
        ("a", "Other", 4),
        ("b", "A new name", 3),
    ]
    assert [(total.rule, total.rule_name, total.rows) for total in history.hits()] == [(None, None, 7)]


def test_totals_are_narrowed_by_rule_exclusion_and_start(history, make_run, make_hit, noon):
    history.record_run(make_run(make_hit("fp-1", 1), make_hit("fp-2", 10), rule="a", name="Alpha"))
    history.record_run(make_run(make_hit("fp-1", 100), rule="b", name="Beta", started=noon + timedelta(days=1)))
    assert [(total.exclusion, total.rows) for total in history.hits(rule="Alpha")] == [("fp-1", 1), ("fp-2", 10)]
    assert [(total.exclusion, total.rows) for total in history.hits(exclusion="fp-1")] == [("fp-1", 101)]
    since = history.hits(since=noon + timedelta(days=1))
    assert [(total.exclusion, total.rows) for total in since] == [("fp-1", 100)]


def test_days_of_a_trend_are_read_one_by_one(history, make_run, make_hit, noon):
    for day, rows in ((3, 4), (0, 1), (2, None), (0, 2), (1, 3)):
        history.record_run(make_run(make_hit("fp-1", rows), started=noon + timedelta(days=day)))
    (total,) = history.hits()
    assert total.first_day == date(2026, 11, 20)
    days = [tuple(point) for point in total.between(date(2026, 11, 20), date(2026, 11, 22))]
    assert days == [(date(2026, 11, 20), 2, 3), (date(2026, 11, 21), 1, 3), (date(2026, 11, 22), 1, None)]
    assert HitTotals("fp-1", trend=total.trend[:2]).between(date(2026, 11, 21), date(2027, 1, 1)) == [total.trend[1]]


def test_a_trend_may_begin_on_a_day_and_then_tells_nothing_of_the_days_before(history, make_run, make_hit, noon):
    for day, rows in ((0, 4), (1, 1), (2, None), (3, 3)):
        history.record_run(make_run(make_hit("fp-1", rows), started=noon + timedelta(days=day)))
    history.record_run(make_run(make_hit("fp-2", 7), started=noon))
    late, old = history.hits(trend=date(2026, 11, 22))
    assert late.trend == (DayHits(date(2026, 11, 22), 1, None), DayHits(date(2026, 11, 23), 1, 3))
    assert (late.rows, late.runs, late.first_day) == (8, 4, date(2026, 11, 20))
    assert (old.rows, tuple(old.trend), old.first_day) == (7, (), date(2026, 11, 20))
    with pytest.raises(ValueError, match="2026-11-22"):
        late.between(date(2026, 11, 21), date(2026, 11, 23))


def test_the_first_day_of_a_part_of_a_day_is_that_day(history, make_run, make_hit, noon):
    history.record_run(make_run(make_hit("fp-1", 5)))
    history.record_run(make_run(make_hit("fp-1", 6), started=noon + timedelta(days=2)))
    assert [one.first_day for one in history.hits(since=noon, trend=False)] == [date(2026, 11, 20)]
    assert [one.first_day for one in history.hits(since=noon + timedelta(hours=1))] == [date(2026, 11, 22)]


def test_hits_by_rule_are_added_over_versions_and_unknown_ones_are_not_zero(history, make_run, make_hit, noon):
    history.record_run(make_run(make_hit("fp-1", 1, content_hash="v1"), rule="a", started=noon - timedelta(days=9)))
    history.record_run(make_run(make_hit("fp-1", 2, content_hash="v1"), rule="a"))
    history.record_run(make_run(make_hit("fp-1", 4, content_hash="v2"), rule="a", started=noon + timedelta(days=1)))
    history.record_run(make_run(make_hit("fp-1"), rule="b", status="failed", error="x"))
    assert history.hits_by_rule(noon) == [("fp-1", "a", 6), ("fp-1", "b", None)]


def test_totals_without_their_days_are_the_same_totals(history, make_run, make_hit, noon):
    history.record_run(make_run(make_hit("fp-1", 5), rule="a"))
    history.record_run(make_run(make_hit("fp-1", 6), rule="b", started=noon + timedelta(hours=40)))
    for by_rule in (False, True):
        for since in (None, noon, noon - timedelta(hours=12)):
            whole = history.hits(by_rule=by_rule, since=since)
            assert [(one.rows, one.runs, one.last_hit) for one in whole] == [
                (one.rows, one.runs, one.last_hit) for one in history.hits(by_rule=by_rule, since=since, trend=False)
            ]


RUNS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(min_value=0, max_value=200),
        st.dictionaries(st.sampled_from(["fp-1", "fp-2", "fp-3"]), st.none() | st.integers(0, 9)),
    ),
    max_size=12,
)


@settings(max_examples=30)  # each makes a history of its own on disk
@given(runs=RUNS)
def test_totals_agree_with_adding_up_by_hand(runs, tmp_path_factory):
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    expected: dict[str, list[int | None]] = {}
    with History.open(tmp_path_factory.mktemp("totals") / "history.db") as history:
        for rule, hours, hits in runs:
            started = noon + timedelta(hours=hours)
            records = tuple(HitRecord(ExclusionVersion(name, f"v{hours % 3}"), rows) for name, rows in hits.items())
            history.record_run(
                RunRecord(RuleVersion(rule, rule, "b", "T"), "local", "ok", started, started, hits=records)
            )
            for name, rows in hits.items():
                expected.setdefault(name, []).append(rows)
        totals = {total.exclusion: total for total in history.hits()}
    assert totals.keys() == expected.keys()
    for name, counts in expected.items():
        known = [count for count in counts if count is not None]
        assert totals[name].runs == len(counts)
        assert totals[name].unknown_runs == len(counts) - len(known)
        assert totals[name].rows == (sum(known) if known else None)
        assert sum(point.runs for point in totals[name].trend) == len(counts)
