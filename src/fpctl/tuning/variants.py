"""What an attacker would try who knows an exclusion: events that resemble what it suppresses.

Each variant is an event given by fields, made from one that the exclusion suppresses. Whether it would be
suppressed is not decided here: the clause itself is asked (`redteam`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.exclusions.window import Window
from fpctl.fields.field import NOTHING, ON_DEVICE
from fpctl.fields.registry import FIELDS
from fpctl.tuning.raw_condition_event import Value, columns_for, other_than

OTHER_HASH = "1" * 64

OTHERS: Mapping[str, str] = {
    "account": "somebody@contoso.com", "app": "00000000-1111-4222-8333-444444444444", "ip": "198.51.100.7", "port": "1",
}  # fmt: skip
"""A value of each field that fields of a family identify together, to ask for another one."""

SHARED: Mapping[str, str] = {
    "ip": "a place behind the same address", "account": "the account's password", "app": "the same application",
}  # fmt: skip
"""What an attacker needs to share what an alternative names."""


@dataclass(frozen=True, slots=True)
class Variant:
    """An attack event.

    Attributes:
        name: what is tried, in a few words.
        fields: values by field, `moment` apart.
        needs: what the attacker needs for it, beside knowing the exclusion; empty where it is what the
            exclusion is for, or where no clause can help.
        advice: what would stop it, where it gets through.
        columns: values by column, for a raw condition.
    """

    name: str
    fields: Mapping[str, str]
    moment: datetime
    needs: str
    advice: str
    columns: Mapping[str, Value] = field(default_factory=dict)


def variants(
    exclusion: Exclusion, alternative: Alternative, seed: Variant, today: datetime, unnamed: Sequence[str] = ()
) -> Iterator[Variant]:
    """Yield what an attacker would try against one alternative of an exclusion.

    Args:
        seed: an event that the alternative suppresses (`seed_of`).
        today: the time that is taken for now.
        unnamed: fields that would identify an event of the table, of which the alternative names too few.
    """
    fields = alternative.fields()
    for one in fields:
        for attack in FIELDS[one].attacks(seed.fields[one]):
            needs = attack.needs
            if needs == NOTHING and "device" in fields and "device" not in attack.changes:
                needs = ON_DEVICE
            changed_fields = {**seed.fields, **attack.changes}
            yield replace(seed, name=attack.name, fields=changed_fields, needs=needs, advice=attack.advice)
    if not {"hash", "signer"} & set(fields) and {"process", "parent_process"} & set(fields):
        yield replace(
            seed,
            name="another program, renamed to the excluded one",
            fields={**seed.fields, "hash": OTHER_HASH, "path": "C:\\Users\\Public\\x\\", "signer": ""},
            needs=ON_DEVICE if "device" in fields else NOTHING,
            advice="name the hash or the signer of the program",
        )
    yield from _neighbours(fields, seed, unnamed)
    for column, value in seed.columns.items():
        changed = {**seed.columns, column: other_than(value)}
        yield replace(seed, name=f"another {column} than the raw condition asks for", columns=changed, needs=NOTHING)
    yield from _times(exclusion, seed, today)


def _neighbours(fields: Collection[str], seed: Variant, unnamed: Sequence[str]) -> Iterator[Variant]:
    """Yield events of somebody else who shares what an alternative names: an address, an account, an application."""
    for one in unnamed:
        change = next((attack.changes for attack in FIELDS[one].attacks(FIELDS[one].sample(OTHERS[one]))), {})
        yield replace(
            seed,
            name=f"another {one} with the same {' and '.join(fields)}",
            fields={**seed.fields, **change},
            needs=next((needs for field, needs in SHARED.items() if field in fields), NOTHING),
            advice=f"name the {one} too: these alone do not identify an event here",
        )


def seed_of(exclusion: Exclusion, alternative: Alternative, today: datetime) -> Variant:
    """Return the plainest event that an alternative suppresses: the first value of each field, inside the window."""
    values = {name: FIELDS[name].sample(given[0]) for name, given in alternative.fields().items()}
    columns = columns_for(alternative.where) if alternative.where is not None else {}
    return Variant("what it is for", values, inside(exclusion, today), "", "", columns)


def inside(exclusion: Exclusion, today: datetime) -> datetime:
    """Return a time before `today` at which the exclusion holds."""
    if exclusion.window is None:
        return _before_expiry(exclusion, today - timedelta(hours=1))
    for step in range(1, 24 * 4 * 15):
        moment = today - timedelta(minutes=15 * step)
        if holds(exclusion.window, moment) and moment == _before_expiry(exclusion, moment):
            return moment
    return _before_expiry(exclusion, today - timedelta(hours=1))


def _before_expiry(exclusion: Exclusion, moment: datetime) -> datetime:
    if exclusion.expires is None:
        return moment
    return min(moment, datetime.combine(exclusion.expires, time(), UTC) - timedelta(hours=1))


def holds(window: Window, moment: datetime) -> bool:
    """Return whether a moment lies in a window."""
    from zoneinfo import ZoneInfo

    local = moment.astimezone(ZoneInfo(window.timezone))
    minutes = local.hour * 60 + local.minute
    for one in window.weekly:
        if one.end > one.start:
            if local.weekday() in one.days and one.start <= minutes < one.end:
                return True
        elif (local.weekday() in one.days and minutes >= one.start) or (
            (local.weekday() - 1) % 7 in one.days and minutes < one.end
        ):
            return True
    wall = local.replace(tzinfo=None)
    return any(one.start <= wall < one.end for one in window.intervals)


def _times(exclusion: Exclusion, seed: Variant, today: datetime) -> Iterator[Variant]:
    if exclusion.window is not None:
        last = seed.moment
        while holds(exclusion.window, last + timedelta(minutes=1)):
            last += timedelta(minutes=1)
        advice = "make the window no longer than the work takes"
        yield replace(seed, name="in the window's last minute", moment=last, needs="time", advice=advice)
        yield replace(seed, name="just after the window", moment=last + timedelta(minutes=1), needs="", advice="")
    if exclusion.expires is not None:
        end = datetime.combine(exclusion.expires, time(), UTC)
        yield replace(seed, name="right after it has expired", moment=end, needs="", advice="")
