"""A window as text a person understands."""

from __future__ import annotations

import pytest

from fpctl.exclusions.window import Window
from fpctl.exclusions.window_text import describe


@pytest.mark.parametrize(
    ("weekly", "words"),
    [
        ("sun 02:00-04:00", "Sundays 02:00-04:00 UTC"),
        ("sat,sun 02:00-04:00", "Saturdays and Sundays 02:00-04:00 UTC"),
        ("mon-fri 22:00-06:00", "Monday to Friday 22:00-06:00 UTC"),
        ("mon,wed,fri 00:00-24:00", "Mondays, Wednesdays, Fridays 00:00-24:00 UTC"),
        ("daily 12:00-13:00", "daily 12:00-13:00 UTC"),
        ("fri-mon 01:00-02:00", "Mondays, Friday to Sunday 01:00-02:00 UTC"),
    ],
)
def test_weekly_hours(weekly, words):
    assert describe(Window(weekly=weekly)) == words


def test_several_times_and_their_zone():
    window = Window(
        weekly=["sun 02:00-04:00", "wed 03:00-03:30"],
        intervals=["2026-12-24 18:00/2026-12-27"],
        timezone="Europe/Rome",
    )
    assert describe(window) == (
        "Sundays 02:00-04:00; Wednesdays 03:00-03:30; from 2026-12-24 18:00 to 2026-12-27 00:00 Europe/Rome"
    )
