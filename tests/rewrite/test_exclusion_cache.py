"""What is worked out of an exclusion once for all rules."""

from __future__ import annotations

from datetime import date

import pytest

from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.exclusion_cache import ExclusionCache
from fpctl.rewrite.predicate import BoundColumn, Dialect, TimeLimits

DEVICE = {"device": (BoundColumn("DeviceName", "string", "host-name"),)}
COMPUTER = {"device": (BoundColumn("Computer", "string", "host-name"),)}
LIMITS = TimeLimits(column="Timestamp", expires=date(2027, 5, 1))


def exclusion(**changes: object) -> Exclusion:
    given = {"id": "fp-1", "rules": ["*"], "match": {"device": ["build01"]}, "expires": date(2027, 5, 1)}
    return Exclusion.model_validate({**given, **changes})


def test_rules_that_bind_an_exclusion_to_the_same_columns_share_its_predicate() -> None:
    cache, one = ExclusionCache(), exclusion()

    first = cache.predicate(one, one.match, DEVICE, LIMITS, Dialect.STANDARD)

    assert cache.predicate(one, one.match, dict(DEVICE), LIMITS, Dialect.STANDARD) is first


@pytest.mark.parametrize(
    ("bindings", "limits", "dialect"),
    [
        (COMPUTER, LIMITS, Dialect.STANDARD),
        (DEVICE, TimeLimits(expires=date(2027, 5, 1)), Dialect.STANDARD),
        (DEVICE, TimeLimits(column="Timestamp", starts=date(2027, 1, 1), expires=date(2027, 5, 1)), Dialect.STANDARD),
        (DEVICE, LIMITS, Dialect.NRT),
    ],
)
def test_other_columns_limits_or_words_make_another_predicate(
    bindings: dict[str, tuple[BoundColumn, ...]], limits: TimeLimits, dialect: Dialect
) -> None:
    cache, one = ExclusionCache(), exclusion()
    usual = cache.predicate(one, one.match, DEVICE, LIMITS, Dialect.STANDARD)

    other = cache.predicate(one, one.match, bindings, limits, dialect)

    assert other != usual


def test_an_exclusion_that_was_changed_is_another_one() -> None:
    cache, one = ExclusionCache(), exclusion()
    changed = exclusion(match={"device": ["build02"]})

    before = cache.predicate(one, one.match, DEVICE, LIMITS, Dialect.STANDARD)
    after = cache.predicate(changed, changed.match, DEVICE, LIMITS, Dialect.STANDARD)

    assert "build01" in before.clause()
    assert "build02" in after.clause()


def test_alternatives_are_told_apart() -> None:
    cache = ExclusionCache()
    one = exclusion(match=[{"device": ["build01"]}, {"device": ["build02"], "process": ["setup.exe"]}])

    both = cache.required(one, one.match)
    first = cache.required(one, one.match[:1])

    assert [field for field, _ in both.fields] == ["device", "process"]
    assert [field for field, _ in first.fields] == ["device"]
