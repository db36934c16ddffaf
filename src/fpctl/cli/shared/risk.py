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
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.repository.assessment import risk_for

    known = shared_names(context.settings.policy.forbidden)
    return risk_for(exclusion, rules, context.planner(), known, context.settings.risk, share=share)


def risk_lines(risk: Risk) -> list[str]:
    """Return the score and a line for each factor."""
    head = f"{risk.score} of 100, {risk.level}"
    if not risk.measured:
        head += " (without its breadth, which fpctl preview measures)"
    return [head, *(f"{point.points:+4} {point.message}" for point in risk.factors)]
