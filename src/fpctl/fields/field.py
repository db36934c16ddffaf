"""What a field is: the one class from which everything else about fields is derived.

A field answers for its values: which are refused, how one is parsed, what it matches (as terms of a
predicate and as a plain test), which values cover which, how an event shows it, how other tools name it,
and what an attacker would try who knows the value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from fpctl.fields.matching.containment import folded
from fpctl.fields.matching.term import Term

V = TypeVar("V")

FEW = 8
"""Up to this number, each value gets a readable test; more share one look-up in a list."""

ON_DEVICE = "code on the device"
IN_DOMAIN = "a name in the domain"
NOTHING = "nothing"
"""What an attacker needs for an attack, beside knowing the exclusion."""

Key: TypeAlias = tuple[Any, ...]
"""A value in its one form: equal keys match the same events."""

Operator: TypeAlias = Literal["==", "CONTAINS", "STARTSWITH", "ENDSWITH"]
"""The comparisons of the filter notation."""

Difference: TypeAlias = tuple[Literal["wider", "narrower"], str]
"""How a value differs from a comparison that it stands for, and in what."""


class ValueProblem(NamedTuple):
    """Why a value is refused, and what to write instead."""

    message: str
    hint: str | None = None


class BoundColumn(NamedTuple):
    """A column that holds a field, as visible at an insertion point.

    Attributes:
        text: the KQL expression to test: bracketed where its name needs it, a member of a dynamic
            column read out and made a string.
        type: the Kusto type of `text`, or `unknown`.
        role: what it holds, one of the field's `roles`.
    """

    text: str
    type: str
    role: str

    def string(self) -> str:
        """Return the column as a string expression; a string is never null."""
        return self.text if self.type == "string" else f"tostring({self.text})"


class FieldTest(NamedTuple):
    """A comparison of the filter notation: the name of a field there, and values of which any will do."""

    name: str
    operator: Operator
    values: tuple[str, ...]


class StandIn(NamedTuple):
    """Values that stand for a comparison of a column, and how they differ from it."""

    values: tuple[str, ...]
    differences: tuple[Difference, ...] = ()


class Attack(NamedTuple):
    """What an attacker would try: `changes` are values by field; `needs` and `advice` as in `tuning.variants`."""

    name: str
    changes: Mapping[str, str]
    needs: str = NOTHING
    advice: str = ""


class NotExpressibleError(Exception):
    """What a comparison cannot say; the text is the reason."""


class Field(ABC, Generic[V]):
    """One field of a match.

    Attributes:
        name: the key in an exclusion file.
        help: a sentence or two for editors and the command line.
        question: what `fpctl add` asks.
        meaning: which of a table's columns are meant, where it has several.
        matches, spares: what a value matches and what it does not, for the documentation.
        synonyms: words that people write for it, in lower case, without separators.
        roles: what its columns can hold; the first is the default.
        telling: the roles in the order in which they tell the value best, without those that do not.
        assumed: columns that usually hold it, for tables that no schema describes; (name, role).
        column_type: the Kusto type of its columns.
        verbatim: the role of a column that holds the very text that a person means.
        test_rank: predicates test fields in this order.
        tell_rank: fields tell exclusions apart in this order.
        identifies: a match that names it is narrow.
        anchors: an attacker on any machine cannot choose its values.
        chosen: why an attacker can choose its values; empty where that is not so.
        wildcard: `*` is any text in it.
        separator: what is between values in an answer.
        semicolon: no value holds a `;`, which then separates values.
        pattern_noun: what a pattern names ("host whose name"), where one with little text names too much.
        ecs: its names in the Elastic Common Schema, which the filter notation uses.
        sigma_read: names of Sigma's taxonomy in lower case, and the name in `ecs` for each.
        sigma_written: names in `ecs`, and Sigma's name for each.
        watchlist: headings of Sentinel's watchlist templates that hold it.
        filter_note: what its values say beyond a comparison.
        instead: what to write where a comparison cannot be said.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    question: ClassVar[str]
    meaning: ClassVar[str]
    matches: ClassVar[str]
    spares: ClassVar[str] = ""
    synonyms: ClassVar[tuple[str, ...]] = ()
    roles: ClassVar[tuple[str, ...]]
    telling: ClassVar[tuple[str, ...]] = ()
    assumed: ClassVar[tuple[tuple[str, str], ...]] = ()
    column_type: ClassVar[str] = "string"
    verbatim: ClassVar[str | None] = None
    test_rank: ClassVar[int]
    tell_rank: ClassVar[int]
    identifies: ClassVar[bool] = False
    anchors: ClassVar[bool] = False
    chosen: ClassVar[str] = ""
    wildcard: ClassVar[bool] = False
    separator: ClassVar[str] = ","
    semicolon: ClassVar[bool] = False
    pattern_noun: ClassVar[str] = ""
    ecs: ClassVar[tuple[str, ...]] = ()
    sigma_read: ClassVar[tuple[tuple[str, str], ...]] = ()
    sigma_written: ClassVar[tuple[tuple[str, str], ...]] = ()
    watchlist: ClassVar[tuple[str, ...]] = ()
    filter_note: ClassVar[str] = ""
    instead: ClassVar[str] = "name what is benign instead"

    # ------------------------------------------------------------------ values

    @abstractmethod
    def check(self, value: str) -> ValueProblem | None:
        """Return why a value is refused; what every field refuses (`authored`) is checked before."""

    @abstractmethod
    def parse(self, value: str) -> V:
        """Return a value that `check` accepts in its parsed form."""

    def anchored(self, values: Sequence[str]) -> bool:
        """Return whether the values are such that an attacker on any machine cannot choose them."""
        return self.anchors

    def is_free_text(self) -> bool:
        """Return whether blanks at the ends and `<...>` inside are part of a value."""
        return False

    # ------------------------------------------------------------------ matching

    def roles_of(self, value: V) -> frozenset[str]:
        """Return the roles of columns that can hold such a value."""
        return frozenset(self.roles)

    def fits(self, value: V, column: BoundColumn, columns: Sequence[BoundColumn]) -> bool:
        """Return whether a column can be tested for a value; `columns` are all columns bound to the field."""
        return column.role in self.roles_of(value)

    @abstractmethod
    def test(self, values: Sequence[V], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        """Return the test that a column holds one of at least one value, each of which fits it."""

    def names(self, pattern: str, value: str) -> bool:
        """Return whether an exclusion's value names a value at hand, for looking exclusions up. Both are folded."""
        return pattern == value

    # ------------------------------------------------------------------ cover

    def key(self, parsed: V) -> Key:
        """Return the one form of a value."""
        return (folded(str(parsed)),)

    def above(self, key: Key) -> Iterator[Key]:
        """Yield keys that cover a key: itself, and every one without wildcards that does."""
        yield key

    def is_pattern(self, key: Key) -> bool:
        """Return whether a key may cover others in which `above` does not find it."""
        return False

    def covers(self, wide: Key, narrow: Key) -> bool:
        """Return whether every event that `narrow` matches, `wide` matches too."""
        return wide in self.above(narrow)

    def piece(self, key: Key) -> str:
        """Return a text that is in `text` of every key that a pattern covers."""
        return ""

    def text(self, key: Key) -> str:
        """Return the text that contains the pieces of the patterns that cover a key."""
        return ""

    # ------------------------------------------------------------------ events

    def event_value(self, column: BoundColumn) -> str:
        """Return the KQL of the value in the form in which an exclusion names it, in lower case; `""` if none."""
        return f"tolower({column.string()})"

    def named(self, value: str, role: str) -> str:
        """Return the value of an event's column as an exclusion names it; empty for none."""
        return value

    def sample(self, value: str) -> str:
        """Return a value that an event may have which an authored value matches."""
        return value.replace("**", "x").replace("*", "x")

    def shaped(self, role: str, value: str) -> str:
        """Return an event's value in the form of a column's role."""
        return value

    def attacks(self, value: str) -> Iterator[Attack]:
        """Yield what an attacker would try who knows that events with this value are suppressed."""
        return iter(())

    # ------------------------------------------------------------------ exchange

    def from_filter(self, operator: Operator, value: str) -> str | None:
        """Return the value that says exactly what a comparison says, or None."""
        if operator == "==":
            return value
        return pattern_of(operator, value) if self.wildcard else None

    def filter_notes(self, values: Sequence[str]) -> str:
        """Return what values that a filter gave say beyond it; empty for nothing."""
        return self.filter_note

    @property
    def overlapping(self) -> bool:
        """Whether one event can have several of its values, so that two lists have no common part."""
        return False

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        """Return comparisons of which one holds exactly when one of the values matches.

        Raises:
            NotExpressibleError: comparisons cannot say it.
        """
        return [test for name in self.ecs for test in compared(name, "==", values)]

    def watchlist_note(self, values: Sequence[str]) -> str:
        """Return what is lost when the values are rows of a watchlist; empty for nothing."""
        return ""

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        """Return the values that stand for a comparison of a column in a rule, or None.

        Args:
            operator: in KQL's spelling without `_cs`; `==` for all that compare for equality, `range` for
                functions that compare with networks.
            role: of the column.
            values: without wildcards.
        """
        return StandIn(values) if operator == "==" else None


def pattern_of(operator: Operator, value: str) -> str:
    """Return a comparison of a part of a text as a pattern."""
    return {"STARTSWITH": f"{value}*", "ENDSWITH": f"*{value}", "CONTAINS": f"*{value}*", "==": value}[operator]


def compared(name: str, operator: Operator, values: Sequence[str]) -> list[FieldTest]:
    """Return a comparison with the values; none where there are no values."""
    return [FieldTest(name, operator, tuple(values))] if values else []


def affix(pattern: str) -> tuple[Operator, str]:
    """Return a pattern with `*` at its ends alone as an operator and the text between.

    Raises:
        NotExpressibleError: a `*` is inside it.
    """
    text = pattern.strip("*")
    if "*" in text or not text:
        raise NotExpressibleError(f"`*` is inside `{pattern}`")
    if pattern.startswith("*") and pattern.endswith("*"):
        return "CONTAINS", text
    return ("STARTSWITH", text) if pattern.endswith("*") else ("ENDSWITH", text)


def no_wildcard(value: str) -> ValueProblem | None:
    """Return the problem of a value with `*` where a field takes none."""
    if "*" in value:
        return ValueProblem("this field takes no `*`", "write the values out as a list, or use `where`")
    return None
