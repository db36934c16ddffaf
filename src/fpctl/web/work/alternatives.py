"""What else an exclusion could say, by the rows of the rule's last run: narrower and wider matches, and values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fpctl.exclusions.reader import LoadedExclusion
from fpctl.fields.registry import FIELDS, NAMES, check_value

Match = Mapping[str, tuple[str, ...]]
"""Values by field; all fields must match, any value of a field will do."""
FEW_VALUES = 5
"""The most values of a field that a narrower match names."""
SHOWN = 4
"""Alternatives of a kind that are offered."""
SUGGESTED = 50
"""Values of a field that are suggested."""


@dataclass(frozen=True, slots=True)
class OtherMatch:
    """A match that could replace the one that was typed.

    Attributes:
        change: what is different, in words.
        match: the values by field.
        rows: rows of the last run that it would suppress.
    """

    kind: Literal["narrower", "wider"]
    change: str
    match: Match
    rows: int


def suppressed(match: Match, rows: Iterable[Match]) -> list[Match]:
    """Return the rows that a match would suppress; none where it says nothing."""
    return [row for row in rows if match and all(_holds(field, values, row) for field, values in match.items())]


def _holds(field: str, values: Sequence[str], row: Match) -> bool:
    known = FIELDS[field]
    wanted = [known.key(known.parse(value)) for value in values if check_value(field, value) is None]
    found = [known.key(known.parse(value)) for value in row.get(field, ()) if check_value(field, value) is None]
    return any(known.covers(wide, narrow) for wide in wanted for narrow in found)


def alternatives(match: Match, rows: Sequence[Match]) -> list[OtherMatch]:
    """Return what else could be said: what is narrower and suppresses most first, then what is wider by least."""
    here = suppressed(match, rows)
    if not here:
        return []
    narrower = [
        OtherMatch("narrower", f"only with {field} {', '.join(values)}", other, len(suppressed(other, rows)))
        for field, values in _shared(match, here)
        for other in ({**match, field: values},)
    ]
    wider = [OtherMatch("wider", change, other, len(suppressed(other, rows))) for change, other in _wider(match)]
    narrower.sort(key=lambda one: (-one.rows, one.change))
    wider.sort(key=lambda one: (one.rows, one.change))
    return [*narrower[:SHOWN], *wider[:SHOWN]]


def _shared(match: Match, rows: Sequence[Match]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield fields that are not given, with the few values that all or most of the rows have."""
    for field in NAMES:
        if field in match:
            continue
        counts = Counter(value for row in rows for value in row.get(field, ()) if check_value(field, value) is None)
        if 0 < len(counts) <= FEW_VALUES:
            yield field, tuple(sorted(counts))
        elif counts:
            yield field, (min(counts, key=lambda value: (-counts[value], value)),)


def _wider(match: Match) -> Iterator[tuple[str, Match]]:
    for field, values in match.items():
        if len(match) > 1:
            yield f"whatever the {field}", {name: given for name, given in match.items() if name != field}
        patterns = tuple(dict.fromkeys(_pattern(field, value) for value in values))
        if patterns != values and all(check_value(field, one) is None for one in patterns):
            yield f"{field} {', '.join(patterns)}", {**match, field: patterns}


def _pattern(field: str, value: str) -> str:
    """Return a value that names the like of a value too: a host's number, an address's network; else itself."""
    if field == "device":
        host, dot, domain = value.partition(".")
        stem = re.sub(r"\d+$", "", host)
        return f"{stem}*{dot}{domain}" if stem != host and len(stem) > 2 else value
    if field == "ip" and re.fullmatch(r"(\d+\.){3}\d+", value):
        return f"{value.rpartition('.')[0]}.0/24"
    return value


def suggestions(rows: Iterable[Match], exclusions: Iterable[LoadedExclusion]) -> dict[str, list[str]]:
    """Return values of each field to choose from: those of the rows, the most frequent first, then what is excluded."""
    seen: dict[str, Counter[str]] = {}
    for row in rows:
        for field, values in row.items():
            seen.setdefault(field, Counter()).update(values)
    for loaded in exclusions:
        for one in loaded.exclusion.match:
            for field, values in one.fields().items():
                seen.setdefault(field, Counter()).update(dict.fromkeys(values[:SUGGESTED], 0))
    return {
        field: sorted(counts, key=lambda value: (-counts[value], value))[:SUGGESTED] for field, counts in seen.items()
    }
