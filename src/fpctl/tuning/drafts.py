"""Proposals as they are recorded: a draft, and the command that makes the same."""

from __future__ import annotations

import shlex
from datetime import date
from typing import Any

from fpctl.exclusions.drafts.draft import DraftExclusion
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.window import DAYS
from fpctl.tuning.suggestion import Suggestion


def draft_of(one: Suggestion, rule: str, today: date) -> DraftExclusion:
    """Return a proposal as a draft for one rule, without reason, owner and ticket."""
    return DraftExclusion(
        rules=(rule,),
        match=tuple(dict(alternative.fields()) for alternative in one.exclusion.match),
        scenario=one.exclusion.scenario,
        window=window_of(one.exclusion),
        created=today,
        expires=one.exclusion.expires,
        status="draft",
        notes=_note(one),
    )


def add_command(one: Suggestion) -> str:
    """Return the `fpctl add` command that records a proposal."""
    words = ["fpctl", "add"]
    for selector in one.exclusion.rules:
        words += ["--rule", selector]
    if one.exclusion.scenario:
        words += ["--scenario", one.exclusion.scenario, "--no-defaults"]
    for field, values in one.exclusion.match[0].fields().items():
        for value in values:
            words += [f"--{field.replace('_', '-')}", value]
    window = window_of(one.exclusion)
    for hours in window["weekly"] if window else ():
        words += ["--weekly", hours]
    if one.exclusion.expires is not None:
        words += ["--expires", one.exclusion.expires.isoformat()]
    return shlex.join([*words, "--status", "draft"])


def window_of(exclusion: Exclusion) -> dict[str, Any] | None:
    """Return the window as it is written in a file; None for none."""
    if exclusion.window is None:
        return None
    weekly = []
    for one in exclusion.window.weekly:
        days = "daily" if len(one.days) == 7 else ",".join(DAYS[day] for day in one.days)
        weekly.append(f"{days} {_clock(one.start)}-{_clock(one.end)}")
    return {"weekly": weekly, "timezone": exclusion.window.timezone}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _note(one: Suggestion) -> str:
    devices = f" on {_counted(one.devices, 'device')}" if one.devices is not None else ""
    return (
        f"proposed from events: {_counted(one.rows_removed, 'event')}{devices}, {one.when.words}; "
        f"{_counted(one.result_rows_removed, 'result row')} fewer"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
