"""What a filter says, as the alternatives of a match; what a match cannot say is refused with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from fpctl.exclusions.filter_syntax.expression import Comparison, Condition, Not, Or
from fpctl.exclusions.filter_syntax.vocabulary import meaning_of
from fpctl.exclusions.filter_syntax.words import FilterSyntaxError, FilterText
from fpctl.fields.registry import FIELDS
from fpctl.kql.literals import string_literal

MAX_ALTERNATIVES = 64
"""A filter with more must be written as several exclusions."""

Columns = Callable[[str], Sequence[str]]
"""Returns the plain text columns that hold a field, in KQL; empty where they are not known."""


class ParsedFilter(NamedTuple):
    """A filter as a match: its alternatives (field to values, `where` to a condition), and what to know about it."""

    match: tuple[dict[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]


class _Literal(NamedTuple):
    """A comparison that must hold, or must not."""

    comparison: Comparison
    negated: bool


def to_match(condition: Condition, text: str, *, columns: Columns | None = None, name: str = "filter") -> ParsedFilter:
    """Return a filter as alternatives: OR makes several, AND puts fields into one.

    Args:
        condition: what `parse_filter` returned for `text`.
        text: the filter.
        columns: the columns of the rule's table; with them, what no field can say (NOT, a command line that
            begins with a text) becomes a raw `where` on a column if that says exactly the same.
        name: what the text is called in messages.

    Raises:
        NotationError: a match cannot say it; located at the condition at fault.
    """
    return _Writer(FilterText(text, name), columns).read(condition)


class _Writer:
    def __init__(self, source: FilterText, columns: Columns | None) -> None:
        self.source = source
        self.columns = columns
        self.notes: set[str] = set()

    def read(self, condition: Condition) -> ParsedFilter:
        found = [self.alternative(group) for group in self.groups(condition, False)]
        return ParsedFilter(tuple(_merged(found)), tuple(sorted(self.notes)))

    def groups(self, condition: Condition, negated: bool) -> list[list[_Literal]]:
        """Return the condition as a list of alternatives, each a list of what must hold together."""
        if isinstance(condition, Not):
            return self.groups(condition.item, not negated)
        if isinstance(condition, Comparison):
            return [[_Literal(condition, negated)]]
        if isinstance(condition, Or) != negated:
            groups = [group for item in condition.items for group in self.groups(item, negated)]
            self.bounded(len(groups))
            return groups
        product: list[list[_Literal]] = [[]]
        for item in condition.items:
            more = self.groups(item, negated)
            self.bounded(len(product) * len(more))
            product = [[*group, *other] for group in product for other in more]
        return product

    def bounded(self, number: int) -> None:
        if number > MAX_ALTERNATIVES:
            message = f"the filter amounts to more than {MAX_ALTERNATIVES} alternatives"
            raise self.source.error(message, 0, "write several exclusions")

    def alternative(self, group: Sequence[_Literal]) -> dict[str, tuple[str, ...]]:
        fields: dict[str, tuple[str, ...]] = {}
        raw: list[str] = []
        for comparison, negated in group:
            field = self.field(comparison)
            values = None if negated else self.values(field, comparison)
            if values is None:
                said = f"{comparison.name} {comparison.operator}"
                raw.append(self.raw(field, comparison, negated, f"NOT on {comparison.name}" if negated else said))
            elif field not in fields:
                fields[field] = values
                self.note(field, comparison)
            else:
                both = _both(field, fields[field], values)
                if both is None:
                    said = f"two conditions on {comparison.name} at once"
                    raw.append(self.raw(field, comparison, False, said))
                elif not both:
                    raise self.source.error(
                        f"{comparison.name} cannot be this and what an earlier condition says at the same time",
                        comparison.start,
                        "join them with OR, or write one IN (...)",
                    )
                else:
                    fields[field] = both
        found = {field: fields[field] for field in FIELDS if field in fields}
        if raw:
            found["where"] = (" and ".join(f"({one})" if len(raw) > 1 else one for one in dict.fromkeys(raw)),)
        return found

    def field(self, comparison: Comparison) -> str:
        meaning = meaning_of(comparison.name)
        if meaning is None or meaning.field is None:
            reason = meaning.reason if meaning else None
            raise self.source.error(f"a match has no field for {comparison.name}", comparison.start, reason)
        return meaning.field

    def note(self, field: str, comparison: Comparison) -> None:
        note = FIELDS[field].filter_notes(comparison.values)
        if note and not comparison.name.endswith(".id"):
            self.notes.add(f"{comparison.name}: {note}")

    def values(self, field: str, comparison: Comparison) -> tuple[str, ...] | None:
        """Return the values of the field that say this, or None if none can."""
        # An empty value is the loader's to refuse.
        known = FIELDS[field]
        found = [known.from_filter(comparison.operator, one) if one.strip() else one for one in comparison.values]
        if any(one is None for one in found):
            return None
        return tuple(one for one in found if one is not None)

    def raw(self, field: str, comparison: Comparison, negated: bool, what: str) -> str:
        """Return the condition as KQL on the columns of the field; refuse where that would not say the same."""
        if FIELDS[field].verbatim is None:
            raise self.refused(comparison, what, FIELDS[field].instead)
        if any("*" in value for value in comparison.values):
            raise self.refused(comparison, what, "leave out the `*`")
        columns = self.columns(field) if self.columns is not None else ()
        if not columns:
            hint = "give one --rule that reads one table, so that its column is known; or write --where yourself"
            raise self.refused(comparison, what, hint)
        sign = {"==": "=~", "CONTAINS": "contains", "STARTSWITH": "startswith", "ENDSWITH": "endswith"}
        tests = [
            f"{column} {sign[comparison.operator]} {string_literal(value)}"
            for column in columns
            for value in comparison.values
        ]
        text = " or ".join(tests)
        if negated:
            return f"not({text})"
        return f"({text})" if len(tests) > 1 else text

    def refused(self, comparison: Comparison, what: str, hint: str) -> FilterSyntaxError:
        return self.source.error(f"a match cannot say {what}", comparison.start, hint)


def _both(field: str, first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the values that two lists of one field have in common; None where a list of values cannot say it."""
    if FIELDS[field].overlapping or any("*" in value for value in (*first, *second)):
        same = {value.casefold() for value in first} == {value.casefold() for value in second}
        return first if same else None
    wanted = {value.casefold() for value in second}
    return tuple(value for value in first if value.casefold() in wanted)


def _merged(found: Iterable[dict[str, tuple[str, ...]]]) -> list[dict[str, tuple[str, ...]]]:
    """Return the alternatives; those that differ in the values of one field only become one."""
    merged: list[dict[str, tuple[str, ...]]] = []
    for alternative in found:
        for other in merged:
            different = [field for field in {*other, *alternative} if other.get(field) != alternative.get(field)]
            if not different:
                break
            (field, *more) = different
            if not more and field != "where" and field in other and field in alternative:
                other[field] = _union(other[field], alternative[field])
                break
        else:
            merged.append(dict(alternative))
    return merged


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    seen = {value.casefold() for value in first}
    return (*first, *(value for value in second if value.casefold() not in seen))
