"""Everything that `fpctl doctor` looks at, in the order in which one thing depends on another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fpctl.engine.options import EngineOptions
from fpctl.engine.registry import engine_package, open_engine
from fpctl.errors import FpctlError
from fpctl.execution.table_facts import TableFacts
from fpctl.inspection.check_result import CheckResult
from fpctl.inspection.connector_findings import connector_findings
from fpctl.inspection.needs import difference_findings, limit_findings, planned_of, table_findings, unplanned_findings
from fpctl.inspection.service import access, reach
from fpctl.inspection.setup import deployment_findings, setup_findings
from fpctl.repository.apply import tune
from fpctl.repository.model import Repository
from fpctl.settings import Settings


@dataclass(frozen=True, slots=True)
class Checkup:
    """What is looked at.

    Attributes:
        engine: its name.
        rules: patterns; none for all rules.
        data: the local engine's folder; over the settings.
        credential: how to sign in; over the settings.
    """

    settings: Settings
    repository: Repository
    engine: str
    rules: tuple[str, ...] = ()
    data: Path | None = None
    credential: str | None = None


def findings(asked: Checkup, now: datetime) -> Iterator[CheckResult]:
    """Yield what is found, as it is found. Raises FpctlError where a pattern names no rule."""
    settings, repository, name = asked.settings, asked.repository, asked.engine
    yield from setup_findings(settings, repository)
    address = engine_package(name).endpoint(settings)
    try:
        chosen_options = EngineOptions(data=asked.data, now=now, tables=repository.tables, credential=asked.credential)
        opened = open_engine(name, settings, chosen_options)
    except FpctlError as error:
        yield CheckResult("settings", "error", name, error.message, error.hint or "see docs/engines.md")
        return
    try:
        reached = list(reach(address)) if address is not None else []
        yield from reached
        entry = [] if any(finding.status == "error" for finding in reached) else list(access(opened, settings))
        yield from entry
        chosen = repository.rules.select(asked.rules)
        outcomes = list(tune(chosen, repository.active(), repository.planner(now.date())))
        planned = planned_of(outcomes)
        yield from unplanned_findings(outcomes)
        if any(finding.status == "error" for finding in (*reached, *entry)):
            yield CheckResult("tables", "skipped", name, "tables cannot be checked until the errors above are fixed")
        else:
            facts = TableFacts(opened)
            yield from table_findings(planned, opened, now, facts=facts)
            yield from difference_findings(planned, opened)
            yield from connector_findings(planned, opened, now, facts)
        yield from limit_findings(planned, opened)
    finally:
        opened.close()
    yield from deployment_findings(settings, asked.credential)
