"""Texts that a longer text contains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from fpctl.fields.field import (
    Attack,
    BoundColumn,
    Field,
    FieldTest,
    Key,
    NotExpressibleError,
    Operator,
    StandIn,
    ValueProblem,
    compared,
)
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.containment import folded, holds, literal, plain, shown
from fpctl.fields.matching.term import Term, any_of


class ContainedTextField(Field[str]):
    """A text that the column contains; `*` is any text in between.

    Attributes:
        whole: what contains the text, for messages.
        attack_text: what an attacker would write in place of it.
    """

    whole: ClassVar[str]
    attack_text: ClassVar[str]
    wildcard = True
    separator = "||"

    def check(self, value: str) -> ValueProblem | None:
        if len(value.strip().strip("*")) < 2:
            return ValueProblem(f"`{value}` is in nearly every {self.whole}", f"give a longer part of the {self.whole}")
        return None

    def parse(self, value: str) -> str:
        return value

    def is_free_text(self) -> bool:
        return True

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        return any_of([wildcard.within(column.string(), value) for value in wildcard.sorted_ignoring_case(values)])

    def names(self, pattern: str, value: str) -> bool:
        return wildcard.like(f"*{pattern.strip('*')}*", value)

    def key(self, parsed: str) -> Key:
        return (plain(f"*{folded(parsed).strip('*')}*"),)

    def is_pattern(self, key: Key) -> bool:
        return True

    def covers(self, wide: Key, narrow: Key) -> bool:
        return holds(wide[0], narrow[0])

    def piece(self, key: Key) -> str:
        return literal(key[0])

    def text(self, key: Key) -> str:
        return shown(key[0])

    def attacks(self, value: str) -> Iterator[Attack]:
        advice = "name the hash of the script, or have the rule look at the script itself"
        evil = self.attack_text
        yield Attack("the excluded text as a comment", {self.name: f"{evil} # {value}"}, advice=advice)
        yield Attack("the excluded text as an unused argument", {self.name: f'{evil} -x "{value}"'}, advice=advice)
        yield Attack("the excluded text in other letters", {self.name: value.swapcase()}, "")
        yield Attack(f"another {self.whole}", {self.name: evil})

    def from_filter(self, operator: Operator, value: str) -> str | None:
        return value if operator == "CONTAINS" else None

    @property
    def overlapping(self) -> bool:
        return True

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        for value in values:
            if "*" in value:
                raise NotExpressibleError(f"`*` is in the {self.whole} `{value}`")
        return compared(self.ecs[0], "CONTAINS", values)

    def watchlist_note(self, values: Sequence[str]) -> str:
        return "a query must test `contains`, not equality, with this row"

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        return StandIn(values) if operator == "contains" else None
