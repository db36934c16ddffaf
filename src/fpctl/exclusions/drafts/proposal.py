"""Exclusions proposed from rows of a rule's output: the devices, URLs, hashes, programs and identities in them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fpctl.fields.registry import FIELDS, NARROW, check_value
from fpctl.rules.result_rows import Row
from fpctl.schema.families import Family, is_narrow
from fpctl.schema.fields import FieldMap

TOGETHER = ("url", "hash", "process", "parent_process")
"""Fields that a proposal keeps together; the devices on which the same was seen are listed in it."""

WHO = ("account", "app")
"""Fields that a proposal for an identity keeps together; its addresses are listed in it."""

MOST_ADDRESSES = 10
"""More addresses than this are not listed, where account and application identify without them."""

ENTITIES = (*NARROW, "process", "parent_process", "account", "app", "ip")
"""Fields that rows are looked through for."""

_ROLES = {
    "device": ("host-name",),
    "hash": ("sha256", "sha1", "md5", "hash"),
    "account": ("account-upn", "account", "account-name"),
    "app": ("app-id", "app-name"),
}
"""By field, roles in the order of preference: a row that has several gives the best only."""

MAX_ELEMENTS = 1000
"""How many elements of a list in one cell are looked at."""


class EntityColumn(NamedTuple):
    """A result column that holds a field."""

    field: str
    role: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A match that the rows suggest. `rows` is how many of them it names; `kind` is `together` or a field."""

    kind: str
    match: Mapping[str, tuple[str, ...]]
    rows: int

    def text(self, most: int = 3) -> str:
        """Return the match in a line: `device build01, build02 and 5 more; url deploy.contoso.com`."""
        parts = []
        for field, values in self.match.items():
            more = f" and {len(values) - most} more" if len(values) > most else ""
            parts.append(f"{field} {', '.join(values[:most])}{more}")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Proposals:
    """What the rows suggest, the widest-reaching first; `left_out` counts values that no exclusion can name."""

    rows: int
    columns: Mapping[str, EntityColumn]
    proposals: tuple[Proposal, ...]
    left_out: Mapping[str, int]


def entity_columns(
    names: Iterable[str], origins: Mapping[str, Sequence[tuple[str, str]]], fields: FieldMap
) -> dict[str, EntityColumn]:
    """Return the result columns that hold a field.

    Args:
        names: the result's columns.
        origins: where known, the (table, column) pairs that a result column carries unchanged.
        fields: which columns of a table hold which field; a column of unknown origin is taken for what
            most tables use its name for.
    """
    usual = _usual(fields)
    found: dict[str, EntityColumn] = {}
    for name in names:
        meant = [_field_of(table, column, fields) for table, column in origins.get(name, ())]
        one = next((entity for entity in meant if entity is not None), None)
        if one is None and not origins.get(name):
            one = usual.get(name)
        if one is not None:
            found[name] = one
    return found


def _field_of(table: str, column: str, fields: FieldMap) -> EntityColumn | None:
    for field in ENTITIES:
        for mapped in fields.columns(table, field):
            if mapped.column == column and not mapped.members and mapped.role != "account-domain":
                return EntityColumn(field, mapped.role)
    return None


def _usual(fields: FieldMap) -> dict[str, EntityColumn]:
    counts: dict[str, Counter[EntityColumn]] = {}
    for table in fields.tables():
        for field in ENTITIES:
            for mapped in fields.columns(table, field):
                if not mapped.members and mapped.role != "account-domain":
                    counts.setdefault(mapped.column, Counter())[EntityColumn(field, mapped.role)] += 1
    return {column: max(sorted(counter), key=counter.__getitem__) for column, counter in counts.items()}


def propose(rows: Sequence[Row], columns: Mapping[str, EntityColumn], families: Sequence[Family] = ()) -> Proposals:
    """Return what the rows suggest.

    First, for each combination of URL, hash and programs, one proposal with the devices on which it was
    seen; then each device, URL and hash alone. In rows that show no program, of tables in which identities
    are narrow together, each account and application with its addresses comes before these. Every proposal is narrow.

    Args:
        families: of the rule's tables.
    """
    left_out: Counter[str] = Counter()
    found = [_entities(row, columns, left_out) for row in rows]
    devices: dict[tuple[tuple[str, tuple[str, ...]], ...], set[str]] = {}
    seen: Counter[tuple[tuple[str, tuple[str, ...]], ...]] = Counter()
    alone: Counter[tuple[str, str]] = Counter()
    for entities in found:
        key = tuple((field, entities[field]) for field in TOGETHER if field in entities)
        seen[key] += 1
        devices.setdefault(key, set()).update(entities.get("device", ()))
        alone.update((field, value) for field in NARROW for value in entities.get(field, ()))
    proposals: list[Proposal] = []
    for key, count in seen.items():
        together: dict[str, tuple[str, ...]] = {"device": tuple(sorted(devices[key]))} if devices[key] else {}
        together |= dict(key)
        if any(field in together for field in NARROW):
            proposals.append(Proposal("together", together, count))
    proposals += _identities(found, families)
    proposals.sort(key=lambda proposal: (-proposal.rows, proposal.text()))
    known = [proposal.match for proposal in proposals]
    singles = [Proposal(field, {field: (value,)}, count) for (field, value), count in alone.items()]
    singles.sort(key=lambda proposal: (-proposal.rows, NARROW.index(proposal.kind), proposal.text()))
    proposals += [proposal for proposal in singles if proposal.match not in known]
    return Proposals(len(rows), dict(columns), tuple(proposals), dict(sorted(left_out.items())))


def _identities(found: Sequence[Mapping[str, tuple[str, ...]]], families: Sequence[Family]) -> list[Proposal]:
    """Return a proposal for each account and application, with the addresses from which it was seen."""
    if not any(family.together for family in families):
        return []
    addresses: dict[tuple[tuple[str, tuple[str, ...]], ...], set[str]] = {}
    seen: Counter[tuple[tuple[str, tuple[str, ...]], ...]] = Counter()
    for entities in found:
        if "process" in entities or "hash" in entities:
            continue
        key = tuple((field, entities[field]) for field in WHO if field in entities)
        if key:
            seen[key] += 1
            addresses.setdefault(key, set()).update(entities.get("ip", ()))
    proposals = []
    for key, count in seen.items():
        match = dict(key)
        listed = tuple(sorted(addresses[key]))
        if listed and not (len(listed) > MOST_ADDRESSES and is_narrow(match, families)):
            match["ip"] = listed
        if is_narrow(match, families):
            proposals.append(Proposal("together", match, count))
    return proposals


def _entities(row: Row, columns: Mapping[str, EntityColumn], left_out: Counter[str]) -> dict[str, tuple[str, ...]]:
    by_role: dict[str, dict[str, dict[str, str]]] = {}
    for column, entity in columns.items():
        for value in _elements(row.get(column)):
            said = FIELDS[entity.field].named(value, entity.role)
            if not said:
                continue
            if check_value(entity.field, said) is not None:
                left_out[entity.field] += 1
                continue
            by_role.setdefault(entity.field, {}).setdefault(entity.role, {}).setdefault(said.casefold(), said)
    found: dict[str, tuple[str, ...]] = {}
    for field, roles in by_role.items():
        preferred = next((role for role in _ROLES.get(field, ()) if role in roles), None)
        values = roles[preferred] if preferred else {k: v for role in sorted(roles) for k, v in roles[role].items()}
        found[field] = tuple(values[key] for key in sorted(values))
    return found


def _elements(cell: Any) -> list[str]:
    """Return the texts of a cell: itself, or the elements of a list (also one written as JSON text)."""
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        try:
            cell = json.loads(cell)
        except ValueError:
            return [cell.strip()]
    if isinstance(cell, list):
        return [item.strip() for item in cell[:MAX_ELEMENTS] if isinstance(item, str) and item.strip()]
    return [cell.strip()] if isinstance(cell, str) and cell.strip() else []


def parse_choice(text: str, count: int) -> tuple[int, ...]:
    """Return the numbers that `1,3`, `2-4` or `all` choose of 1 to `count`, in order.

    Raises:
        ValueError: it is not a choice; the message says why.
    """
    if text.strip().lower() == "all":
        return tuple(range(1, count + 1))
    chosen: set[int] = set()
    for part in text.replace(" ", "").split(","):
        span = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part)
        if span is None:
            raise ValueError(f"`{part}` is not a number: write 1,3, 2-4 or all")
        first, last = int(span[1]), int(span[2] or span[1])
        if not 1 <= first <= last <= count:
            raise ValueError(f"there is no proposal {part}: they are numbered 1 to {count}")
        chosen.update(range(first, last + 1))
    return tuple(sorted(chosen))
