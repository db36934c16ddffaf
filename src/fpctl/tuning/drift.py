"""What has changed under an exclusion since it was approved or last run. Values in, findings out.

`audit` asks for the same on the whole collection; here are the questions one by one, for whoever has the
facts at hand (`fpctl review` asks them after runs).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from fpctl.catalog.exclusion import Exclusion
from fpctl.catalog.rule import Rule
from fpctl.rewrite.approval import base_hash
from fpctl.rewrite.plan import Plan

DriftKind = Literal["rule-changed", "rule-new", "rule-gone", "column-gone", "moved", "surge", "new-places"]

FACTOR = 10.0
"""So many times the median of earlier runs is a surge."""

FLOOR = 100
"""Fewer hits than these are no surge."""

ENOUGH_RUNS = 3
"""A median of fewer runs says nothing."""

_GONE = ("columns-dropped", "field-not-in-table", "column-redefined", "unknown-column", "no-table", "after-aggregation")


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that is no longer as it was: of which exclusion, in which rule, and what in words."""

    kind: DriftKind
    exclusion: str
    rule: str | None
    message: str


def changed_rules(exclusion: Exclusion, rules: Iterable[Rule]) -> list[Drift]:
    """Return rules whose base query is not what the approver saw, that are new since, or gone; sorted by rule.

    Args:
        rules: every rule that the exclusion reaches now.
    """
    if exclusion.approval is None or not exclusion.approval.rules:
        return []
    seen = exclusion.approval.rules
    now = {rule.id: base_hash(rule.query) for rule in rules}
    found: list[Drift] = []
    for id in sorted({*seen, *now}):
        if id not in now:
            found.append(
                Drift("rule-gone", exclusion.id, id, "it no longer reaches this rule, for which it was approved")
            )
        elif id not in seen:
            found.append(Drift("rule-new", exclusion.id, id, "the approver did not see this rule"))
        elif seen[id] != now[id]:
            found.append(Drift("rule-changed", exclusion.id, id, "its query has changed since the approval"))
    return found


def lost_columns(exclusion: Exclusion, plan: Plan) -> list[Drift]:
    """Return why an exclusion that could be placed once no longer can: a column or table is gone."""
    return [
        Drift("column-gone", exclusion.id, plan.rule, skip.message)
        for skip in plan.skips
        if skip.exclusion == exclusion.id and skip.reason in _GONE
    ]


def moved(exclusion: Exclusion, before: Plan, after: Plan) -> list[Drift]:
    """Return whether the clause stands elsewhere than it did: in another pipeline, or behind another operator."""
    old, new = _places(exclusion.id, before), _places(exclusion.id, after)
    if not old or not new or old == new:
        return []
    text = f"its clause stood {'; '.join(old)} and now stands {'; '.join(new)}"
    return [Drift("moved", exclusion.id, after.rule, text)]


def _places(id: str, plan: Plan) -> list[str]:
    # Without the line: a comment above moves every line and no clause.
    return sorted(
        f"{one.gap.partition(', line')[0]} in {one.pipeline}" for one in plan.insertions if id in one.exclusions
    )


def surge(exclusion: str, rule: str | None, earlier: Sequence[int], latest: int) -> Drift | None:
    """Return whether the latest run took out far more than the runs before it.

    Args:
        earlier: hits of earlier runs that know them, in any order.
        latest: hits of the latest run.
    """
    if len(earlier) < ENOUGH_RUNS or latest < FLOOR:
        return None
    usual = median(earlier)
    if latest < FACTOR * max(usual, 1):
        return None
    return Drift("surge", exclusion, rule, f"the last run took out {latest:,} events, {usual:,.0f} is usual")


def new_places(exclusion: str, rule: str | None, known: Iterable[str], latest: Iterable[str]) -> Drift | None:
    """Return whether hits come from a kind of device that none came from before.

    The kind is the name without its numbers and domain: `fin-ws` of `fin-ws-017.contoso.com`.
    """
    old = {device_class(name) for name in known}
    new = sorted({device_class(name) for name in latest} - old)
    if not old or not new:
        return None
    return Drift("new-places", exclusion, rule, f"it takes out events of devices it never did before: {', '.join(new)}")


def device_class(name: str) -> str:
    """Return a device's name without domain and numbers."""
    return name.partition(".")[0].lower().rstrip("0123456789").rstrip("-_") or name.lower()
