"""From a repository and its settings to the estate: planning, audit and history, each asked once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

from fpctl.audit.context import AuditContext
from fpctl.audit.registry import chosen, severities
from fpctl.audit.run import audit
from fpctl.report.estate import Estate, estate
from fpctl.report.overview import overview
from fpctl.report.recorded import Recorded, read_recorded
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.model import Repository
from fpctl.settings import Settings


def build_estate(
    repository: Repository,
    settings: Settings,
    on: date,
    outcomes: Iterable[RuleOutcome] | None = None,
    *,
    recorded: Callable[[], Recorded] | None = None,
    exclusions: Path | None = None,
) -> Estate:
    """Return the estate of a repository on a day.

    Args:
        repository: rules, exclusions and schema.
        settings: policy, weights and the history's place.
        on: the day; exclusions outside their dates are left out of the plans.
        outcomes: what planning all exclusions on that day came to for each rule, asked for when it is needed, so that
            other processes may plan meanwhile; None to plan here.
        recorded: gives what the history knows, which another process may read meanwhile; None to read that of the
            settings here.
        exclusions: the exclusions folder instead of that of the settings.

    Raises:
        FpctlError: the history cannot be read.
    """
    known = recorded() if recorded is not None else read_recorded(settings.history.url, on, settings.policy.usage)
    if outcomes is None:
        outcomes = tune(repository.rules.rules, repository.active(), repository.planner(on), verified=False)
    planned: list[RuleOutcome] = []
    planning = iter(outcomes)

    def all_planned() -> list[RuleOutcome]:
        planned.extend(planning)
        return planned

    folder = exclusions or settings.paths.exclusions
    scene = AuditContext(
        repository, settings.policy, on, known.runs, folder if folder.is_dir() else None, all_planned, settings.risk
    )
    found = overview(
        repository.as_they_count(),
        scene.index,
        repository.planner(on),
        scene.shared_names,
        settings.risk,
        known.runs.hits if known.runs is not None else None,
        known.drift,
        risks=scene.risks,
    )
    findings = audit(scene, chosen([]), severities(settings))
    problems = len({problem.at.path for problem in repository.problems if problem.severity == "error"})
    return estate(found, all_planned(), findings, known.facts, problems=problems)
