"""Looking through the exclusions: which of them meet what is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from fpctl.errors import FpctlError
from fpctl.exclusions.completeness import state_in_effect
from fpctl.exclusions.model import Exclusion, State
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.fields.registry import names_value
from fpctl.policy import Policy
from fpctl.rules.model import Rule

STATES: tuple[State, ...] = ("active", "shadow", "not-yet-valid", "draft", "expired", "retired")


@dataclass(frozen=True, slots=True)
class ExclusionQuery:
    """What is asked; None and empty ask nothing.

    Args:
        rules: exclusions that reach one of these rules.
        scenario: those of this scenario, `none` for those of no scenario.
        owner: those whose owner contains this text, ignoring case; `none` for those without.
        states: those in one of these states on the day.
        expiring: those that are active or in shadow and end within this many days.
        matches: those that would match this value in one of their fields.
    """

    rules: Collection[Rule] | None = None
    scenario: str | None = None
    owner: str | None = None
    states: Collection[State] = ()
    expiring: int | None = None
    matches: str | None = None


@dataclass(frozen=True, slots=True)
class FoundExclusion:
    """An exclusion that meets the criteria, and what to report of it on the day.

    `days_left` counts to the first day on which it no longer holds: 1 is "today is the last day".
    """

    loaded: LoadedExclusion
    state: State
    days_left: int | None
    fields: tuple[str, ...] = ()


def find_exclusions(
    exclusions: Iterable[LoadedExclusion], criteria: ExclusionQuery, today: date, policy: Policy | None = None
) -> list[FoundExclusion]:
    """Return the exclusions that meet all criteria, in the order given; expiring ones the soonest first.

    Args:
        policy: what lacks what it asks counts as a draft; None asks nothing.
    """
    found: list[FoundExclusion] = []
    for loaded in exclusions:
        exclusion = loaded.exclusion
        state = state_in_effect(exclusion, policy, today)
        left = (exclusion.expires - today).days if exclusion.expires is not None else None
        if criteria.states and state not in criteria.states:
            continue
        if not _said(criteria.scenario, exclusion.scenario, whole=True) or not _said(criteria.owner, exclusion.owner):
            continue
        if criteria.expiring is not None and not (
            state in ("active", "shadow") and left is not None and left <= criteria.expiring
        ):
            continue
        if criteria.rules is not None and not any(exclusion.selects(rule) for rule in criteria.rules):
            continue
        fields = matching_fields(exclusion, criteria.matches) if criteria.matches is not None else ()
        if criteria.matches is not None and not fields:
            continue
        found.append(FoundExclusion(loaded, state, left, fields))
    if criteria.expiring is not None:
        found.sort(key=lambda one: (one.days_left or 0, one.loaded.id))
    return found


def matching_fields(exclusion: Exclusion, value: str) -> tuple[str, ...]:
    """Return the fields of an exclusion of which a value says that it would match; `where` if its text has it.

    The rules are those of the clauses, applied to one value instead of to an event.
    """
    found: list[str] = []
    for alternative in exclusion.match:
        for field, patterns in alternative.fields().items():
            if field not in found and any(names_value(field, pattern, value) for pattern in patterns):
                found.append(field)
        if alternative.where is not None and value.casefold() in alternative.where.casefold() and "where" not in found:
            found.append("where")
    return tuple(found)


def parse_states(text: str) -> tuple[State, ...]:
    """Return the states that `active` or `expired,retired` names.

    Raises:
        FpctlError: a word is no state, or there is none.
    """
    words = [word for word in re.split(r"[,\s]+", text.strip().lower()) if word]
    for word in words:
        if word not in STATES:
            raise FpctlError(f"`{word}` is not a valid status", None, f"one of {', '.join(STATES)}")
    if not words:
        raise FpctlError("no status is given", None, f"one of {', '.join(STATES)}")
    return tuple(state for state in STATES if state in words)


def _said(wanted: str | None, value: str | None, *, whole: bool = False) -> bool:
    if wanted is None:
        return True
    if wanted.casefold() == "none":
        return not value
    if value is None:
        return False
    return wanted.casefold() == value.casefold() if whole else wanted.casefold() in value.casefold()
