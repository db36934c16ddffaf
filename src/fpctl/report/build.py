"""From a repository and its settings to the estate: planning, audit and history, each asked once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from fpctl.audit.context import AuditContext, RunHistory
from fpctl.audit.registry import chosen, severities
from fpctl.audit.run import audit
from fpctl.audit.run_history import RECENT
from fpctl.history.records import HitTotals, StoredDrift
from fpctl.report.estate import Estate, RecordedFacts, estate, recorded_facts
from fpctl.report.overview import overview
from fpctl.repository.apply import RuleOutcome, tune
from fpctl.repository.model import Repository
from fpctl.settings import Settings


def build_estate(
    repository: Repository,
    settings: Settings,
    on: date,
    outcomes: Iterable[RuleOutcome] | None = None,
    *,
    history: str | None = None,
    exclusions: Path | None = None,
) -> Estate:
    """Return the estate of a repository on a day.

    Args:
        repository: rules, exclusions and schema.
        settings: policy, weights and the history's place.
        on: the day; exclusions outside their dates are left out of the plans.
        outcomes: what planning all exclusions on that day came to for each rule, asked for after the history is read,
            so that other processes may plan meanwhile; None to plan here.
        history: path or URL instead of that of the settings.
        exclusions: the exclusions folder instead of that of the settings.

    Raises:
        FpctlError: the history cannot be read.
    """
    facts, hits, drift, recorded = _recorded(history or settings.history.url, on)
    if outcomes is None:
        outcomes = tune(repository.rules.rules, repository.active(), repository.planner(on), verified=False)
    folder = exclusions or settings.paths.exclusions
    planned = tuple(outcomes)
    scene = AuditContext(
        repository, settings.policy, on, recorded, folder if folder.is_dir() else None, lambda: planned, settings.risk
    )
    found = overview(
        repository.as_they_count(),
        repository.rules.rules,
        repository.planner(on),
        scene.shared_names,
        settings.risk,
        hits,
        drift,
        risks=scene.risks,
    )
    findings = audit(scene, chosen([]), severities(settings))
    problems = len({problem.at.path for problem in repository.problems if problem.severity == "error"})
    return estate(found, planned, findings, facts, problems=problems)


def _recorded(
    place: str, on: date
) -> tuple[RecordedFacts | None, dict[str, HitTotals] | None, list[StoredDrift], RunHistory | None]:
    """Return what the history knows, opened once."""
    from fpctl.history.store import is_there

    if not is_there(place):
        return None, None, [], None
    from fpctl.history.history import History

    with History.open(place, create=False) as history:
        hits = {total.exclusion: total for total in history.hits()}
        facts = recorded_facts(history, on)
        since = datetime.combine(on + timedelta(days=1), time(), UTC) - RECENT
        recorded = RunHistory(hits, tuple(history.latest_runs(since)), tuple(history.drift(since=since)))
        return facts, hits, history.drift(latest=True), recorded
