"""The state of a repository, each line with the next command."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from fpctl.exclusions.completeness import lacking
from fpctl.exclusions.model import State
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.history.records import StoredRun
from fpctl.policy import Policy
from fpctl.repository.model import Repository
from fpctl.repository.plan_summary import PlanSummary

SOON = 14
"""Days within which an expiry is near."""
SHOWN = 3
"""Ids that a command names."""


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One thing to know. `code` is stable; `command` is what to do about it, None for nothing."""

    code: str
    text: str
    command: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a repository.

    Attributes:
        states: how many exclusions are in each state.
        lines: what to know, what needs attention first.
    """

    rules: int
    states: Mapping[str, int]
    lines: tuple[StatusLine, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON."""
        return {
            "rules": self.rules,
            "exclusions": dict(self.states),
            "lines": [{"code": one.code, "text": one.text, "command": one.command} for one in self.lines],
        }


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What the status is made from.

    Attributes:
        summary: what an `apply` to the folder of tuned rules would change; None where there is no such folder.
        out: that folder, as it is shown.
        last_run: None before the first one.
        need_approval: whether the policy asks for approvals.
    """

    repository: Repository
    now: datetime
    summary: PlanSummary | None = None
    out: str = ""
    last_run: StoredRun | None = None
    need_approval: bool = True
    soon: int = field(default=SOON)


def status_of(facts: StatusFacts) -> Status:
    """Return the state of a repository."""
    today = facts.now.astimezone(UTC).date()
    exclusions = facts.repository.exclusions.exclusions
    states = {loaded.id: facts.repository.state(loaded.exclusion, today) for loaded in exclusions}
    lines = [
        *_broken(facts.repository),
        *_unapproved(exclusions, states, facts.need_approval),
        *_expiring(exclusions, states, today, facts.soon),
        *_drafts_and_shadows(exclusions, states, facts.repository.enforced),
        *_beginning(facts.repository),
    ]
    if facts.repository.rules.rules:
        lines += [*(_tuned(facts.summary, facts.out) if exclusions else ()), *_last_run(facts.last_run, today)]
    return Status(len(facts.repository.rules.rules), dict(sorted(Counter(states.values()).items())), tuple(lines))


def _broken(repository: Repository) -> list[StatusLine]:
    files = {problem.at.path for problem in repository.problems if problem.severity == "error"}
    if not files:
        return []
    return [StatusLine("unreadable", f"{_counted(len(files), 'file')} cannot be read", "fpctl audit")]


def _beginning(repository: Repository) -> list[StatusLine]:
    """Return what a new repository still lacks."""
    rules = repository.rules.rules
    if not rules:
        return [StatusLine("no-rules", "no rules yet: copy some into the rules folder", "fpctl import sentinel")]
    if repository.exclusions.exclusions:
        return []
    example = shlex.quote(min(loaded.rule.path for loaded in rules))
    return [StatusLine("no-exclusions", "no exclusion has been recorded yet", f"fpctl tune {example}")]


def _unapproved(exclusions: Sequence[LoadedExclusion], states: Mapping[str, State], needed: bool) -> list[StatusLine]:
    found = [
        one.id for one in exclusions if states[one.id] == "active" and not (one.exclusion.approved_by or "").strip()
    ]
    if not found or not needed:
        return []
    text = f"{_counted(len(found), 'active exclusion')} not approved"
    return [StatusLine("unapproved", text, f"fpctl approve {_ids(found)}")]


def _expiring(
    exclusions: Sequence[LoadedExclusion], states: Mapping[str, State], today: date, soon: int
) -> list[StatusLine]:
    found = [
        one.id
        for one in exclusions
        if states[one.id] in ("active", "shadow")
        and one.exclusion.expires is not None
        and (one.exclusion.expires - today).days <= soon
    ]
    if not found:
        return []
    verb = "expires" if len(found) == 1 else "expire"
    text = f"{_counted(len(found), 'exclusion')} {verb} within {soon} days"
    return [StatusLine("expiring", text, f"fpctl renew {_ids(found)} --until 90d")]


def _drafts_and_shadows(
    exclusions: Sequence[LoadedExclusion], states: Mapping[str, State], policy: Policy | None
) -> list[StatusLine]:
    lines: list[StatusLine] = []
    waiting = {one.id: lacking(one.exclusion, policy) for one in exclusions if states[one.id] == "draft"}
    for key in ("reason", "owner"):
        without = [id for id, missing in waiting.items() if key in missing]
        if without:
            have = "has" if len(without) == 1 else "have"
            text = f"{_counted(len(without), 'draft')} {have} no {key}"
            lines.append(StatusLine("incomplete", text, f"fpctl edit {without[0]}"))
    drafts = [id for id, missing in waiting.items() if not {"reason", "owner"} & set(missing)]
    if drafts:
        lines.append(StatusLine("drafts", _waiting(len(drafts), "draft"), f"fpctl approve {_ids(drafts)}"))
    shadows = [one.id for one in exclusions if states[one.id] == "shadow"]
    if shadows:
        text = f"{_counted(len(shadows), 'exclusion')} only counted (shadow)"
        lines.append(StatusLine("shadow", text, "fpctl review"))
    return lines


def _waiting(number: int, noun: str) -> str:
    return f"{_counted(number, noun)} {'waits' if number == 1 else 'wait'} for an approval"


def _tuned(summary: PlanSummary | None, out: str) -> list[StatusLine]:
    if summary is None:
        return [StatusLine("not-applied", "no tuned rules have been written yet", "fpctl apply --out tuned")]
    if not summary.changed:
        return [StatusLine("applied", f"{out} is up to date")]
    return [StatusLine("stale", f"{out} is stale: {summary.text()}", f"fpctl apply --out {out}")]


def _last_run(run: StoredRun | None, today: date) -> list[StatusLine]:
    if run is None:
        return [StatusLine("never-run", "no run has been recorded yet", "fpctl run")]
    days = (today - run.started.astimezone(UTC).date()).days
    when = "today" if days <= 0 else "yesterday" if days == 1 else f"{days:,} days ago"
    return [StatusLine("last-run", f"last run {when}", "fpctl run" if days > 1 else None)]


def _ids(ids: Sequence[str]) -> str:
    return " ".join(ids[:SHOWN]) + (" ..." if len(ids) > SHOWN else "")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
