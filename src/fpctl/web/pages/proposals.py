"""Proposals of `tune` for one rule, each to be recorded as a draft with one click."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from fpctl.engine.interface import Timespan
from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.risk.shared_names import shared_names
from fpctl.execution.time_range import window_range
from fpctl.repository.apply import applicable
from fpctl.rules.formats.registry import LoadedRule
from fpctl.tuning.guard import evaluate
from fpctl.tuning.suggestion import ProposalCriteria, TuningResult, suggest
from fpctl.web.pages.rendering import not_found, page
from fpctl.web.security.sign_in import Analyst, TheConsole
from fpctl.web.state import Console
from fpctl.web.work.changes import words_of
from fpctl.web.work.engines import capabilities, opened
from fpctl.web.work.rule_key import rule_key

router = APIRouter(include_in_schema=False)

LOOK_BACK = timedelta(days=14)


@router.get("/rules/{key}/proposals")
def proposals(request: Request, visitor: Analyst, console: TheConsole, key: str) -> Response:
    """Show what could be excluded from a rule, from its own events of the last days."""
    loaded = console.snapshots.now().rule(key)
    if loaded is None:
        return not_found(request, visitor, f"There is no rule {key}.")
    found: TuningResult | None = None
    messages: list[str] = []
    try:
        found = _proposed(console, loaded)
    except FpctlError as error:
        messages = words_of(error)
    return page(
        request, "proposals.html.j2", visitor, key=rule_key(loaded), rule=loaded.rule, found=found, messages=messages
    )


def _proposed(console: Console, loaded: LoadedRule) -> TuningResult:
    config, repository = console.config, console.snapshots.now().repository
    now = config.clock()
    span = Timespan(now - LOOK_BACK, now)
    engine = opened(config, repository, now)
    try:
        windows = None if capabilities(config).local_time else window_range(span, now)
        planner = repository.planner(now.date(), windows_within=windows)
        return suggest(
            loaded.rule, applicable(loaded.rule, repository.active()), planner, engine, span, _criteria(console, loaded)
        )
    finally:
        engine.close()


def _criteria(console: Console, loaded: LoadedRule) -> ProposalCriteria:
    settings = console.config.settings
    cases = console.snapshots.now().tests.cases_of(loaded).must_fire()
    planner = console.snapshots.now().repository.planner(console.snapshots.today())

    def kept(exclusion: Exclusion) -> bool:
        alone = exclusion.model_copy(update={"status": "active", "created": None})
        return all(evaluate(loaded.rule, case, [(alone, True)], planner).status != "suppressed" for case in cases)

    tested = frozenset({loaded.rule.id}) if cases else frozenset()
    return ProposalCriteria(shared_names(settings.policy.forbidden), settings.risk, tested, kept)
