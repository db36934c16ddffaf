"""Which exclusions select which rule, for thousands of the one and hundreds of the other."""

from __future__ import annotations

from collections.abc import Iterable

from fpctl.exclusions.model import Exclusion
from fpctl.rules.model import Rule
from fpctl.rules.selector import parse_selector, selection


class ExclusionIndex:
    """The exclusions, looked up by rule.

    Most exclusions name their rules: these are found by the name. Only those that sweep (globs, tags,
    techniques, tables, `*`) are tried on every rule.
    """

    def __init__(self, exclusions: Iterable[Exclusion]) -> None:
        self._named: dict[str, list[Exclusion]] = {}
        self._sweeping: list[Exclusion] = []
        for exclusion in exclusions:
            selectors = [parse_selector(text) for text in exclusion.rules]
            if all(selector.names_one for selector in selectors):
                for pattern in {selector.pattern.casefold() for selector in selectors}:
                    self._named.setdefault(pattern, []).append(exclusion)
            else:
                self._sweeping.append(exclusion)

    def of(self, rule: Rule) -> list[tuple[Exclusion, bool]]:
        """Return the exclusions that select a rule, by id, each with whether a selector names the rule itself."""
        candidates = {id(exclusion): exclusion for exclusion in self._sweeping}
        for name in (rule.id, rule.name, rule.path):
            for exclusion in self._named.get(name.casefold(), ()):
                candidates[id(exclusion)] = exclusion
        found: list[tuple[Exclusion, bool]] = []
        for exclusion in candidates.values():
            how = selection(exclusion.rules, rule)
            if how is not None:
                found.append((exclusion, how == "named"))
        return sorted(found, key=lambda pair: pair[0].id)
