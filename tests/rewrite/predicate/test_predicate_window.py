"""Windows: the hours that a clock in the zone shows, on every night of the year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.engine import Engine
from fpctl.exclusions.window import Window
from fpctl.rewrite.predicate import BoundColumn, PredicateError, TimeLimits, UtcRange, build, utc_intervals

PORT = {"port": [BoundColumn("RemotePort", "int", "port")]}


def window(timezone: str, *weekly: str, intervals: tuple[str, ...] = ()) -> Window:
    return Window.model_validate({"weekly": list(weekly), "intervals": list(intervals), "timezone": timezone})


def shown(found: list[tuple[datetime, datetime]]) -> list[str]:
    return [f"{start:%d %H:%M}-{end:%d %H:%M}" for start, end in found]


def days(first: date, count: int) -> UtcRange:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return UtcRange(start, start + timedelta(days=count))


def test_a_plain_night_is_shifted_by_the_offset_of_its_season() -> None:
    hours = window("Europe/Rome", "sun 02:00-04:00")
    assert shown(utc_intervals(hours, days(date(2026, 1, 4), 1))) == ["04 01:00-04 03:00"]
    assert shown(utc_intervals(hours, days(date(2026, 7, 5), 1))) == ["05 00:00-05 02:00"]


def test_on_the_night_the_clocks_go_forward_the_hour_that_no_clock_shows_is_missing() -> None:
    assert shown(utc_intervals(window("Europe/Rome", "sun 02:00-04:00"), days(date(2026, 3, 29), 1))) == [
        "29 01:00-29 02:00"
    ]


def test_on_the_night_the_clocks_go_back_the_hour_shown_twice_counts_twice() -> None:
    assert shown(utc_intervals(window("Europe/Rome", "sun 02:00-04:00"), days(date(2026, 10, 25), 1))) == [
        "25 00:00-25 03:00"
    ]


def test_hours_past_midnight_belong_to_the_day_on_which_they_begin() -> None:
    hours = window("UTC", "sat 22:00-02:00")
    assert shown(utc_intervals(hours, days(date(2026, 1, 2), 4))) == ["03 22:00-04 02:00"]


def test_a_zone_far_from_utc_reaches_into_the_range_from_the_day_before() -> None:
    hours = window("Pacific/Kiritimati", "mon 00:00-01:00")
    assert shown(utc_intervals(hours, days(date(2026, 1, 4), 1))) == ["04 10:00-04 11:00"]


def test_intervals_and_hours_are_cut_to_the_range_and_joined() -> None:
    both = window("UTC", "daily 00:00-12:00", intervals=("2026-01-01 11:00/2026-01-02 01:00",))
    within = UtcRange(datetime(2026, 1, 1, 6, tzinfo=UTC), datetime(2026, 1, 2, 6, tzinfo=UTC))
    assert shown(utc_intervals(both, within)) == ["01 06:00-02 06:00"]


def test_a_range_of_years_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 400 days"):
        utc_intervals(window("UTC", "daily 00:00-12:00"), days(date(2026, 1, 1), 401))


ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Rome",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Sao_Paulo",
        "Africa/Casablanca",
    ]
)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@given(
    ZONES,
    st.integers(0, 6),
    st.integers(0, 47),
    st.integers(1, 47),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1)),
    st.integers(-200, 200),
)
def test_an_instant_is_inside_when_the_clock_of_the_zone_shows_a_time_inside(
    zone: str, day: int, begin: int, length: int, near: datetime, minutes: int
) -> None:
    start, end = begin * 30, (begin + length) * 30 % 1440
    if start == end:
        return
    text = f"{WEEKDAYS[day]} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    # Look around the changes of the clock, half of the time.
    changes = [datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2026, 3, 8, 7), datetime(2026, 11, 1, 6)]
    base = changes[near.day % 4] if near.day % 2 else near.replace(second=0, microsecond=0)
    instant = (base + timedelta(minutes=minutes)).replace(tzinfo=UTC)
    local = instant.astimezone(ZoneInfo(zone))
    clock = local.hour * 60 + local.minute
    if end > start:
        inside = local.weekday() == day and start <= clock < end
    else:
        inside = (local.weekday() == day and clock >= start) or (local.weekday() == (day + 1) % 7 and clock < end)
    within = UtcRange(instant - timedelta(days=3), instant + timedelta(days=3))
    found = utc_intervals(window(zone, text), within)
    assert any(first <= instant < last for first, last in found) is inside


def test_a_window_in_utc_runs_as_it_stands(engine: Engine) -> None:
    hours = window("UTC", "sun 02:00-04:00", "fri 23:00-01:30")
    predicate = build([{"port": ["1"]}], PORT, times=TimeLimits(window=hours, column="T0"))
    assert predicate.render() == (
        "RemotePort in (1) and (coalesce(dayofweek(T0) == 6d and (T0 - startofday(T0)) < 90m, false) "
        "or coalesce(dayofweek(T0) == 0d and (T0 - startofday(T0)) >= 2h and (T0 - startofday(T0)) < 4h, false) "
        "or coalesce(dayofweek(T0) == 5d and (T0 - startofday(T0)) >= 23h, false))"
    )
    start = datetime(2026, 1, 1)
    times: list[datetime | None] = [start + timedelta(minutes=30 * step) for step in range(48 * 8)]
    engine.load({"RemotePort": "int", "T0": "datetime"}, [{"RemotePort": 1, "T0": at} for at in [*times, None]])
    within = UtcRange(start.replace(tzinfo=UTC), datetime(2026, 1, 9, tzinfo=UTC))
    inside = utc_intervals(hours, within)
    outside = [n for n, at in enumerate(times) if at and not any(s <= at.replace(tzinfo=UTC) < e for s, e in inside)]
    assert engine.kept(predicate.clause()) == [*outside, len(times)]
    written_out = build([{"port": ["1"]}], PORT, times=TimeLimits(window=hours, within=within, column="T0"))
    assert "dayofweek" not in written_out.render()
    assert engine.kept(written_out.clause()) == [*outside, len(times)]


def test_another_zone_is_converted_by_the_engine() -> None:
    text = build(
        [{"port": ["1"]}], PORT, times=TimeLimits(window=window("Europe/Rome", "sat-sun 00:00-24:00"), column="T0")
    ).render()
    assert (
        text == 'RemotePort in (1) and coalesce(dayofweek(datetime_utc_to_local(T0, "Europe/Rome")) in (0d, 6d), false)'
    )


def test_a_window_needs_a_time_and_a_time_in_the_range() -> None:
    hours = window("UTC", "sun 02:00-04:00")
    with pytest.raises(PredicateError) as caught:
        build([{"port": ["1"]}], PORT, times=TimeLimits(window=hours))
    assert caught.value.reason == "columns-dropped"
    with pytest.raises(PredicateError) as caught:
        build([{"port": ["1"]}], PORT, times=TimeLimits(window=hours, within=days(date(2026, 1, 5), 2), column="T0"))
    assert caught.value.reason == "outside-window"
