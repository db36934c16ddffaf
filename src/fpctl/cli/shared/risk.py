"""The risk score as commands show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpctl.cli.shared.context import AppContext

if TYPE_CHECKING:
    from fpctl.exclusions.model import Exclusion
    from fpctl.exclusions.risk.score import Risk, Share
    from fpctl.rules.formats.registry import LoadedRule


def risk_of(context: AppContext, exclusion: Exclusion, rules: Sequence[LoadedRule], share: Share | None = None) -> Risk:
    """Return the risk of an exclusion for the rules that it matches, by the settings' weights and lists."""
    from fpctl.exclusions.risk.score import assess
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.rules.test_cases import RuleTestCache

    shelf = RuleTestCache()
    tested = frozenset(loaded.rule.id for loaded in rules if shelf.cases_of(loaded).must_fire())
    return assess(
        exclusion,
        [loaded.rule for loaded in rules],
        shared_names(context.settings.policy.forbidden),
        context.settings.risk,
        today=context.today,
        tested=tested,
        share=share,
    )


def risk_lines(risk: Risk) -> list[str]:
    """Return the score and a line for each factor."""
    head = f"{risk.score} of 100, {risk.level}"
    if not risk.measured:
        head += " (without its breadth, which fpctl preview measures)"
    return [head, *(f"{point.points:+4} {point.message}" for point in risk.factors)]
