"""What an attacker would try who knows an exclusion: events that resemble what it suppresses.

Each variant is an event given by fields, made from one that the exclusion suppresses. Whether it would be
suppressed is not decided here: the clause itself is asked (`redteam`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.exclusions.window import Window
from fpctl.tuning.raw_condition_event import Value, columns_for, other_than

OTHER_HASH = "1" * 64
ON_DEVICE = "code on the device"
EVIL_LINE = "powershell.exe -enc SQBFAFgA"


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


def variants(exclusion: Exclusion, alternative: Alternative, seed: Variant, today: datetime) -> Iterator[Variant]:
    """Yield what an attacker would try against one alternative of an exclusion.

    Args:
        seed: an event that the alternative suppresses (`seed_of`).
        today: the time that is taken for now.
    """
    fields = alternative.fields()
    for one in fields:
        for name, changes, needs, advice in _TRICKS.get(one, _nothing)(seed.fields[one], alternative):
            if needs == "nothing" and alternative.device is not None and "device" not in changes:
                needs = ON_DEVICE
            yield replace(seed, name=name, fields={**seed.fields, **changes}, needs=needs, advice=advice)
    if alternative.hash is None and alternative.signer is None and ("process" in fields or "parent_process" in fields):
        yield replace(
            seed,
            name="another program, renamed to the excluded one",
            fields={**seed.fields, "hash": OTHER_HASH, "path": "C:\\Users\\Public\\x\\", "signer": ""},
            needs=ON_DEVICE if alternative.device else "nothing",
            advice="name the hash or the signer of the program",
        )
    for column, value in seed.columns.items():
        changed = {**seed.columns, column: other_than(value)}
        yield replace(seed, name=f"another {column} than the raw condition asks for", columns=changed, needs="nothing")
    yield from _times(exclusion, seed, today)


def seed_of(exclusion: Exclusion, alternative: Alternative, today: datetime) -> Variant:
    """Return the plainest event that an alternative suppresses: the first value of each field, inside the window."""
    values = {field: _filled(field, given[0]) for field, given in alternative.fields().items()}
    columns = columns_for(alternative.where) if alternative.where is not None else {}
    return Variant("what it is for", values, inside(exclusion, today), "", "", columns)


def _filled(field: str, value: str) -> str:
    """Return a value as an event has it: wildcards filled, a network's first address, a URL for a domain."""
    text = value.replace("**", "x").replace("*", "x")
    if field == "ip" and "/" in text:
        network = ipaddress.ip_network(text, strict=False)
        return str(network.network_address + (1 if network.num_addresses > 2 else 0))
    if field == "account" and "\\" in text:
        return text
    return text


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
    """Tell whether a moment lies in a window."""
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


Trick = tuple[str, dict[str, str], str, str]


def _nothing(value: str, one: Alternative) -> Iterator[Trick]:
    return iter(())


def _device(value: str, one: Alternative) -> Iterator[Trick]:
    short, dot, domain = value.partition(".")
    other = f"{short}.evil.test"
    advice = "write the full name of the device"
    yield "a device of the same short name in another domain", {"device": other}, "a name in the domain", advice
    if dot:
        yield "the short name alone", {"device": short}, "a name in the domain", ""
    yield "a look-alike device name", {"device": f"{short}0{dot}{domain}"}, "nothing", ""
    yield "another device", {"device": "victim-001.corp.test"}, "nothing", "name the devices"


def _url(value: str, one: Alternative) -> Iterator[Trick]:
    host = (value.partition("://")[2] or value).partition("/")[0]
    path = "/" + value.partition("://")[2].partition("/")[2] if "://" in value else ""
    yield "a look-alike domain that begins so", {"url": f"https://{host}.evil.test/"}, "nothing", ""
    yield "a look-alike domain that ends so", {"url": f"https://evil{host}/"}, "nothing", ""
    yield "the domain as user name before the real host", {"url": f"https://{host}@evil.test/"}, "nothing", ""
    yield "the domain in the query of another", {"url": f"https://evil.test/?u={host}"}, "nothing", ""
    advice = "write the URL with its path or scheme: then only this host matches"
    yield (
        "a subdomain that the attacker took over",
        {"url": f"https://forgotten.{host}/x"},
        "a name in the domain",
        advice,
    )
    if path.strip("/"):
        yield "out of the path by ..", {"url": f"https://{host}{path}/../../evil"}, "nothing", ""
    yield "another host", {"url": "https://evil.test/"}, "nothing", "name the URL"


def _process(value: str, one: Alternative) -> Iterator[Trick]:
    yield "a look-alike file name", {"process": f"not{value}"}, "nothing", ""
    yield "a name with another ending", {"process": f"{value}.exe"}, "nothing", ""


def _parent(value: str, one: Alternative) -> Iterator[Trick]:
    yield "started by another program", {"parent_process": "explorer.exe"}, "nothing", ""


def _line(value: str, one: Alternative) -> Iterator[Trick]:
    advice = "name the hash of the script, or have the rule look at the script itself"
    yield "the excluded text as a comment", {"command_line": f"{EVIL_LINE} # {value}"}, "nothing", advice
    yield "the excluded text as an unused argument", {"command_line": f'{EVIL_LINE} -x "{value}"'}, "nothing", advice
    yield "the excluded text in other letters", {"command_line": value.swapcase()}, "", ""
    yield "another command line", {"command_line": EVIL_LINE}, "nothing", ""


def _path(value: str, one: Alternative) -> Iterator[Trick]:
    slash = "/" if value.startswith("/") else "\\"
    advice = "name the hash or the signer of what may lie there"
    yield (
        "a file put below the excluded folder",
        {"path": f"{value.rstrip(slash)}{slash}evil.exe"},
        ON_DEVICE,
        advice,
    )
    yield "a folder whose name begins so", {"path": f"{value.rstrip(slash)}2{slash}evil.exe"}, "nothing", ""


def _hash(value: str, one: Alternative) -> Iterator[Trick]:
    changed = "0" if value[-1].lower() != "0" else "1"
    yield "the program with one byte changed", {"hash": value[:-1] + changed}, "nothing", ""


def _account(value: str, one: Alternative) -> Iterator[Trick]:
    if "@" not in value:
        name = value.rpartition("\\")[2]
        advice = "write DOMAIN\\name or user@domain"
        yield "the same account name in another domain", {"account": f"EVIL\\{name}"}, "nothing", advice
    yield "another account", {"account": "attacker"}, "nothing", "name the account"


def _ip(value: str, one: Alternative) -> Iterator[Trick]:
    yield "another address", {"ip": "203.0.113.77"}, "nothing", ""


_TRICKS = {
    "device": _device, "url": _url, "process": _process, "parent_process": _parent, "command_line": _line,
    "path": _path, "hash": _hash, "account": _account, "ip": _ip,
}  # fmt: skip
