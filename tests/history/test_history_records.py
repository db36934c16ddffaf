"""What a run and its hits must be before they can be recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest


def test_times_are_turned_to_utc(make_run):
    rome = timezone(timedelta(hours=1))
    run = make_run(started=datetime(2026, 11, 20, 13, tzinfo=rome))
    assert run.started == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert run.started.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(make_run):
    with pytest.raises(ValueError, match="2026-11-20T12:00:00 has no time zone"):
        make_run(started=datetime(2026, 11, 20, 12))


@pytest.mark.parametrize("name", ["rows_before", "rows_suppressed", "result_rows"])
def test_a_negative_count_is_refused(make_run, name):
    with pytest.raises(ValueError, match=f"{name} is -1"):
        make_run(**{name: -1})


@pytest.mark.parametrize("status", ["failed", "partial", "cancelled"])
def test_a_run_that_is_not_ok_says_why(make_run, status):
    with pytest.raises(ValueError, match="a run has an error exactly when it is not ok"):
        make_run(status=status)
    assert make_run(status=status, error="no such table").error == "no such table"


def test_an_ok_run_has_no_error(make_run):
    with pytest.raises(ValueError, match="a run has an error exactly when it is not ok"):
        make_run(error="something")


def test_an_unknown_status_is_refused(make_run):
    with pytest.raises(ValueError, match="'done' is not a run status"):
        make_run(status="done", error="x")


def test_a_run_does_not_end_before_it_started(make_run, noon):
    with pytest.raises(ValueError, match="before it started"):
        make_run(finished=noon - timedelta(seconds=1))


def test_an_exclusion_has_one_hit_record_in_a_run(make_run, make_hit):
    with pytest.raises(ValueError, match="hits of fp-1 are given more than once"):
        make_run(make_hit("fp-1", 3), make_hit("fp-2", 3), make_hit("fp-1", 4, content_hash="v2"))


def test_there_are_no_more_unique_hits_than_hits(make_hit):
    with pytest.raises(ValueError, match="fp-1 has 4 unique hits of 3"):
        make_hit("fp-1", 3, unique=4)


def test_nothing_is_known_about_unknown_hits(make_hit, noon):
    with pytest.raises(ValueError, match="hits of fp-1 are unknown"):
        make_hit("fp-1", None, first=noon)
