"""Devices: short names, full names, ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from fpctl.fields.field import (
    FEW,
    IN_DOMAIN,
    Attack,
    BoundColumn,
    Field,
    FieldTest,
    Key,
    NotExpressibleError,
    Operator,
    StandIn,
    ValueProblem,
    affix,
    compared,
    pattern_of,
)
from fpctl.fields.matching import wildcard
from fpctl.fields.matching.containment import folded, holds, literal, plain, shown
from fpctl.fields.matching.term import Affix, Regex, Term, any_of, is_in

ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_IN_RESOURCE_ID = wildcard.escaped("/virtualMachines/")
_FULL_NAMES = "a short name also matches its full names (build01 and build01.contoso.com)"


class Device(NamedTuple):
    """A device value in lower case. `id` and `short` exclude each other; neither: a full name."""

    text: str
    id: bool
    short: bool


class DeviceField(Field[Device]):
    """A name without a dot is a short name, with one a full name; 40 hexadecimal digits or a GUID are an id.

    A short name is compared with what is before the first dot, a full name with the whole name.
    """

    name = "device"
    help = "Host name (`build01` also matches `build01.contoso.com`) or device id. `*` matches any text."
    question = "Which devices? (host names; a name without a domain also matches its FQDN)"
    meaning = "the host that reports the event or that it comes from; never the other side of a connection"
    matches = (
        "`build01`: that short name, and any FQDN that starts with it (`build01.contoso.com`). "
        "`build01.contoso.com`: that name. 40 hex digits or a GUID: a device id"
    )
    spares = "`build01` does not match `build010`; an FQDN does not match a column with only the short name"
    synonyms = ("host", "hostname", "computer", "devicename", "machine")
    # host-name: a host, short or fully qualified, as its table writes it. device-id: 40 hexadecimal digits (Defender)
    # or a GUID (Entra, agents). resource-id: an Azure resource id, whose last part names the virtual machine.
    roles = ("host-name", "device-id", "resource-id")
    telling = ("host-name", "device-id")
    assumed = (("DeviceName", "host-name"), ("Computer", "host-name"), ("DeviceId", "device-id"))
    test_rank = 10
    tell_rank = 30
    identifies = anchors = wildcard = semicolon = True
    pattern_noun = "host whose name"
    ecs = ("host.name", "host.hostname", "host.id", "device.name", "device.hostname", "device.id")
    sigma_read = (
        ("computername", "host.name"),
        ("computer", "host.name"),
        ("hostname", "host.name"),
        ("workstationname", "host.name"),
    )
    sigma_written = (("host.name", "ComputerName"),)
    watchlist = ("asset name", "asset fqdn", "hostname", "dns name")
    filter_note = "a name without a domain also matches its full name (build01 and build01.contoso.com)"
    instead = "name the hosts, with `*` for a part: build*, *.contoso.com"

    def check(self, value: str) -> ValueProblem | None:
        if re.search(r"\s", value):
            return ValueProblem("a device name has no spaces", "write several devices as a list: [a, b]")
        bad = re.search(r"[/\\\"'@:,;|<>()\[\]{}]", value)
        if bad:
            return ValueProblem(
                f"`{bad.group()}` cannot be part of a device name", "write the host name or the device id alone"
            )
        if value.startswith(".") or value.endswith(".") or ".." in value:
            name = re.sub(r"\.+", ".", value).strip(".")
            return ValueProblem("a device name has no empty part before, between or after dots", f"write `{name}`")
        return None

    def parse(self, value: str) -> Device:
        text = value.lower() if value.isascii() else value
        if ID.fullmatch(text):
            return Device(text, True, False)
        return Device(text, False, "." not in text)

    def roles_of(self, value: Device) -> frozenset[str]:
        if value.id:
            return frozenset({"device-id"})
        return frozenset({"host-name", "resource-id"}) if value.short else frozenset({"host-name"})

    def test(self, values: Sequence[Device], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand = column.string()
        if column.role == "device-id":
            return is_in(operand, tuple(sorted({v.text for v in values})))
        plain_names = sorted({v.text for v in values if not wildcard.has_wildcard(v.text)})
        patterns = sorted({v.text for v in values if wildcard.has_wildcard(v.text)})
        if column.role == "resource-id":
            terms: list[Term] = [Affix(operand, "endswith", f"/virtualMachines/{name}") for name in plain_names]
            terms += [Regex(operand, f"(?i){_IN_RESOURCE_ID}{wildcard.pattern(p, '[^/]*')}$") for p in patterns]
            return any_of(terms)
        terms = _names(operand, plain_names)
        terms += [_short_pattern(operand, p) if "." not in p else wildcard.whole(operand, p) for p in patterns]
        return any_of(terms)

    def names(self, pattern: str, value: str) -> bool:
        # A short name stands for any full name of that host, in the value looked for as in the exclusion.
        if "." not in pattern or "." not in value:
            return wildcard.like(pattern.partition(".")[0], value.partition(".")[0])
        return wildcard.like(pattern, value)

    def key(self, parsed: Device) -> Key:
        """`(kind, text)`, kind `id`, `short` or `full`."""
        return ("id" if parsed.id else "short" if parsed.short else "full", plain(folded(parsed.text)))

    def above(self, key: Key) -> Iterator[Key]:
        yield key
        kind, text = key
        first = text.partition(".")[0]
        if kind == "full" and first and "*" not in first:
            yield ("short", first)

    def is_pattern(self, key: Key) -> bool:
        return "*" in key[1]

    def covers(self, wide: Key, narrow: Key) -> bool:
        if wide[0] == narrow[0]:
            return wide == narrow or (wide[0] != "id" and holds(wide[1], narrow[1]))
        if (wide[0], narrow[0]) != ("short", "full"):
            return False
        # A `*` of a full name may span dots: the first part is then all before it, and anything.
        first = narrow[1].partition(".")[0]
        return holds(wide[1], first.partition("*")[0] + "*" if "*" in first else first)

    def piece(self, key: Key) -> str:
        return literal(key[1])

    def text(self, key: Key) -> str:
        return shown(key[1])

    def attacks(self, value: str) -> Iterator[Attack]:
        short, dot, domain = value.partition(".")
        advice = "write the full name of the device"
        yield Attack(
            "a device of the same short name in another domain", {"device": f"{short}.evil.test"}, IN_DOMAIN, advice
        )
        if dot:
            yield Attack("the short name alone", {"device": short}, IN_DOMAIN)
        yield Attack("a look-alike device name", {"device": f"{short}0{dot}{domain}"})
        yield Attack("another device", {"device": "victim-001.corp.test"}, advice="name the devices")

    def from_filter(self, operator: Operator, value: str) -> str | None:
        # A pattern without a dot is compared with the short name: only its beginning is also that of the full name.
        if operator not in ("==", "STARTSWITH") and "." not in value:
            return None
        return pattern_of(operator, value)

    def filter_notes(self, values: Sequence[str]) -> str:
        return "" if all("." in value for value in values) else self.filter_note

    @property
    def overlapping(self) -> bool:
        return True

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        ids = [value for value in values if ID.fullmatch(value.lower())]
        plain_names = [value for value in values if "*" not in value and value not in ids]
        short = [f"{value}." for value in plain_names if "." not in value]
        found = [*compared("host.id", "==", ids), *compared("host.name", "==", plain_names)]
        found += compared("host.name", "STARTSWITH", short)
        for value in values:
            if "*" in value:
                operator, text = affix(value)
                if operator != "STARTSWITH" and "." not in text:
                    raise NotExpressibleError(f"the pattern `{value}` is compared with the short name alone")
                found += compared("host.name", operator, [text])
        return found

    def watchlist_note(self, values: Sequence[str]) -> str:
        return "a query that compares SearchKey does not match a short name with its full names"

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        if operator == "==":
            short = role == "host-name" and any("." not in value for value in values)
            return StandIn(values, (("wider", _FULL_NAMES),) if short else ())
        affixes: dict[str, Operator] = {
            "startswith": "STARTSWITH", "endswith": "ENDSWITH", "contains": "CONTAINS",
        }  # fmt: skip
        found = affixes.get(operator)
        if role != "host-name" or found is None:
            return None
        patterns = [self.from_filter(found, value) for value in values]
        said = tuple(pattern for pattern in patterns if pattern is not None)
        return StandIn(said) if len(said) == len(patterns) else None


def _names(operand: str, names: list[str]) -> list[Term]:
    short = [name for name in names if "." not in name]
    if not names:
        return []
    if len(short) <= FEW:
        return [is_in(operand, tuple(names)), *(Affix(operand, "startswith", f"{name}.") for name in short)]
    full = tuple(name for name in names if "." in name)
    first_label = is_in(f'extract("^[^.]+", 0, {operand})', tuple(short))
    return [is_in(operand, full), first_label] if full else [first_label]


def _short_pattern(operand: str, text: str) -> Term:
    """Return the test that the operand's first label is the text with its wildcards."""
    if text.count("*") == 1 and text.endswith("*"):
        return Affix(operand, "startswith", text[:-1])
    end = "" if text.endswith("*") else "(?:[.]|$)"
    return Regex(operand, f"(?i)^{wildcard.pattern(text.rstrip('*'), '[^.]*')}{end}")


FIELD = DeviceField()
