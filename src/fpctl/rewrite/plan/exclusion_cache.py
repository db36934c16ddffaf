"""What is worked out of an exclusion once for all rules: the columns it requires, and its predicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.rewrite.placement.required_columns import columns_required
from fpctl.rewrite.placement.resolution import RequiredColumns
from fpctl.rewrite.predicate import BoundColumn, Dialect, Predicate, TimeLimits, build

_KEPT = 20_000
"""How many exclusions are kept: more than any repository has, so that a process that reads it again and again ends."""

_Alternatives = tuple[int, ...]
"""Some alternatives of an exclusion, by identity."""


@dataclass(frozen=True, slots=True)
class _Entry:
    exclusion: Exclusion
    required: dict[_Alternatives, RequiredColumns] = field(default_factory=dict)
    predicates: dict[object, Predicate] = field(default_factory=dict)


class ExclusionCache:
    """Remembers exclusions from rule to rule: rules on the same tables bind an exclusion to the same columns."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}

    def _entry(self, exclusion: Exclusion) -> _Entry:
        known = self._entries.get(id(exclusion))
        if known is None:
            if len(self._entries) >= _KEPT:
                del self._entries[next(iter(self._entries))]
            # The exclusion is kept with its answers: as long as they are, its id is its own.
            known = self._entries[id(exclusion)] = _Entry(exclusion)
        return known

    def required(self, exclusion: Exclusion, alternatives: Sequence[Alternative]) -> RequiredColumns:
        """Return the columns that some alternatives of an exclusion require; see `columns_required`.

        Raises:
            RequiredColumnsError: a `where` is not a KQL condition.
        """
        known = self._entry(exclusion).required
        key = tuple(map(id, alternatives))
        if key not in known:
            known[key] = columns_required(alternatives, exclusion.id, time=exclusion.window is not None)
        return known[key]

    def predicate(
        self,
        exclusion: Exclusion,
        alternatives: Sequence[Alternative],
        bindings: Mapping[str, tuple[BoundColumn, ...]],
        times: TimeLimits,
        dialect: Dialect,
    ) -> Predicate:
        """Return the predicate of some alternatives of an exclusion on the columns that hold its fields; see `build`.

        Raises:
            PredicateError: as `build` does.
        """
        if times.within is not None:
            return build(alternatives, bindings, times=times, dialect=dialect)
        known = self._entry(exclusion).predicates
        key = tuple(map(id, alternatives)), tuple(bindings.items()), times.column, times.starts, dialect
        if key not in known:
            known[key] = build(alternatives, bindings, times=times, dialect=dialect)
        return known[key]
