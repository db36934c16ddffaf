"""Ids that never collide, and the days that people name."""

from __future__ import annotations

from datetime import date

import pytest

from fpctl.errors import FpctlError
from fpctl.exclusions.expiry import parse_days, parse_until
from fpctl.exclusions.identifier import ALPHABET, LENGTH, draw, new_id

TODAY = date(2026, 11, 24)


def test_an_id_has_the_year_and_a_tail_drawn_at_random():
    assert new_id(TODAY, (), lambda: "7k3m9qtz") == "fp-2026-7k3m9qtz"


def test_a_tail_is_drawn_again_while_the_id_is_taken_in_any_case():
    tails = iter(["aaaaaaaa", "aaaaaaaa", "bbbbbbbb"])
    assert new_id(TODAY, ["FP-2026-AAAAAAAA"], lambda: next(tails)) == "fp-2026-bbbbbbbb"


def test_no_free_id_is_an_error_and_not_an_endless_search():
    with pytest.raises(FpctlError, match="no free id was found"):
        new_id(TODAY, ["fp-2026-a"], lambda: "a")


def test_ten_thousand_tails_are_all_different():
    tails = {draw() for _ in range(10_000)}
    assert len(tails) == 10_000
    assert all(len(tail) == LENGTH and set(tail) <= set(ALPHABET) for tail in tails)


def test_no_letter_of_an_id_is_taken_for_another():
    assert not set("ilou") & set(ALPHABET)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-05-24", date(2027, 5, 24)),
        ("90d", date(2027, 2, 22)),
        ("2W", date(2026, 12, 8)),
        ("1m", date(2026, 12, 24)),
        ("3m", date(2027, 2, 24)),
        ("1y", date(2027, 11, 24)),
        (" 14 d ", date(2026, 12, 8)),
    ],
)
def test_a_day_is_a_date_or_a_span_from_today(text, day):
    assert parse_until(text, TODAY) == day


def test_a_month_from_the_31st_ends_on_the_last_of_a_shorter_month():
    assert parse_until("1m", date(2027, 1, 31)) == date(2027, 2, 28)
    assert parse_until("1y", date(2028, 2, 29)) == date(2029, 2, 28)
    assert parse_until("11m", date(2027, 1, 31)) == date(2027, 12, 31)


@pytest.mark.parametrize("text", ["", "soon", "90", "2027-02-30", "24.05.2027", "99999y", "-3d"])
def test_what_names_no_day_is_refused(text):
    with pytest.raises(FpctlError) as caught:
        parse_until(text, TODAY)
    assert caught.value.message == f"`{text}` is not a valid date"
    assert caught.value.hint == "use 2027-05-24, or 90d, 12w, 6m, 1y from today"


def test_days_are_counted_in_days_or_weeks():
    assert [parse_days(text) for text in ("30d", "4w", "30")] == [30, 28, 30]
    with pytest.raises(FpctlError, match="`1m` is not a valid number of days"):
        parse_days("1m")
