"""Which rules each exclusion reaches, found out once: every distinct selector is tried once on every rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fpctl.exclusions.model import Exclusion
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.selector import Selection, parse_selector


class Reach:
    """The rules of a repository by index, and which of them an exclusion reaches."""

    def __init__(self, rules: Sequence[LoadedRule]) -> None:
        self.rules = rules
        self._exact: dict[str, list[int]] = {}
        for index, loaded in enumerate(rules):
            for name in {text.casefold() for text in (loaded.rule.id, loaded.rule.name, loaded.rule.path)}:
                self._exact.setdefault(name, []).append(index)
        self._selected: dict[str, Mapping[int, Selection]] = {}
        self._reached: dict[tuple[str, ...], Mapping[int, bool]] = {}

    def selected(self, text: str) -> Mapping[int, Selection]:
        """Return the rules that one selector reaches, and how."""
        found = self._selected.get(text)
        if found is None:
            selector = parse_selector(text)
            if selector.names_one and selector.on is None:
                found = dict.fromkeys(self._exact.get(selector.pattern.casefold(), ()), "named")
            else:
                found = {i: how for i, loaded in enumerate(self.rules) if (how := selector.selects(loaded.rule))}
            self._selected[text] = found
        return found

    def of(self, exclusion: Exclusion) -> Mapping[int, bool]:
        """Return the rules that an exclusion reaches, each with whether a selector names the rule itself."""
        found = self._reached.get(exclusion.rules)
        if found is None:
            reached: dict[int, bool] = {}
            for text in exclusion.rules:
                for index, how in self.selected(text).items():
                    reached[index] = reached.get(index, False) or how == "named"
            found = self._reached[exclusion.rules] = dict(sorted(reached.items()))
        return found

    def by_rule(self, exclusions: Iterable[Exclusion]) -> dict[int, list[tuple[Exclusion, bool]]]:
        """Return, for each rule that any of the exclusions reaches, what a planner takes."""
        found: dict[int, list[tuple[Exclusion, bool]]] = {}
        for exclusion in exclusions:
            for index, named in self.of(exclusion).items():
                found.setdefault(index, []).append((exclusion, named))
        return dict(sorted(found.items()))
