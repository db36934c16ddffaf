"""The plan of one rule: which clause goes into which insertion point, what was skipped and why. Pure data."""

from __future__ import annotations

from dataclasses import dataclass

from fpctl.rewrite.reasons import SkipReason, WarningCode


@dataclass(frozen=True, slots=True)
class Insertion:
    """One clause in one insertion point.

    `offset` is the insertion point's offset in the base query, `line` the 1-based base line of the operator it
    follows, `position` words such as `after where, line 4`; `clause` is the whole `| where not(...)`
    without marker and newline; `condition` is what is inside `not(...)`.
    """

    exclusions: tuple[str, ...]
    offset: int
    line: int
    position: str
    pipeline: str
    clause: str
    condition: str


@dataclass(frozen=True, slots=True)
class Skip:
    """An exclusion that is not in the plan. `finding` is set when the exclusion names this rule."""

    exclusion: str
    reason: SkipReason
    message: str
    line: int | None = None
    hint: str | None = None
    finding: bool = False


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """Something the reader of the tuned query should know. `line` is a 1-based base-query line."""

    code: WarningCode
    message: str
    line: int | None = None
    exclusion: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Insertions in order of offset, skips and warnings sorted; the same input gives the same plan."""

    rule: str
    insertions: tuple[Insertion, ...]
    skips: tuple[Skip, ...]
    warnings: tuple[PlanWarning, ...]
