"""The registry: every field of a match, in the documented order. Whatever fpctl knows of fields is derived from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from fpctl.fields import authored
from fpctl.fields.definitions import (
    account,
    app,
    command_line,
    device,
    hash,
    ip,
    parent_command_line,
    parent_process,
    path,
    port,
    process,
    registry_key,
    signer,
    url,
    user_agent,
)
from fpctl.fields.field import Field, Key, ValueProblem
from fpctl.fields.matching.containment import ANY, ONE

FIELDS: Mapping[str, Field[Any]] = MappingProxyType(
    {
        one.FIELD.name: one.FIELD
        for one in (
            *(device, url, hash, process, parent_process, command_line, parent_command_line, path, registry_key),
            *(account, app, ip, signer, port, user_agent),
        )
    }
)
"""By name."""

NAMES: tuple[str, ...] = tuple(FIELDS)
"""The fields of `match`, besides `where`."""


def having(quality: Callable[[Field[Any]], object]) -> tuple[str, ...]:
    """Return the names of the fields that have a quality, in the documented order."""
    return tuple(name for name, field in FIELDS.items() if quality(field))


NARROW: tuple[str, ...] = having(lambda field: field.identifies)
"""Narrow in every table. Each alternative of a match names one of these, or fields that are narrow together in a family
of tables (`schema.families`), or the exclusion says `broad: true`."""

TEST_ORDER: tuple[str, ...] = tuple(sorted(NAMES, key=lambda name: FIELDS[name].test_rank))
"""The order in which a predicate tests fields: cheap ones first."""

TELL_ORDER: tuple[str, ...] = tuple(sorted(NAMES, key=lambda name: FIELDS[name].tell_rank))
"""The order in which fields tell exclusions apart."""

SYNONYMS: Mapping[str, str] = MappingProxyType(
    {word: name for name, field in FIELDS.items() for word in field.synonyms} | {"predicate": "where", "kql": "where"}
)
"""Words people use for a field, for hints; compared in lower case."""


@lru_cache(maxsize=1 << 16)
def check_value(field: str, value: str) -> ValueProblem | None:
    """Return why `value` cannot stand for `field`, or None if it can.

    Args:
        field: a name of `NAMES`; for any other name, the message says that there is no such field.
        value: the value as authored; list references (`@lists/x.txt`) are not values.
    """
    known = FIELDS.get(field)
    if known is None:
        return ValueProblem(f"there is no field {field}", "the fields are " + ", ".join(sorted(FIELDS)))
    found = authored.refused(value, known.is_free_text()) or known.check(value)
    if found is None or len(value) <= SHOWN:
        return found
    short = f"{value[:SHOWN]}..."
    return ValueProblem(found.message.replace(value, short), found.hint and found.hint.replace(value, short))


SHOWN = 100
"""How many characters of a value a message about it shows."""


def parse_value(field: str, value: str) -> Any | ValueProblem:
    """Return a parsed value of a field, or what is wrong with it."""
    problem = check_value(field, value)
    return FIELDS[field].parse(value) if problem is None else problem


def usable_roles(field: str, values: Sequence[str]) -> frozenset[str]:
    """Return the roles of columns that can hold at least one of the values; unreadable values count as none."""
    found: set[str] = set()
    for value in values:
        parsed = parse_value(field, value)
        if not isinstance(parsed, ValueProblem):
            found |= FIELDS[field].roles_of(parsed)
    return frozenset(found)


@lru_cache(maxsize=1 << 17)
def key_of(field: str, value: str) -> Key | None:
    """Return the one form of an authored value; None for one that cannot be read, or holds a stand-in letter."""
    if ONE in value or ANY in value:
        return None
    parsed = parse_value(field, value)
    return None if isinstance(parsed, ValueProblem) else FIELDS[field].key(parsed)


def names_value(field: str, pattern: str, value: str) -> bool:
    """Return whether an exclusion's value `pattern` of a field matches a value at hand, for looking exclusions up."""
    given = value.strip()
    return bool(given) and FIELDS[field].names(pattern.casefold(), given.casefold())
