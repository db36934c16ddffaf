"""The risk score as the verbs show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpctl.cli.shared.exclusion_commands import Book

if TYPE_CHECKING:
    from fpctl.exclusions.model import Exclusion
    from fpctl.exclusions.risk.score import Risk, Share
    from fpctl.rules.formats.registry import LoadedRule


def risk_of(book: Book, exclusion: Exclusion, rules: Sequence[LoadedRule], share: Share | None = None) -> Risk:
    """Return the risk of an exclusion for the rules that it reaches, by the settings' weights and lists."""
    from fpctl.exclusions.risk.score import assess
    from fpctl.exclusions.risk.shared_names import shared_names
    from fpctl.rules.test_cases import RuleTestCache

    shelf = RuleTestCache()
    tested = frozenset(loaded.rule.id for loaded in rules if shelf.cases_of(loaded).must_fire())
    return assess(
        exclusion,
        [loaded.rule for loaded in rules],
        shared_names(book.settings.policy.forbidden),
        book.settings.risk,
        today=book.today,
        tested=tested,
        share=share,
    )


def risk_lines(risk: Risk) -> list[str]:
    """Return the score and a line for each point."""
    head = f"{risk.score} of 100, {risk.level}"
    if not risk.measured:
        head += " (no events were looked at: fpctl preview measures its breadth)"
    return [head, *(f"{point.points:+4} {point.message}" for point in risk.factors)]
