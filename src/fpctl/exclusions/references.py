"""References from exclusions to rules that do not exist."""

from __future__ import annotations

from fpctl.documents.folder import sorted_problems
from fpctl.errors import Problem
from fpctl.exclusions.loader import ExclusionSet
from fpctl.rules.loader import RuleSet
from fpctl.rules.selector import parse_selector
from fpctl.spelling import did_you_mean


def check_references(rules: RuleSet, exclusions: ExclusionSet) -> tuple[Problem, ...]:
    """Return a problem for each selector that names a rule which is not there."""
    problems: list[Problem] = []
    known: set[str] | None = None
    exact = {name.casefold() for loaded in rules.rules for name in (loaded.rule.id, loaded.rule.name, loaded.rule.path)}
    for loaded in exclusions.exclusions:
        for index, text in enumerate(loaded.exclusion.rules):
            selector = parse_selector(text)
            if not selector.names_one or (selector.on is None and selector.pattern.casefold() in exact):
                continue
            if selector.on is not None and any(selector.selects(rule.rule) for rule in rules.rules):
                continue
            if known is None:
                known = {name for rule in rules.rules for name in (rule.rule.id, rule.rule.name, rule.rule.path)}
            hint = did_you_mean(selector.pattern, known, what="rule")
            message = f"exclusion {loaded.id} names the rule `{text}`, which does not exist"
            problems.append(Problem("unknown-rule", message, loaded.at_key(f"rules.{index}"), hint))
    return sorted_problems(problems)
