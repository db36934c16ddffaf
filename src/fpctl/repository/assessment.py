"""The risk of an exclusion for the rules of a repository: what every command, page and audit shows."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.risk.score import Risk, Share, assess
from fpctl.exclusions.risk.shared_names import SharedNames
from fpctl.repository.narrowness import broad_alternatives
from fpctl.rewrite.plan.planner import Planner
from fpctl.risk_weights import RiskWeights
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.test_cases import RuleTestCache


def risk_for(
    exclusion: Exclusion,
    rules: Sequence[LoadedRule],
    planner: Planner,
    known: SharedNames,
    weights: RiskWeights,
    *,
    cases: RuleTestCache | None = None,
    share: Share | None = None,
) -> Risk:
    """Score an exclusion on the planner's day.

    Args:
        rules: those that it reaches.
        known: shared hosts, script hosts, folders that everybody may write to.
        cases: keeps the tests of rules, where several exclusions are scored.
        share: what was measured on events; None if nothing was.
    """
    shelf = cases or RuleTestCache()
    return assess(
        exclusion,
        [loaded.rule for loaded in rules],
        known,
        weights,
        today=planner.today,
        tested=frozenset(loaded.rule.id for loaded in rules if shelf.cases_of(loaded).must_fire()),
        share=share,
        broad=broad_alternatives(exclusion, [loaded.rule for loaded in rules], planner),
    )
