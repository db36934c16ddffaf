"""What a filter says, as a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Operator = Literal["==", "CONTAINS", "STARTSWITH", "ENDSWITH"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with values, any of which may match. `start` and `end` are offsets in the filter."""

    name: str
    operator: Operator
    values: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of a condition."""

    item: Condition
    start: int


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    items: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    items: tuple[Condition, ...]


Condition = Comparison | Not | And | Or
