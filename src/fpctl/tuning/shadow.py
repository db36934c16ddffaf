"""Exclusions that are only counted: what they would have done, and whether it is time to decide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from fpctl.exclusions.model import Exclusion
from fpctl.history.records import HitTotals

Verdict = Literal["wait", "activate", "drop", "look"]

DAYS = 14
"""How long an exclusion is watched before it is decided."""


@dataclass(frozen=True, slots=True)
class ShadowReview:
    """What is known of a shadow exclusion.

    Attributes:
        days: since it began; None where it does not say when.
        totals: what its runs recorded; None if none had it.
        verdict: `wait`, it has not been watched for long enough; `activate`, it would have suppressed events
            that nothing else does; `drop`, it would have suppressed nothing, or nothing of its own; `look`,
            the hits of its runs are unknown.
        why: the reason in words.
    """

    exclusion: Exclusion
    days: int | None
    totals: HitTotals | None
    verdict: Verdict
    why: str


def reviews(
    exclusions: Iterable[Exclusion], totals: Mapping[str, HitTotals], today: date, days: int = DAYS
) -> list[ShadowReview]:
    """Return a review of each exclusion that is in shadow today, sorted by id."""
    return [
        _review(one, totals.get(one.id), today, days)
        for one in sorted(exclusions, key=lambda one: one.id)
        if one.state(today) == "shadow"
    ]


def _review(exclusion: Exclusion, totals: HitTotals | None, today: date, days: int) -> ShadowReview:
    since = (today - exclusion.created).days if exclusion.created is not None else None
    watched = since
    if totals is not None and totals.first_day is not None:
        counted = (today - totals.first_day).days
        watched = counted if since is None else min(since, counted)
    if totals is None or totals.runs == 0:
        return ShadowReview(exclusion, since, totals, "wait", "no run has counted it yet: fpctl run")
    if totals.rows is None:
        return ShadowReview(exclusion, since, totals, "look", "the hits of its runs are unknown")
    if watched is None or watched < days:
        left = days - (watched or 0)
        return ShadowReview(
            exclusion, since, totals, "wait", f"counted for {watched or 0} of {days} days, {left} to go"
        )
    if totals.rows == 0:
        return ShadowReview(exclusion, since, totals, "drop", "it would have suppressed nothing")
    if totals.unique == 0:
        return ShadowReview(exclusion, since, totals, "drop", "other exclusions suppress everything that it would")
    return ShadowReview(exclusion, since, totals, "activate", f"it would have suppressed {totals.rows:,} events")
