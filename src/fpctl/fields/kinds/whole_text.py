"""Texts that are compared whole."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.fields.field import (
    BoundColumn,
    Field,
    FieldTest,
    Key,
    Operator,
    StandIn,
    affix,
    compared,
    pattern_of,
)
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.containment import folded, holds, literal, plain, shown
from fpctl.fields.matching.term import Term, any_of, is_in

_OPERATORS: dict[str, Operator] = {
    "==": "==",
    "startswith": "STARTSWITH",
    "endswith": "ENDSWITH",
    "contains": "CONTAINS",
}


class WholeTextField(Field[str]):
    """A whole text; `*` is any text."""

    wildcard = True

    def parse(self, value: str) -> str:
        return value

    def test(self, values: Sequence[str], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        texts, patterns = wildcard.split_by_wildcard(values)
        terms: list[Term] = [is_in(operand, texts)] if texts else []
        return any_of([*terms, *(wildcard.whole(operand, pattern) for pattern in patterns)])

    def names(self, pattern: str, value: str) -> bool:
        return wildcard.like(pattern, value)

    def key(self, parsed: str) -> Key:
        return (plain(folded(parsed)),)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[0]

    def covers(self, wide: Key, narrow: Key) -> bool:
        return holds(wide[0], narrow[0])

    def piece(self, key: Key) -> str:
        return literal(key[0])

    def text(self, key: Key) -> str:
        return shown(key[0])

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        (name, *_) = self.ecs
        found = compared(name, "==", [value for value in values if "*" not in value])
        by_operator: dict[Operator, list[str]] = {}
        for value in values:
            if "*" in value:
                operator, text = affix(value)
                by_operator.setdefault(operator, []).append(text)
        for operator, texts in by_operator.items():
            found += compared(name, operator, texts)
        return found

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        found = _OPERATORS.get(operator)
        return StandIn(tuple(pattern_of(found, value) for value in values)) if found is not None else None
