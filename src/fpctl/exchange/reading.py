"""Conditions of other formats as drafts: what Elastic and Sigma have in common when they are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fpctl.exchange.format import ImportContext
from fpctl.exchange.loss import Loss
from fpctl.exclusions.filter_syntax import Condition, FilterSyntaxError, to_match
from fpctl.fields.registry import NAMES
from fpctl.schema.families import is_narrow

Match = tuple[dict[str, tuple[str, ...]], ...]


class LeftOutError(Exception):
    """A record that cannot be carried; the text is the reason."""


def match_of(conditions: Iterable[Condition], context: ImportContext) -> tuple[Match, tuple[str, ...]]:
    """Return the alternatives that say what any of the conditions says, and what to know about them.

    Raises:
        LeftOutError: a match cannot say it.
    """
    found: list[Mapping[str, tuple[str, ...]]] = []
    notes: dict[str, None] = {}
    for condition in conditions:
        try:
            read = to_match(condition, "", columns=context.raw)
        except FilterSyntaxError as error:
            hint = f" ({error.hint})" if error.hint else ""
            raise LeftOutError(f"{error.message}{hint}") from error
        found += read.match
        notes.update(dict.fromkeys(read.notes))
    return tuple(_plain(one) for one in merged(found)), tuple(notes)


def _plain(alternative: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return an alternative without values that another of the same field covers."""
    plain: dict[str, tuple[str, ...]] = {}
    for field, values in alternative.items():
        known = {value.casefold() for value in values}
        if field == "device":
            # A short name matches its full names too: `build01` makes `build01.*` needless.
            values = tuple(v for v in values if not (v.endswith(".*") and v[:-2].casefold() in known))
        plain[field] = tuple({value.casefold(): value for value in reversed(values)}.values())[::-1]
    return plain


def merged(match: Iterable[Mapping[str, tuple[str, ...]]]) -> list[dict[str, tuple[str, ...]]]:
    """Return alternatives of which those that differ in the values of one field only have become one."""
    found = [dict(one) for one in match]
    before = -1
    while len(found) != before:
        before = len(found)
        for field in NAMES:
            found = _merged_in(field, found)
    return found


def _merged_in(field: str, match: Iterable[dict[str, tuple[str, ...]]]) -> list[dict[str, tuple[str, ...]]]:
    """Join the values of a field of those alternatives that say the same in all others."""
    groups: dict[object, dict[str, dict[str, None]]] = {}
    kept: list[dict[str, tuple[str, ...]]] = []
    for one in match:
        key = (field in one, tuple(sorted((name, values) for name, values in one.items() if name != field)))
        if key not in groups:
            groups[key] = {field: {}}
            kept.append(one)
        groups[key][field].update(dict.fromkeys(one.get(field, ())))
    return [
        {**one, field: tuple(values[field])} if field in one else one
        for one, values in zip(kept, groups.values(), strict=True)
    ]


def is_broad(match: Match) -> bool:
    """Return whether an alternative names no device, URL or hash."""
    return not all(is_narrow(one) for one in match)


def wider_notes(notes: Sequence[str], about: str, line: int) -> list[Loss]:
    """Return what makes the match wider than what was read, as losses."""
    return [Loss("wider", about, note, line) for note in notes]
