"""What an exclusion does, shown while it is typed: clause and diff, risk, policy, tests, events, attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from fpctl.audit.context import AuditContext
from fpctl.audit.finding import Finding
from fpctl.audit.registry import chosen, severities
from fpctl.audit.run import audit
from fpctl.engine.interface import Timespan
from fpctl.errors import FpctlError, Location, Problem
from fpctl.exclusions.loader import ExclusionSet
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.reader import LoadedExclusion
from fpctl.exclusions.risk.score import Risk, Share
from fpctl.exclusions.risk.shared_names import shared_names
from fpctl.execution.time_range import window_range
from fpctl.report.page.render import QueryView, query_view
from fpctl.repository.apply import applicable
from fpctl.repository.assessment import risk_for
from fpctl.repository.column_advice import unmatched
from fpctl.repository.single_exclusion import in_force, reached, trial
from fpctl.rules.formats.registry import LoadedRule
from fpctl.tuning.guard import CaseOutcome, evaluate
from fpctl.tuning.impact import Impact, impact
from fpctl.tuning.redteam import RedteamResult, run_redteam
from fpctl.web.config import ConsoleConfig
from fpctl.web.work.alternatives import Match, OtherMatch, alternatives, suppressed
from fpctl.web.work.engines import capabilities, opened
from fpctl.web.work.snapshot import Snapshot

SHOWN_RULES = 3
"""How many rules are shown and counted; the number of all is given."""
LOOK_BACK = timedelta(days=14)
APPROVAL = frozenset({"not-approved", "unrecorded-approval"})
"""Checks of the approval, which a new exclusion cannot have."""


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What needs no event: where the clause is, what it breaks, and how risky it is.

    Attributes:
        rules: how many rules it reaches.
        views: the tuned queries of the first of them.
        broken: tests that must fire and would not any more.
        findings: of the policy, about this exclusion.
        suppressed: how many of the rows of the first rule's last run it would suppress; None where none are kept.
        rows: how many these are.
        others: narrower and wider matches.
        never: why it could never match in a rule that it names, and what to do; it cannot be saved so.
    """

    rules: int
    views: tuple[QueryView, ...]
    broken: tuple[CaseOutcome, ...]
    risk: Risk
    findings: tuple[Finding, ...]
    suppressed: int | None = None
    rows: int = 0
    others: tuple[OtherMatch, ...] = ()
    never: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class EventPreview:
    """What was measured on events, and what an attacker could try. `error` says why nothing was measured."""

    impacts: tuple[Impact, ...]
    risk: Risk | None
    attacks: RedteamResult | None
    error: str | None = None


def _chosen(exclusion: Exclusion, snapshot: Snapshot) -> list[LoadedRule]:
    return snapshot.reached_by(exclusion)


def plan_preview(
    exclusion: Exclusion, snapshot: Snapshot, config: ConsoleConfig, rows: Sequence[Match] | None = None
) -> PlanPreview:
    """Return the part of the preview that is there at once.

    Args:
        rows: of the last run of the first rule, by field; None where none are kept.
    """
    repository = snapshot.repository
    today = config.clock().date()
    planner = repository.planner(today)
    rules = _chosen(exclusion, snapshot)
    outcomes = trial(exclusion, rules[:SHOWN_RULES], planner)
    alone = in_force(exclusion)
    cases = [(loaded, case) for loaded in rules[:SHOWN_RULES] for case in snapshot.tests.cases_of(loaded).must_fire()]
    broken = [
        one
        for loaded, case in cases
        if (one := evaluate(loaded.rule, case, [(alone, True)], planner)).status == "suppressed"
    ]
    return PlanPreview(
        len(rules),
        tuple(view for outcome in outcomes if (view := query_view(outcome)) is not None),
        tuple(broken),
        _risk(exclusion, snapshot, config),
        tuple(_policy(exclusion, snapshot, config)),
        None if rows is None or exclusion.match[0].where else len(suppressed(exclusion.match[0].fields(), rows)),
        len(rows or ()),
        tuple(alternatives(exclusion.match[0].fields(), rows)) if rows and not exclusion.match[0].where else (),
        tuple(unmatched(exclusion, rules[:SHOWN_RULES], planner, Location("form"))),
    )


def _risk(exclusion: Exclusion, snapshot: Snapshot, config: ConsoleConfig, share: Share | None = None) -> Risk:
    planner = snapshot.repository.planner(config.clock().date())
    known = shared_names(config.settings.policy.forbidden)
    rules = snapshot.reached_by(exclusion)
    return risk_for(exclusion, rules, planner, known, config.settings.risk, cases=snapshot.tests, share=share)


def _policy(exclusion: Exclusion, snapshot: Snapshot, config: ConsoleConfig) -> list[Finding]:
    """Return what the policy says of the exclusion as if it were active, by the checks of the audit itself."""
    loaded = LoadedExclusion(exclusion.model_copy(update={"status": "active"}), "form", 1, exclusion.content_hash())
    repository = replace(snapshot.repository, exclusions=ExclusionSet((loaded,), ()))
    scene = AuditContext(repository, config.settings.policy, config.clock().date(), weights=config.settings.risk)
    wanted = [check for check in chosen([]) if check.code.startswith(("FP1", "FP2", "FP6"))]
    found = audit(scene, wanted, severities(config.settings))
    # Whoever records it does not approve it: that comes after.
    return [
        replace(one, message=f"it {one.message.removeprefix(f'{exclusion.id} ')}")
        if one.message.startswith(f"{exclusion.id} ")
        else one
        for one in found
        if one.exclusion == exclusion.id and one.slug not in APPROVAL
    ]


def event_preview(exclusion: Exclusion, snapshot: Snapshot, config: ConsoleConfig) -> EventPreview:
    """Return what the exclusion would have suppressed in the last days, and how an attacker could use it."""
    repository, now = snapshot.repository, config.clock()
    rules = _chosen(exclusion, snapshot)
    alone = in_force(exclusion)
    attacks: RedteamResult | None = None
    try:
        attacks = run_redteam(alone, [loaded.rule for loaded in rules[:SHOWN_RULES]], repository.planner(now.date()))
        engine = opened(config, repository, now)
    except FpctlError as error:
        return EventPreview((), None, attacks, error.message)
    span = Timespan(now - LOOK_BACK, now)
    found: list[Impact] = []
    try:
        windows = None if capabilities(config).local_time else window_range(span, now)
        planner = repository.planner(now.date(), windows_within=windows)
        others = [one for one in repository.active() if one.id != exclusion.id]
        for rule, named in reached(alone, (loaded.rule for loaded in rules[:SHOWN_RULES])):
            found.append(impact(alone, rule, named, applicable(rule, others), planner, engine, span))
    finally:
        engine.close()
    shares = [share for one in found if (share := one.share()) is not None]
    devices = [share.devices for share in shares if share.devices is not None]
    traffic = [share.traffic for share in shares if share.traffic is not None]
    measured = Share(max(devices, default=None), max(traffic, default=None)) if shares else None
    return EventPreview(tuple(found), _risk(exclusion, snapshot, config, measured), attacks)
