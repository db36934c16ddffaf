"""What is sent to a service for a resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOT_ALWAYS_KEPT = frozenset(("sentinelEntitiesMappings", "subTechniques", "templateVersion"))
"""Properties that not every version of the API gives back: where one is missing, that is not a difference."""


_WHOLE = frozenset(("customDetails", "entityMappings", "automatedActions"))
"""Maps that a file states as a whole: what it does not name in them is not to be there."""


@dataclass(frozen=True, slots=True)
class Body:
    """A resource for a service.

    Attributes:
        kind: the service's word for what it is; None where it has none.
        stated: properties that the rule's file states.
        defaults: properties for a new resource, where the file states none.
        deep: what the file does not state inside a property stays as it is, too.
    """

    kind: str | None
    stated: Mapping[str, Any]
    defaults: Mapping[str, Any]
    deep: bool = False

    def fresh(self) -> dict[str, Any]:
        """Return the properties of a new resource."""
        return {**self.defaults, **self.stated}

    def over(self, current: Mapping[str, Any], read_only: tuple[str, ...] = ()) -> dict[str, Any]:
        """Return the properties of a resource that is there: what the file does not state stays as it is."""
        kept = {key: value for key, value in current.items() if key not in read_only}
        return _merged(kept, self.stated) if self.deep else {**kept, **self.stated}

    def differences(self, current: Mapping[str, Any]) -> list[str]:
        """Return the names of stated properties that differ from those that are there, sorted."""
        if self.deep:
            return sorted(_different_inside(self.stated, current))
        return sorted(different(self.stated, current))


def _merged(current: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(current)
    for key, value in stated.items():
        there = current.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping) and key not in _WHOLE:
            result[key] = _merged(there, value)
        else:
            result[key] = value
    return result


def _different_inside(wanted: Mapping[str, Any], current: Mapping[str, Any], path: str = "") -> list[str]:
    found: list[str] = []
    for key, value in wanted.items():
        there = current.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping) and key not in _WHOLE:
            found += _different_inside(value, there, f"{path}{key}.")
        elif not same(value, there) and not (key in NOT_ALWAYS_KEPT and there is None):
            found.append(f"{path}{key}")
    return found


def property_at(properties: Mapping[str, Any], path: str) -> Any:
    """Return the property that a name such as `detectionAction.alertTemplate.severity` leads to; None without one."""
    found: Any = properties
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def different(wanted: Mapping[str, Any], current: Mapping[str, Any]) -> list[str]:
    """Return the names of wanted properties that differ from those that are there."""
    return [
        key
        for key, value in wanted.items()
        if not same(value, current.get(key)) and not (key in NOT_ALWAYS_KEPT and current.get(key) is None)
    ]


def same(first: Any, second: Any) -> bool:
    """Return whether two values mean the same to the service: nothing, an empty list and an empty map are one."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return all(same(first.get(key), second.get(key)) for key in {*first, *second} if not key.startswith("@odata."))
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(same(one, two) for one, two in zip(first, second, strict=True))
    if first in (None, [], {}) and second in (None, [], {}):
        return True
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)
