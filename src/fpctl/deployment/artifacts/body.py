"""What a service is told of a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOT_ALWAYS_KEPT = frozenset(("sentinelEntitiesMappings", "subTechniques", "templateVersion"))
"""Properties that not every version of the API gives back: where one is missing, that is no difference."""


@dataclass(frozen=True, slots=True)
class Body:
    """A rule for a service.

    Attributes:
        kind: the service's word for what it is; None where it has none.
        stated: properties that the rule's file states.
        defaults: properties for a new rule, where the file states none.
    """

    kind: str | None
    stated: Mapping[str, Any]
    defaults: Mapping[str, Any]

    def fresh(self) -> dict[str, Any]:
        """Return the properties of a new rule."""
        return {**self.defaults, **self.stated}

    def over(self, current: Mapping[str, Any], read_only: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the properties of a rule that is there: what the file does not state stays as it is."""
        return {**{key: value for key, value in current.items() if key not in read_only}, **self.stated}

    def differences(self, current: Mapping[str, Any]) -> list[str]:
        """Return the names of stated properties that are other than those that are there, sorted."""
        return sorted(different(self.stated, current))


def different(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return the names of wanted properties that are other than those that are there."""
    return [
        key
        for key, value in wanted.items()
        if not same(value, current.get(key)) and not (key in NOT_ALWAYS_KEPT and current.get(key) is None)
    ]


def same(first: Any, second: Any) -> bool:
    """Tell whether two values mean the same to the service: nothing, an empty list and an empty map are one."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return all(same(first.get(key), second.get(key)) for key in {*first, *second})
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(same(one, two) for one, two in zip(first, second, strict=True))
    if first in (None, [], {}) and second in (None, [], {}):
        return True
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)
