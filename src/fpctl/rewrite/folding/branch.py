"""Branches: a term as alternatives, each a conjunction of keys with their values and of what has no key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import product
from typing import NamedTuple

from fpctl.fields.matching.term import Affix, AllOf, AnyOf, In, Numbers, Period, Regex, Term, any_of
from fpctl.rewrite.folding import key
from fpctl.rewrite.folding.key import SEPARATOR, Key

MOST = 64
"""The most branches that an exclusion may have; one with more stays as it is."""

Values = frozenset[str]
"""Values of a key, in lower case."""


class Days(NamedTuple):
    """The days on which something holds: from `since` on (None: from ever), and before `until` (None: for ever)."""

    since: date | None = None
    until: date | None = None


ALWAYS = Days()


class Branch(NamedTuple):
    """What must hold together.

    Attributes:
        keys: each key with its values, cheapest key first.
        rest: what has no key.
        days: the days between which the branch holds.
    """

    keys: tuple[tuple[Key, Values], ...]
    rest: tuple[Term, ...] = ()
    days: Days = ALWAYS


class _Part(NamedTuple):
    keys: tuple[tuple[Key, Values], ...]
    rest: tuple[Term, ...]


def branches(term: Term, time_column: str | None, *, sites: bool = True) -> list[Branch]:
    """Return the branches of a term; together they match what the term matches.

    Args:
        term: what an exclusion matches.
        time_column: the KQL of the event's time; its bounds become `days`.
        sites: read URLs and IPv6 addresses by keys, too; the dialect of continuous detections has no words for these.
    """
    days = ALWAYS
    tests: list[Term] = []
    for test in term.terms if isinstance(term, AllOf) else (term,):
        if days == ALWAYS and isinstance(test, Period) and _in_days(test, time_column):
            days = Days(test.since, test.until)
        else:
            tests.append(test)
    parts = _conjunction(tests, sites)
    if parts is None:
        return [Branch((), tuple(tests), days)]
    return [Branch(keys, part.rest, days) for part in parts if (keys := _sorted(part.keys)) is not None]


def _in_days(test: Period, time_column: str | None) -> bool:
    return test.column == time_column and not any(isinstance(at, datetime) for at in (test.since, test.until))


def _sorted(keys: Iterable[tuple[Key, Values]]) -> tuple[tuple[Key, Values], ...] | None:
    """Return the keys in order; one that is there twice has the values that are in both, None if there are none."""
    found: dict[Key, Values] = {}
    for one, values in keys:
        found[one] = found[one] & values if one in found else values
    if not all(found.values()):
        return None
    return tuple(sorted(found.items(), key=lambda item: (item[0].rank, item[0].text)))


def _conjunction(terms: Sequence[Term], sites: bool) -> list[_Part] | None:
    """Return the parts of a conjunction, None where these are too many."""
    choices: list[list[_Part]] = []
    count = 1
    for term in terms:
        parts = _parts(term, sites)
        if parts is None:
            return None
        count *= len(parts)
        if count > MOST:
            return None
        choices.append(parts)
    return [
        _Part(tuple(k for part in chosen for k in part.keys), tuple(t for part in chosen for t in part.rest))
        for chosen in product(*choices)
    ]


def _parts(term: Term, sites: bool) -> list[_Part] | None:
    if isinstance(term, AllOf):
        return _conjunction(term.terms, sites)
    keyed: dict[Key, set[str]] = {}
    others: list[_Part] = []
    loose: list[Term] = []
    terms = term.terms if isinstance(term, AnyOf) else (term,)
    labels = _labels(terms)
    for one in terms:
        if isinstance(one, AllOf):
            inner = _conjunction(one.terms, sites)
            if inner is None:
                return None
            others.extend(inner)
        elif isinstance(one, Affix) and one.value[:-1] in labels.get(one.operand, ()):
            keyed.setdefault(key.first_label(one.operand), set()).add(one.value[:-1])
        elif isinstance(one, AnyOf) or not _keyed(one, labels, sites, keyed):
            loose.append(one)
    parts = [_Part(((one, frozenset(values)),), ()) for one, values in keyed.items() if values]
    if loose:
        parts.append(_Part((), (any_of(loose),)))
    found = [*parts, *others]
    return found if len(found) <= MOST else None


def _labels(terms: Sequence[Term]) -> dict[str, set[str]]:
    """Return by operand the values v of `x == v or x startswith "v."`: that is, x's first label is v."""
    begun: dict[str, set[str]] = {}
    for term in terms:
        if isinstance(term, Affix) and term.kind == "startswith" and term.value.endswith(".") and term.value.isascii():
            label = term.value[:-1]
            if label and "." not in label and SEPARATOR not in label and label == label.lower():
                begun.setdefault(term.operand, set()).add(label)
    if not begun:
        return begun
    equal: dict[str, set[str]] = {}
    for term in terms:
        if isinstance(term, In) and term.operand in begun:
            equal.setdefault(term.operand, set()).update(value.lower() for value in term.values)
    return {operand: labels & equal.get(operand, set()) for operand, labels in begun.items()}


def _keyed(term: Term, labels: dict[str, set[str]], sites: bool, found: dict[Key, set[str]]) -> bool:
    """Add a test to the keys; False where it has no key."""
    if isinstance(term, In):
        if not term.values[0].isascii() or any(SEPARATOR in value for value in term.values):
            return False
        values = {value.lower() for value in term.values} - labels.get(term.operand, set())
        found.setdefault(key.equal(term.operand), set()).update(values)
        return True
    if isinstance(term, Numbers):
        found.setdefault(key.number(term.operand), set()).update(map(str, term.values))
        return True
    if isinstance(term, Regex) and term.address and sites:
        found.setdefault(key.address(term.operand), set()).add(term.address)
        return True
    if isinstance(term, Regex) and term.sites and sites:
        read = [key.site(term.operand, site) for site in term.sites]
        for one in read:
            if one is None:
                return False
        for one in read:
            if one is not None:
                found.setdefault(one[0], set()).add(one[1])
        return True
    return False
