"""Addresses, ranges of addresses, ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

from fpctl.rewrite.predicate import address_pattern, glob
from fpctl.rewrite.predicate.match import BoundColumn, Matcher
from fpctl.rewrite.predicate.term import Numbers, Regex, Term, among, any_of

Range: TypeAlias = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")
_ENDPOINT_V4 = r"^([0-9.]+)(?::[0-9]+)?$"
_ENDPOINT_V6 = r"^\[?([0-9A-Fa-f:.]+)(?:\](?::[0-9]+)?)?$"


class AddressMatcher(Matcher[Range]):
    """An address is a range of one.

    Ranges are compared as text, by regular expressions: unlike `ipv4_is_in_range` these are never
    null, know the IPv6 form of an IPv4 address, and may stand in every rule.
    """

    def parse(self, value: str) -> Range:
        network = ipaddress.ip_network(value)
        if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
            return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
        return network

    def roles(self, value: Range) -> frozenset[str]:
        return frozenset({"ip", "ip-endpoint"})

    def test(self, values: Sequence[Range], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        operand_v4 = operand_v6 = column.string()
        if column.role == "ip-endpoint":
            operand_v4 = f"extract({glob.literal(_ENDPOINT_V4)}, 1, {operand_v4})"
            operand_v6 = f"extract({glob.literal(_ENDPOINT_V6)}, 1, {operand_v6})"
        v4 = {v for v in values if isinstance(v, IPv4Network)}
        v6 = {v for v in values if isinstance(v, IPv6Network)}
        plain = [str(a) for a in sorted(v.network_address for v in v4 if v.prefixlen == 32)]
        mapped = [f"::ffff:{text}" for text in plain]
        single_v6 = sorted(v.network_address for v in v6 if v.prefixlen == 128)
        spelled = [text for address in single_v6 for text in address_pattern.spellings(address)]
        wide = list(ipaddress.collapse_addresses(v for v in v4 if v.prefixlen < 32))
        wide_v6 = list(ipaddress.collapse_addresses(v for v in v6 if v.prefixlen < 128))

        listed: dict[str, list[str]] = {}
        for operand, texts in ((operand_v4, plain), (operand_v6, mapped), (operand_v6, spelled)):
            listed.setdefault(operand, []).extend(texts)
        terms: list[Term] = [among(operand, texts) for operand, texts in listed.items() if texts]
        if wide:
            pattern = f"(?i)^(?:::ffff:)?{address_pattern.ranges_v4(wide)}$"
            terms += [Regex(operand, pattern) for operand in dict.fromkeys((operand_v4, operand_v6))]
        terms += [Regex(operand_v6, f"(?i)^{address_pattern.range_v6(network)}$") for network in wide_v6]
        return any_of(terms)


class PortMatcher(Matcher[int]):
    """A port number."""

    def parse(self, value: str) -> int:
        return int(value)

    def roles(self, value: int) -> frozenset[str]:
        return frozenset({"port"})

    def test(self, values: Sequence[int], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        numbers = tuple(sorted(set(values)))
        if column.type in ("int", "long"):
            return Numbers(column.text, numbers)
        return among(column.string(), map(str, numbers))
