"""Addresses and networks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

from fpctl.fields.field import Attack, BoundColumn, Field, FieldTest, Key, StandIn, ValueProblem, compared
from fpctl.fields.matching import address_pattern, wildcard
from fpctl.fields.matching.term import Regex, Term, any_of, is_in

Range: TypeAlias = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")
"""The IPv6 form of all IPv4 addresses."""

_ENDPOINT_V4 = r"^([0-9.]+)(?::[0-9]+)?$"
_ENDPOINT_V6 = r"^\[?([0-9A-Fa-f:.]+)(?:\](?::[0-9]+)?)?$"


class IpField(Field[Range]):
    """An address is a range of one. An IPv4 value also matches the same address in its IPv6 form, as sensors write it.

    Ranges are compared as text, by regular expressions: unlike `ipv4_is_in_range` these are never
    null, know the IPv6 form of an IPv4 address, and are allowed in every rule.
    """

    name = "ip"
    help = "IP address or CIDR range."
    question = "Which addresses or networks? (10.0.0.5, 10.1.0.0/16, 2001:db8::/32)"
    meaning = "the other side of a connection; both sides if the table does not say which one is local"
    matches = (
        "an address in every spelling (`2001:0db8::1`, `::ffff:10.0.0.5`), or a network in CIDR notation; IPv4 and IPv6"
    )
    synonyms = ("address", "remoteip", "cidr")
    # ip-endpoint: an address with or without a port after it.
    roles = ("ip", "ip-endpoint")
    telling = ("ip", "ip-endpoint")
    assumed = (("RemoteIP", "ip"), ("SourceIP", "ip"), ("IPAddress", "ip"), ("LocalIP", "ip"))
    test_rank = 80
    tell_rank = 40
    anchors = semicolon = True
    ecs = ("source.ip", "destination.ip", "client.ip", "server.ip")
    sigma_read = (
        ("destinationip", "destination.ip"),
        ("sourceip", "source.ip"),
    )
    sigma_written = (
        ("source.ip", "SourceIp"),
        ("destination.ip", "DestinationIp"),
    )
    watchlist = ("ip address", "ip subnet")
    instead = "name addresses, or networks as CIDR: 10.1.0.0/16"

    def check(self, value: str) -> ValueProblem | None:
        if "*" in value:
            return ValueProblem("an address takes no `*`", "write the network as a CIDR: 10.1.0.0/16")
        if re.fullmatch(r"[0-9.]+\s*-\s*[0-9.]+", value):
            return ValueProblem("a range is not an address", "write the networks that make up the range as CIDRs")
        if "%" in value:
            return ValueProblem("an address is written without a zone", f"write `{value.partition('%')[0]}`")
        try:
            if "/" not in value:
                ipaddress.ip_address(value)
                return None
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return ValueProblem(
                f"`{value}` is neither an IP address nor a CIDR", "write 192.0.2.7, 10.1.0.0/16 or 2001:db8::/32"
            )
        if network.prefixlen == 0:
            return ValueProblem(f"`{value}` is every address", "name a network")
        if ipaddress.ip_interface(value).ip != network.network_address:
            return ValueProblem(f"`{value}` has bits set beyond its prefix", f"write `{network}`, or the address alone")
        if isinstance(network, IPv6Network) and network.prefixlen < 96 and network.supernet_of(_MAPPED):
            return ValueProblem(f"`{value}` contains every IPv4 address", "name the networks you mean")
        return None

    def parse(self, value: str) -> Range:
        return _unmapped(ipaddress.ip_network(value))

    def test(self, values: Sequence[Range], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand_v4 = operand_v6 = column.string()
        if column.role == "ip-endpoint":
            operand_v4 = f"extract({wildcard.literal(_ENDPOINT_V4)}, 1, {operand_v4})"
            operand_v6 = f"extract({wildcard.literal(_ENDPOINT_V6)}, 1, {operand_v6})"
        v4 = {v for v in values if isinstance(v, IPv4Network)}
        v6 = {v for v in values if isinstance(v, IPv6Network)}
        plain = [str(a) for a in sorted(v.network_address for v in v4 if v.prefixlen == 32)]
        mapped = [f"::ffff:{text}" for text in plain]
        single_v6 = sorted(v for v in v6 if v.prefixlen == 128)
        wide = list(ipaddress.collapse_addresses(v for v in v4 if v.prefixlen < 32))
        wide_v6 = list(ipaddress.collapse_addresses(v for v in v6 if v.prefixlen < 128))

        listed: dict[str, list[str]] = {}
        for operand, texts in ((operand_v4, plain), (operand_v6, mapped)):
            listed.setdefault(operand, []).extend(texts)
        terms: list[Term] = [is_in(operand, texts) for operand, texts in listed.items() if texts]
        if wide:
            pattern = f"(?i)^(?:::ffff:)?{address_pattern.ranges_v4(wide)}$"
            terms += [Regex(operand, pattern) for operand in dict.fromkeys((operand_v4, operand_v6))]
        terms += [
            Regex(operand_v6, f"(?i)^{address_pattern.range_v6(v)}$", address=v.network_address.exploded)
            for v in single_v6
        ]
        terms += [Regex(operand_v6, f"(?i)^{address_pattern.range_v6(v)}$") for v in wide_v6]
        return any_of(terms)

    def event_value(self, column: BoundColumn) -> str:
        if column.role != "ip-endpoint":
            return super().event_value(column)
        text = column.string()
        v4, v6 = (f"extract({wildcard.literal(pattern)}, 1, {text})" for pattern in (_ENDPOINT_V4, _ENDPOINT_V6))
        return f"tolower(coalesce({v4}, {v6}))"

    def named(self, value: str, role: str) -> str:
        if role != "ip-endpoint":
            return value
        found = re.match(_ENDPOINT_V4, value) or re.match(_ENDPOINT_V6, value)
        return found[1] if found else value

    def names(self, pattern: str, value: str) -> bool:
        try:
            network = ipaddress.ip_network(pattern, strict=False)
            other = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return False
        # An IPv4 address is the same in its IPv6 form.
        network, other = _unmapped(network), _unmapped(other)
        return network.version == other.version and other.subnet_of(network)  # type: ignore[arg-type]

    def key(self, parsed: Range) -> Key:
        """`(version, network address as a number, prefix length)`."""
        return (parsed.version, int(parsed.network_address), parsed.prefixlen)

    def above(self, key: Key) -> Iterator[Key]:
        version, address, prefix = key
        bits = 32 if version == 4 else 128
        for length in range(prefix, 0, -1):
            yield (version, address >> (bits - length) << (bits - length), length)

    def sample(self, value: str) -> str:
        if "/" not in value:
            return value
        network = ipaddress.ip_network(value, strict=False)
        return str(network.network_address + (1 if network.num_addresses > 2 else 0))

    def attacks(self, value: str) -> Iterator[Attack]:
        yield Attack("another address", {"ip": "203.0.113.77"})

    @property
    def overlapping(self) -> bool:
        return True

    def to_filter(self, values: Sequence[str]) -> list[FieldTest]:
        return [test for name in ("source.ip", "destination.ip") for test in compared(name, "==", values)]

    def watchlist_note(self, values: Sequence[str]) -> str:
        networks = any("/" in value for value in values)
        return "a network is matched with ipv4_is_in_range, not by equality" if networks else ""

    def adopted(self, operator: str, role: str, values: tuple[str, ...]) -> StandIn | None:
        return StandIn(values) if operator in ("==", "range") else None


def _unmapped(network: Range) -> Range:
    """Return a range of IPv4 addresses in their IPv6 form as what it stands for."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


FIELD = IpField()
