"""Which exclusions select which rule, looked up both ways, for thousands of the one and hundreds of the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fpctl.exclusions.model import Exclusion
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.model import Rule
from fpctl.rules.selector import Selection, parse_selector, selection

Selected = list[tuple[Exclusion, bool]]
"""Exclusions that select a rule, each with whether a selector names the rule itself."""


class ExclusionIndex:
    """Exclusions and rules, looked up by each other.

    Most exclusions name their rules: these are found by the name. Only those that match by pattern (globs, tags,
    techniques, tables, `*`) are tried on every rule, and a selector that several share only once.

    Args:
        exclusions: those that `of` finds.
        rules: those that `selected` and `rules_of` find, by their index.
    """

    def __init__(self, exclusions: Iterable[Exclusion] = (), rules: Sequence[LoadedRule] = ()) -> None:
        self.rules = rules
        self._named: dict[str, list[Exclusion]] = {}
        self._by_pattern: list[Exclusion] = []
        for exclusion in exclusions:
            selectors = [parse_selector(text) for text in exclusion.rules]
            if all(selector.names_one for selector in selectors):
                for pattern in {selector.pattern.casefold() for selector in selectors}:
                    self._named.setdefault(pattern, []).append(exclusion)
            else:
                self._by_pattern.append(exclusion)
        self._rules_named: dict[str, list[int]] = {}
        for index, loaded in enumerate(rules):
            for name in {text.casefold() for text in (loaded.rule.id, loaded.rule.name, loaded.rule.path)}:
                self._rules_named.setdefault(name, []).append(index)
        self._selected: dict[str, Mapping[int, Selection]] = {}
        self._reached: dict[tuple[str, ...], Mapping[int, bool]] = {}

    def of(self, rule: Rule) -> Selected:
        """Return the exclusions that select a rule, sorted by id; the rule need not be one of the index."""
        candidates = {id(exclusion): exclusion for exclusion in self._by_pattern}
        for name in (rule.id, rule.name, rule.path):
            for exclusion in self._named.get(name.casefold(), ()):
                candidates[id(exclusion)] = exclusion
        found: Selected = []
        for exclusion in candidates.values():
            how = selection(exclusion.rules, rule)
            if how is not None:
                found.append((exclusion, how == "named"))
        return sorted(found, key=lambda pair: pair[0].id)

    def selected(self, text: str) -> Mapping[int, Selection]:
        """Return the rules that one selector reaches, by index, and how."""
        found = self._selected.get(text)
        if found is None:
            selector = parse_selector(text)
            if selector.names_one and selector.on is None:
                found = dict.fromkeys(self._rules_named.get(selector.pattern.casefold(), ()), "named")
            else:
                found = {i: how for i, loaded in enumerate(self.rules) if (how := selector.selects(loaded.rule))}
            self._selected[text] = found
        return found

    def rules_of(self, exclusion: Exclusion) -> Mapping[int, bool]:
        """Return the rules that an exclusion reaches, by index, each with whether a selector names the rule itself."""
        found = self._reached.get(exclusion.rules)
        if found is None:
            reached: dict[int, bool] = {}
            for text in exclusion.rules:
                for index, how in self.selected(text).items():
                    reached[index] = reached.get(index, False) or how == "named"
            found = self._reached[exclusion.rules] = dict(sorted(reached.items()))
        return found

    def by_rule(self, exclusions: Iterable[Exclusion]) -> dict[int, Selected]:
        """Return, for each rule that any of the exclusions reaches, by index, what a planner takes."""
        found: dict[int, Selected] = {}
        for exclusion in exclusions:
            for index, named in self.rules_of(exclusion).items():
                found.setdefault(index, []).append((exclusion, named))
        return dict(sorted(found.items()))
