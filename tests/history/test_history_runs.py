"""Runs go in whole and come out as they were."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from fpctl.errors import FpctlError
from fpctl.history.history import History
from fpctl.history.records import ExclusionVersion, HitRecord, StoredHit


def test_a_run_comes_out_as_it_went_in(history, make_run, make_hit, noon):
    run_id = history.record_run(
        make_run(
            make_hit("fp-2", 7, unique=3, first=noon - timedelta(days=2, microseconds=1), last=noon),
            make_hit("fp-1", 0, unique=0),
            name="RPort",
            range_start=noon - timedelta(days=5),
            range_end=noon,
            tuned_hash="t1",
            rows_before=100,
            rows_suppressed=7,
            result_rows=3,
        )
    )
    run, hits = history.run(run_id)
    assert (run.id, run.rule, run.rule_name, run.engine, run.status) == (run_id, "rule-1", "RPort", "local", "ok")
    assert (run.started, run.finished) == (noon, noon + timedelta(seconds=2))
    assert (run.range_start, run.range_end) == (noon - timedelta(days=5), noon)
    assert (run.base_hash, run.tuned_hash) == ("b1", "t1")
    assert (run.rows_before, run.rows_suppressed, run.result_rows, run.error) == (100, 7, 3, None)
    assert hits == (
        StoredHit("fp-1", "v1", 0, 0, None, None),
        StoredHit("fp-2", "v1", 7, 3, noon - timedelta(days=2, microseconds=1), noon),
    )


def test_times_come_out_in_utc(history, make_run):
    run, _ = history.run(history.record_run(make_run()))
    assert run.started.tzinfo is UTC


def test_unknown_counts_come_out_unknown_and_not_zero(history, make_run, make_hit):
    run_id = history.record_run(make_run(make_hit("fp-1"), status="failed", error="the counting query failed"))
    run, hits = history.run(run_id)
    assert (run.rows_before, run.rows_suppressed, run.result_rows) == (None, None, None)
    assert run.error == "the counting query failed"
    assert hits == (StoredHit("fp-1", "v1", None, None, None, None),)


def test_counts_beyond_32_bits_are_kept(history, make_run, make_hit):
    _, hits = history.run(history.record_run(make_run(make_hit("fp-1", 2**53 + 1))))
    assert hits[0].rows == 2**53 + 1


def test_runs_are_listed_newest_first(history, make_run, noon):
    ids = [history.record_run(make_run(started=noon + timedelta(hours=hours))) for hours in (0, 2, 1)]
    assert [run.id for run in history.runs()] == [ids[1], ids[2], ids[0]]


def test_runs_are_narrowed_by_rule_id_or_name_and_by_start(history, make_run, noon):
    history.record_run(make_run(rule="a", name="Alpha", started=noon))
    history.record_run(make_run(rule="a", name="Alpha", started=noon + timedelta(days=1)))
    history.record_run(make_run(rule="b", name="Beta", started=noon + timedelta(days=1)))
    assert [run.rule for run in history.runs(rule="Alpha")] == ["a", "a"]
    assert [run.started for run in history.runs(rule="a", since=noon + timedelta(days=1))] == [noon + timedelta(days=1)]
    assert len(history.runs(limit=2)) == 2


def test_the_rules_with_a_run_are_listed_by_every_name_they_had(history, make_run):
    assert history.rules() == []
    for rule, name in (("b", "Beta"), ("a", "Old"), ("a", "New"), ("a", "New")):
        history.record_run(make_run(rule=rule, name=name))
    assert history.rules() == [("a", "New"), ("a", "Old"), ("b", "Beta")]


def test_an_unknown_run_is_an_error(history):
    with pytest.raises(FpctlError, match="there is no run 17"):
        history.run(17)


def test_a_version_is_kept_once_and_a_new_content_is_a_new_version(history, make_run, noon):
    def record(content_hash: str, document: str, hours: int) -> None:
        hit = HitRecord(ExclusionVersion("fp-1", content_hash, "Title", document), 1)
        history.record_run(make_run(hit, started=noon + timedelta(hours=hours)))

    record("v1", "match: {device: a}", 0)
    record("v1", "match: {device: a}", 1)
    record("v2", "match: {device: b}", 2)
    versions = history.exclusion_versions("fp-1")
    assert [(version.content_hash, version.text) for version in versions] == [
        ("v1", "match: {device: a}"),
        ("v2", "match: {device: b}"),
    ]
    assert versions[0].first_seen == noon + timedelta(seconds=2)


def test_a_rule_keeps_every_base_query_it_ran_with(history, make_run, noon):
    history.record_run(make_run(base_hash="b1", query="T | where a"))
    history.record_run(make_run(base_hash="b2", query="T | where b", started=noon + timedelta(hours=1)))
    history.record_run(make_run(base_hash="b1", query="T | where a", started=noon + timedelta(hours=2)))
    assert [version.text for version in history.rule_versions("rule-1")] == ["T | where a", "T | where b"]


def test_more_exclusions_than_one_statement_can_name_are_recorded(history, make_run, make_hit):
    hits = [make_hit(f"fp-{number:05}", number) for number in range(3_000)]
    _, stored = history.run(history.record_run(make_run(*hits)))
    assert [hit.rows for hit in stored] == list(range(3_000))


def test_a_run_that_fails_half_way_leaves_nothing(database, make_run, make_hit):
    with History.open(database) as history:
        with closing(sqlite3.connect(database)) as raw, raw:
            raw.execute("CREATE TRIGGER refuse BEFORE INSERT ON hit BEGIN SELECT RAISE(ABORT, 'refused'); END")
        with pytest.raises(FpctlError, match="refused"):
            history.record_run(make_run(make_hit("fp-1", 1)))
        assert history.runs() == []
        assert history.rule_versions("rule-1") == []
        assert history.exclusion_versions("fp-1") == []


def test_what_was_recorded_is_there_after_reopening(database, make_run):
    with History.open(database) as first:
        run_id = first.record_run(make_run())
    with History.open(database, create=False) as second:
        assert [run.id for run in second.runs()] == [run_id]


@pytest.mark.parametrize("value", ["'; DROP TABLE run; --", 'a"b', "%_", "Überwachung ✓", ""])
def test_any_text_survives_as_it_is(history, make_run, make_hit, value):
    history.record_run(make_run(make_hit(f"fp{value}", 1), rule=f"r{value}", query=value))
    assert [run.rule for run in history.runs(rule=f"r{value}")] == [f"r{value}"]
    assert [total.exclusion for total in history.hits(exclusion=f"fp{value}")] == [f"fp{value}"]
    assert [version.text for version in history.rule_versions(f"r{value}")] == [value]


def test_a_time_before_the_year_1000_or_at_the_end_of_time_is_kept(history, make_run, make_hit):
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    _, hits = history.run(history.record_run(make_run(make_hit("fp-1", 2, first=first, last=last))))
    assert (hits[0].first, hits[0].last) == (first, last)


def test_the_latest_runs_are_the_newest_of_each_rule_and_its_newest_complete_one(history, make_run, noon):
    def at(hours: int, rule: str, status: str = "ok") -> int:
        error = None if status == "ok" else "x"
        return history.record_run(
            make_run(rule=rule, started=noon + timedelta(hours=hours), status=status, error=error)
        )

    at(0, "a")
    complete = at(1, "a")
    at(2, "a", "failed")
    newest = at(3, "a", "failed")
    other = at(2, "b")
    old = at(-50, "c")
    assert [run.id for run in history.latest_runs(noon)] == [newest, other, complete]
    assert [run.id for run in history.latest_runs(noon - timedelta(days=9))] == [newest, other, complete, old]
    assert history.last_run_number() == old
