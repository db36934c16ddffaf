"""What the demo promises: exactly the attack sessions remain in the rule's result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fpctl.demo.dataset import DatasetSummary
from fpctl.demo.sessions import AttackSession
from fpctl.engine.local.engine import LocalEngine
from fpctl.repository.apply import tune
from fpctl.repository.model import open_repository


@dataclass(frozen=True, slots=True)
class Remaining:
    """The attack sessions that the tuned rule still shows, and whatever is not as promised."""

    found: tuple[AttackSession, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether each session is there with all its events, and nothing else."""
        return not self.problems


def remaining(folder: Path, summary: DatasetSummary) -> Remaining:
    """Run the tuned rule once more and compare its rows with the sessions that were planted."""
    repository = open_repository(folder / "rules", folder / "exclusions")
    planner = repository.planner(summary.end.date())
    (outcome, *_) = tune(repository.rules.rules, repository.active(), planner)
    if outcome.tuned is None:
        return Remaining((), (str(outcome.error),))
    engine = LocalEngine(folder / "data", now=summary.end, tables=repository.tables)
    try:
        rows = {
            (row["DeviceName"], row["RemoteUrl"]): row["Count"] for row in engine.query(outcome.tuned.tuned).dicts()
        }
    finally:
        engine.close()
    problems: list[str] = []
    found: list[AttackSession] = []
    for session in summary.attacks:
        events = rows.pop((session.device, session.url), None)
        if events is None:
            problems.append(f"{session.device} -> {session.url} is missing: an exclusion suppressed an attack")
            continue
        found.append(session)
        if events != session.events:
            problems.append(f"{session.device} -> {session.url} has {events} events left of {session.events}")
    problems.extend(f"{device} -> {url} is left over ({count} events)" for (device, url), count in sorted(rows.items()))
    return Remaining(tuple(found), tuple(problems))
