"""What has changed under an exclusion since it was approved, and since earlier runs. Values in, findings out.

`fpctl run` reports it after each run and records it; `fpctl audit` reports it as findings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Literal, get_args

from fpctl.exclusions.model import Exclusion
from fpctl.history.records import PastHits
from fpctl.repository.approval_snapshot import tables_of
from fpctl.rewrite.plan.model import Skip

DriftKind = Literal[
    "rule-changed", "rule-added", "lost-place", "table-changed", "moved-clause", "unusual-hits", "new-devices"
]
"""Stable words: the names of the findings that say the same in an audit."""

CODES: Mapping[str, str] = dict(
    zip(get_args(DriftKind), ("FP208", "FP209", "FP317", "FP318", "FP319", "FP506", "FP507"), strict=True)
)

FACTOR = 10.0
"""How many times the median of earlier runs is unusual."""

FLOOR = 100
"""Fewer hits than these are never unusual."""

ENOUGH_RUNS = 3
"""A median of fewer runs says nothing."""

LOOK_BACK = 30
"""How many earlier runs are looked at."""

_PLACE_LOST = frozenset({
    "field-not-in-table", "columns-dropped", "column-redefined", "column-ambiguous", "no-table", "inverting-position",
    "both-polarities", "inverting-rule", "after-aggregation", "unknown-column", "unsupported-position",
    "placement-unavailable",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drift:
    """Something that is no longer as it was: of which exclusion, in which rule (id), and what in one sentence."""

    kind: DriftKind
    exclusion: str
    rule: str
    message: str

    @property
    def code(self) -> str:
        """The code of the finding that an audit makes of it."""
        return CODES[self.kind]


def since_approval(
    exclusion: Exclusion, rule: str, name: str, base_hash: str, place: str | None, skip: Skip | None
) -> list[Drift]:
    """Return what is no longer as the approver saw it in one rule; nothing where no approval is recorded.

    Args:
        rule: its id; the exclusion reaches it.
        name: what it is called.
        base_hash: hash of its base query now.
        place: where the clause is now (`rewrite.approval.place_of`); None where it has none.
        skip: why it has none.
    """
    approval = exclusion.approval
    if approval is None or not approval.rules:
        return []
    found: list[Drift] = []
    seen = approval.rules.get(rule)
    if seen is None:
        message = f"{exclusion.id} applies to `{name}`, which it did not when it was approved"
        found.append(Drift("rule-added", exclusion.id, rule, message))
    elif seen.lower() != base_hash:
        message = f"the query of `{name}` has changed since {exclusion.id} was approved for it"
        found.append(Drift("rule-changed", exclusion.id, rule, message))
    found += moved(exclusion, rule, name, place, skip)
    return found


def moved(exclusion: Exclusion, rule: str, name: str, place: str | None, skip: Skip | None) -> list[Drift]:
    """Return whether the clause is not where the approver saw it, on other tables, or nowhere any more."""
    before = exclusion.approval.places.get(rule) if exclusion.approval is not None else None
    if before is None or before == place:
        return []
    if place is None:
        if skip is None or skip.reason not in _PLACE_LOST:
            # A draft, an expired one, or one that a test keeps out: nothing has moved.
            return []
        message = (
            f"{exclusion.id} suppresses nothing in `{name}` any more, where its clause was on {before}: "
            f"{skip.message} [{skip.reason}]"
        )
        return [Drift("lost-place", exclusion.id, rule, message)]
    kind: DriftKind = "moved-clause" if tables_of(before) == tables_of(place) else "table-changed"
    message = f"the clause of {exclusion.id} in `{name}` was on {before} when it was approved and is now on {place}"
    return [Drift(kind, exclusion.id, rule, message)]


def unusual_hits(
    exclusion: str, rule: str, name: str, earlier: Iterable[PastHits], latest: int, span: timedelta | None
) -> Drift | None:
    """Return whether the latest run suppressed far more than the runs before it.

    Only runs that read a range of like length are compared: a month has more hits than a day.

    Args:
        earlier: of this exclusion in this rule, in any order.
        latest: hits of the latest run.
        span: length of the range that it read; None where the rule's own time filter decides.
    """
    alike = [one.rows for one in earlier if one.exclusion == exclusion and _alike(span, one)]
    if len(alike) < ENOUGH_RUNS or latest < FLOOR:
        return None
    usual = median(alike)
    if latest < FACTOR * max(usual, 1):
        return None
    runs = f"the median of the {len(alike)} runs before is {usual:,.0f}"
    message = (
        f"{exclusion} suppressed {latest:,} events of `{name}`, more than {FACTOR:g} times as many as usual: {runs}"
    )
    return Drift("unusual-hits", exclusion, rule, message)


def _alike(span: timedelta | None, past: PastHits) -> bool:
    before = past.range_end - past.range_start if past.range_start is not None and past.range_end is not None else None
    if span is None or before is None:
        return span is None and before is None
    return before / 2 <= span <= before * 2


def new_devices(exclusion: str, rule: str, name: str, known: Collection[str], latest: Collection[str]) -> Drift | None:
    """Return whether hits come from a kind of device that none came from in earlier runs.

    Args:
        known: kinds of devices (`device_kind`) of earlier runs; where there are none, there is nothing to compare.
        latest: kinds of devices of the latest run.
    """
    new = sorted(set(latest) - set(known))
    if not known or not new:
        return None
    shown = f"{', '.join(new[:5])} and {len(new) - 5} more" if len(new) > 5 else ", ".join(new)
    message = f"{exclusion} suppresses events of `{name}` on a kind of device that it never did before: {shown}"
    return Drift("new-devices", exclusion, rule, message)


def device_kind(name: str) -> str:
    """Return a device's name without domain and number at its end: `fin-ws` of `FIN-WS-017.contoso.com`."""
    host = name.partition(".")[0].lower()
    return host.rstrip("0123456789").rstrip("-_") or host


def kind_expression(device: str) -> str:
    """Return the KQL of `device_kind` for the KQL of a device's name."""
    host = f'tostring(split(tolower({device}), ".")[0])'
    kind = f'extract(@"^(.*?)[-_]*[0-9]*$", 1, {host})'
    return f'iff({kind} == "", {host}, {kind})'


def told(found: Sequence[Drift]) -> list[Drift]:
    """Return drift in a stable order: by exclusion, then by code."""
    return sorted(found, key=lambda one: (one.exclusion, one.code))
