"""From an exclusion's match to one predicate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from fpctl.errors import FpctlError
from fpctl.fields.field import BoundColumn, ValueProblem
from fpctl.fields.matching.term import AllOf, NullSafe, Period, Term, all_of, any_of
from fpctl.fields.registry import FIELDS, TEST_ORDER, parse_value
from fpctl.kql.lexer import tokenize
from fpctl.kql.literals import string_literal, string_value
from fpctl.kql.tokens import END, STRING
from fpctl.rewrite.predicate.render import Dialect, rendered, rendered_negation
from fpctl.rewrite.predicate.window import UtcRange, window_term

if TYPE_CHECKING:
    from fpctl.exclusions.window import Window

Reason = Literal["field-not-in-table", "columns-dropped", "outside-window", "invalid-value", "invalid-where"]
"""Why there is no predicate, as a reason code of a plan's skips."""


class Authored(Protocol):
    """One alternative of a match as the catalog reads it."""

    @property
    def where(self) -> str | None: ...

    def fields(self) -> Mapping[str, Sequence[str]]: ...


class PredicateError(FpctlError):
    """A match that cannot be tested on these columns. `reason` is the plan's word for it."""

    def __init__(self, message: str, reason: Reason, hint: str | None = None) -> None:
        super().__init__(message, None, hint)
        self.reason = reason


class Untested(NamedTuple):
    """A value that no column at hand can hold, so that it matches nothing here."""

    field: str
    value: str


class TimeLimits(NamedTuple):
    """When an exclusion holds.

    Attributes:
        column: the KQL of the event's time, None where it is not visible.
        window: the hours in which it holds.
        within: the range in which the events lie, if the window is to be written out in UTC.
        starts: the day (or time) from which it holds, UTC.
        expires: the day (or time) from which it no longer does, UTC.
    """

    column: str | None = None
    window: Window | None = None
    within: UtcRange | None = None
    starts: date | None = None
    expires: date | None = None


NO_LIMITS = TimeLimits()


@dataclass(frozen=True, slots=True)
class Predicate:
    """What an exclusion matches at an insertion point: true or false for every row, never null.

    Attributes:
        term: what is tested.
        untested: values that match nothing here, because no column at hand can hold them.
        unguarded: the exclusion begins or ends on a day, but no time column was at hand to say so in the predicate.
        dialect: the dialect that `render` uses unless told.
    """

    term: Term
    untested: tuple[Untested, ...] = ()
    unguarded: bool = False
    dialect: Dialect = Dialect.STANDARD
    _texts: dict[tuple[Dialect, bool], str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def days(self, time_column: str | None) -> str:
        """Return the days on which it begins and ends, by the time column, as text; none for no bounds."""
        terms = self.term.terms if isinstance(self.term, AllOf) else (self.term,)
        found = [one for one in terms if isinstance(one, Period) and one.column == time_column]
        return " and ".join(f"{day}" for one in found for day in (one.since, one.until) if day is not None)

    def render(self, dialect: Dialect | None = None) -> str:
        """Return the predicate as one line of KQL: what is in `not(...)` and in `countif(...)`.

        There are no parentheses around the whole. It is true for the rows to suppress, in every dialect.

        Raises:
            DialectError: the dialect has no words for it.
        """
        return self._text(dialect or self.dialect, negated=False)

    def clause(self, dialect: Dialect | None = None) -> str:
        """Return the whole clause: `| where not(...)`, or the negation spelled out where there is no `not`.

        Raises:
            DialectError: the dialect has no words for it.
        """
        return f"| where {self._text(dialect or self.dialect, negated=True)}"

    def _text(self, dialect: Dialect, *, negated: bool) -> str:
        """Return the predicate, or its negation, written once however many rules have it."""
        known = self._texts.get((dialect, negated))
        if known is None:
            write = rendered_negation if negated else rendered
            known = self._texts[dialect, negated] = write(self.term, dialect)
        return known


def build(
    alternatives: Sequence[Mapping[str, Sequence[str]] | Authored],
    bindings: Mapping[str, Sequence[BoundColumn]],
    *,
    where: str | None = None,
    times: TimeLimits = NO_LIMITS,
    dialect: Dialect = Dialect.STANDARD,
) -> Predicate:
    """Return the predicate of a match.

    Args:
        alternatives: each maps fields to values; all fields of one must match, a field by any of its
            values. An alternative of the catalog brings its own `where`; in a mapping it is the key `where`.
        bindings: the columns that hold each field.
        where: a raw condition that every alternative also needs; its columns are the caller's to check.
        times: when the exclusion holds.
        dialect: see `Predicate`.

    Raises:
        PredicateError: no alternative can be tested on these columns, a value is broken, or the
            window needs a time and there is none.
    """
    untested: list[Untested] = []
    terms: list[Term] = []
    missing: list[str] = []
    for values, own in _merged(alternatives):
        term = _alternative(values, own, bindings, untested, missing)
        if term is not None:
            terms.append(term)
    if not terms and (alternatives or where is None):
        raise PredicateError(_nothing_to_test(missing, untested), "field-not-in-table")
    guards: list[Term] = [] if where is None else [NullSafe(condition(where))]
    if times.window is not None:
        guards.append(_window(times.window, times.within, times.column))
    if times.column is not None and (times.starts is not None or times.expires is not None):
        guards.append(Period(times.column, times.starts, times.expires))
    return Predicate(
        all_of([any_of(terms), *guards] if terms else guards),
        tuple(sorted(set(untested))),
        times.column is None and (times.starts is not None or times.expires is not None),
        dialect,
    )


def _merged(
    alternatives: Sequence[Mapping[str, Sequence[str]] | Authored],
) -> list[tuple[Mapping[str, tuple[str, ...]], str | None]]:
    """Return the alternatives; those of one and the same field alone become one, whose values share a list."""
    found: list[tuple[dict[str, tuple[str, ...]], str | None]] = []
    single: dict[str, dict[str, tuple[str, ...]]] = {}
    for alternative in alternatives:
        if isinstance(alternative, Mapping):
            given, own = dict(alternative), alternative.get("where")
            given.pop("where", None)
            own = own if own is None or isinstance(own, str) else " ".join(own)
        else:
            given, own = dict(alternative.fields()), alternative.where
        fields = {field: (values,) if isinstance(values, str) else tuple(values) for field, values in given.items()}
        (field, *others) = fields or ("",)
        if field and not others and own is None:
            if field in single:
                single[field][field] += fields[field]
                continue
            single[field] = fields
        found.append((fields, own))
    return list(found)


def _alternative(
    fields: Mapping[str, tuple[str, ...]],
    own: str | None,
    bindings: Mapping[str, Sequence[BoundColumn]],
    untested: list[Untested],
    missing: list[str],
) -> Term | None:
    """Return the test of one alternative, None where one of its fields cannot match here."""
    terms: list[Term] = []
    for name in TEST_ORDER:
        if name not in fields:
            continue
        columns = bindings.get(name, ())
        if not columns:
            missing.append(name)
        tests, tested = _field_tests(name, fields[name], columns)
        untested.extend(Untested(name, value) for value in fields[name] if value not in tested)
        if not tests:
            return None
        terms.append(any_of(tests))
    unknown = set(fields) - set(FIELDS)
    if unknown:
        raise PredicateError(f"there is no field {min(unknown)}", "invalid-value")
    if own is not None:
        terms.append(NullSafe(condition(own)))
    if not terms:
        raise PredicateError("an alternative names nothing and would match every event", "invalid-value")
    return all_of(terms)


def _field_tests(field: str, values: Sequence[str], columns: Sequence[BoundColumn]) -> tuple[list[Term], set[str]]:
    """Return the tests of a field, one a column, and the values that they test."""
    known = FIELDS[field]
    parsed = []
    for value in values:
        read = parse_value(field, value)
        if isinstance(read, ValueProblem):
            raise PredicateError(f"{field}: {read.message}", "invalid-value", read.hint)
        parsed.append((value, read))
    if not parsed:
        raise PredicateError(f"{field} has no values", "invalid-value", "give a value, or remove the field")
    tests: list[Term] = []
    tested: set[str] = set()
    for column in columns:
        fitting = [(value, read) for value, read in parsed if known.fits(read, column, columns)]
        if fitting:
            tests.append(known.test([read for _, read in fitting], column, columns))
            tested.update(value for value, _ in fitting)
    return tests, tested


def _window(window: Window, within: UtcRange | None, time_column: str | None) -> Term:
    if time_column is None:
        raise PredicateError(
            "the exclusion holds at certain hours only, and no time column is visible here", "columns-dropped",
            "keep the rule's time column up to this place, or remove `window`",
        )  # fmt: skip
    term = window_term(window, time_column, within)
    if term is None:
        raise PredicateError("the exclusion's window has no time in the range of the run", "outside-window")
    return term


def _nothing_to_test(missing: Sequence[str], untested: Sequence[Untested]) -> str:
    if missing:
        return f"no column here holds the field {missing[0]}"
    if untested:
        return f"no column here can hold the {untested[0].field} {untested[0].value}"
    return "the exclusion names nothing to match"


def condition(text: str) -> str:
    """Return a raw condition as one line that cannot reach beyond itself: without comments, brackets balanced.

    Raises:
        PredicateError: it holds a statement or pipe, or brackets that do not match.
        KqlSyntaxError: it holds a character or literal that is not KQL.
    """
    tokens = tokenize(text)
    closing = {"(": ")", "[": "]", "{": "}"}
    depth: list[str] = []
    words: list[str] = []
    for at, (kind, word) in enumerate(zip(tokens.kinds, tokens.texts, strict=True)):
        if kind == END:
            break
        if word in ("|", ";") or (word == "," and not depth):
            raise PredicateError(f"`where` holds a `{word}`, which ends a condition", "invalid-where")
        if word in closing:
            depth.append(closing[word])
        elif word in closing.values() and (not depth or depth.pop() != word):
            raise PredicateError(f"`where` has a `{word}` too many", "invalid-where")
        if words and tokens.trivia[at]:
            words.append(" ")
        # A literal over several lines is written in one.
        words.append(string_literal(string_value(word)) if kind == STRING and "\n" in word else word)
    if depth:
        raise PredicateError(f"`where` lacks a `{depth[-1]}`", "invalid-where")
    if not words:
        raise PredicateError("`where` is empty and would match every event", "invalid-where")
    return "".join(words)
