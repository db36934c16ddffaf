"""Candidates for exclusions among groups of like events: narrow, and worth the most.

The engine has grouped a rule's events by the fields that an exclusion can name; here are only the
groups. Values that are too rare to be worth an exclusion are "" in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from fpctl.schema.families import Family, is_narrow

SPECIFICITY: Mapping[str, float] = {
    "hash": 3, "url": 2, "command_line": 2, "script": 2, "parent_process": 1, "process": 1, "account": 1,
}  # fmt: skip
"""How much a fixed value of a field narrows a candidate; a list of values narrows half as much."""

DEVICE_LIST = 2.0
"""How much it narrows that the devices can be listed."""

LEAST = 4.0
"""A candidate narrows at least so much, where events tell programs."""

LEAST_IDENTITY = 3.0
"""The same for identities: an account with a few addresses is enough."""

IDENTITY_SPECIFICITY: Mapping[str, float] = {"account": 2, "app": 2, "ip": 2, "port": 2, "url": 2, "user_agent": 1}
"""The same for events without programs, such as sign-ins: an account with its address or application is narrow."""

ORDER = (
    *("parent_process", "process", "hash", "url", "command_line", "script"),
    *("account", "app", "ip", "port", "user_agent"),
)
"""What is the same in a candidate's events is looked for in this order: who does it, then what."""

COVERED = 0.9
"""A few values narrow a candidate if they hold at least this part of its events; the others are left aside."""

PROGRAMS = frozenset({"process", "hash"})
"""Fields that identify a program: events that have one are distinguished by it."""

MAX_KEY = 3
"""Candidates grow from keys of at most this many fields; what else is the same in their events is added."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Events grouped by fields: `rows` events for each tuple of `values`; "" is any rare value.

    `families` are those of the rule's tables.
    """

    fields: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    rows: tuple[int, ...]
    families: tuple[Family, ...] = ()

    def total(self) -> int:
        """Return how many events there are."""
        return sum(self.rows)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Events that are alike: the values of each field that hold for them, and how many there are.

    `devices` are the frequent devices among them, `listable` whether these are nearly all of the events. `anchored`
    whether what is named is narrow without devices; else these must be named too.
    """

    match: Mapping[str, tuple[str, ...]]
    rows: int
    devices: tuple[str, ...]
    listable: bool
    anchored: bool
    specificity: float

    @property
    def worth(self) -> float:
        """What it is worth: its events, less the wider it is."""
        return self.rows * (1 - 2 ** (-self.specificity / 2))


def candidates(groups: Groups, least: int, has_devices: bool, most_devices: int) -> list[Candidate]:
    """Return narrow candidates of at least `least` events, the worthiest first.

    Each names two fields or more, and a URL or hash, or its devices can be listed.

    Args:
        has_devices: the events have a device at all.
        most_devices: a list of devices is no longer than this.
    """
    found: dict[tuple[tuple[str, tuple[str, ...]], ...], Candidate] = {}
    narrowest = LEAST if PROGRAMS & set(groups.fields) else LEAST_IDENTITY
    for members in _keyed(groups, least):
        candidate = _closed(groups, members, has_devices, most_devices)
        if candidate is None or candidate.rows < least or candidate.specificity < narrowest:
            continue
        found.setdefault(tuple(sorted(candidate.match.items())), candidate)
    return sorted(found.values(), key=lambda one: (-one.worth, -one.specificity, sorted(one.match.items())))


def _keyed(groups: Groups, least: int) -> Iterator[list[int]]:
    """Yield the groups (by index) of each key with enough events; keys of the same groups come once."""
    plain = [index for index, field in enumerate(groups.fields) if field != "device"]
    seen: set[tuple[int, ...]] = set()
    for size in range(1, min(MAX_KEY, len(plain)) + 1):
        for key in combinations(plain, size):
            members: dict[tuple[str, ...], list[int]] = {}
            for number, values in enumerate(groups.values):
                picked = tuple(values[index] for index in key)
                if all(picked):
                    members.setdefault(picked, []).append(number)
            for numbers in members.values():
                if sum(groups.rows[number] for number in numbers) >= least and (same := tuple(numbers)) not in seen:
                    seen.add(same)
                    yield numbers


def _closed(groups: Groups, members: Sequence[int], has_devices: bool, most_devices: int) -> Candidate | None:
    """Return what holds for all of these groups, or for nearly all with the rest left aside."""
    match: dict[str, tuple[str, ...]] = {}
    kept = list(members)
    specificity = 0.0
    weights = SPECIFICITY if PROGRAMS & set(groups.fields) else IDENTITY_SPECIFICITY
    for field in (field for field in ORDER if field in groups.fields):
        if field == "script" and "command_line" in match:
            continue
        at = groups.fields.index(field)
        counts = _counts(groups, kept, at)
        total = sum(counts.values())
        common = sorted((value for value in counts if value), key=lambda value: (-counts[value], value))
        listed = common[: _most_values(field, match)]
        if not listed or sum(counts[value] for value in listed) < COVERED * total:
            continue
        while len(listed) > 1 and sum(counts[value] for value in listed[:-1]) >= 0.995 * total:
            listed.pop()
        if field == "process" and len(listed) > 1 and not _together(groups, kept, at, listed):
            continue
        match[field] = tuple(sorted(listed))
        specificity += weights[field] * (1 if len(listed) == 1 else 0.5)
        allowed = set(listed)
        kept = [number for number in kept if groups.values[number][at] in allowed]
    devices: tuple[str, ...] = ()
    listable = False
    if has_devices and "device" in groups.fields:
        counts = _counts(groups, kept, groups.fields.index("device"))
        devices = tuple(sorted(value for value in counts if value))
        total = sum(counts.values())
        listable = 0 < len(devices) <= most_devices and sum(counts[v] for v in devices) >= COVERED * total
        if listable:
            specificity += DEVICE_LIST
    anchored = is_narrow(match, groups.families)
    candidate = Candidate(match, sum(groups.rows[n] for n in kept), devices, listable, anchored, specificity)
    if not (candidate.anchored or listable) or len(match) + listable < 2:
        return None
    programs = PROGRAMS & set(groups.fields)
    if programs and not programs & set(match):
        # Where the events tell a program, the proposal does: else anything on these devices would be quiet.
        return None
    return candidate


def _most_values(field: str, match: Mapping[str, Sequence[str]]) -> int:
    """Return how many values of a field may be listed: several belong together only under one program or account."""
    if field in ("parent_process", "account"):
        return 1
    if field == "process":
        return 3 if "parent_process" in match else 1
    if field in ("app", "ip", "port", "user_agent"):
        return 4 if "account" in match or (field == "port" and "ip" in match) else 1
    programs = len(match.get("process", ()))
    if field == "hash":
        return max(1, 2 * programs)
    return 4 if programs == 1 else 1


TOGETHER = 0.75
"""Several programs do one job if each is at home on this part of the devices of all of them."""

AT_HOME = 0.1
"""A program is at home on a device with this part of the events that are usual for it there."""


def _together(groups: Groups, members: Sequence[int], at: int, listed: Sequence[str]) -> bool:
    """Return whether several programs run on the same devices: then they do one job."""
    if "device" not in groups.fields:
        return False
    device = groups.fields.index("device")
    rows: dict[str, dict[str, int]] = {value: {} for value in listed}
    for number in members:
        values = groups.values[number]
        if values[device] and values[at] in rows:
            on = rows[values[at]]
            on[values[device]] = on.get(values[device], 0) + groups.rows[number]
    homes: list[set[str]] = []
    for on in rows.values():
        usual = median(on.values()) if on else 0
        homes.append({name for name, count in on.items() if count >= AT_HOME * usual})
    everywhere = set().union(*homes)
    return bool(everywhere) and all(len(home) >= TOGETHER * len(everywhere) for home in homes)


def _counts(groups: Groups, members: Sequence[int], at: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for number in members:
        value = groups.values[number][at]
        counts[value] = counts.get(value, 0) + groups.rows[number]
    return counts
