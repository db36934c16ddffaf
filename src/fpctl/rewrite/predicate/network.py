"""Addresses, ranges of addresses, ports."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import TypeAlias

from fpctl.catalog.values import ValueProblem
from fpctl.rewrite.predicate import glob
from fpctl.rewrite.predicate.match import BoundColumn, Matcher
from fpctl.rewrite.predicate.term import Affix, AmongV6, InRangeV4, Numbers, Term, among, any_of

Range: TypeAlias = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")
_ENDPOINT_V4 = r"^([0-9.]+)(?::[0-9]+)?$"
_ENDPOINT_V6 = r"^\[?([0-9A-Fa-f:.]+)(?:\](?::[0-9]+)?)?$"


class AddressMatcher(Matcher[Range]):
    """An address is a range of one."""

    def parse(self, value: str) -> Range | ValueProblem:
        network = ipaddress.ip_network(value)
        if isinstance(network, IPv6Network):
            if network.subnet_of(_MAPPED):
                return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
            if _MAPPED.subnet_of(network):
                return ValueProblem(f"`{value}` contains every IPv4 address", "name the networks you mean")
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
        single = sorted(v.network_address for v in v4 if v.prefixlen == 32)
        single_v6 = sorted(v.network_address for v in v6 if v.prefixlen == 128)
        wide = tuple(ipaddress.collapse_addresses(v for v in v4 if v.prefixlen < 32))
        wide_v6 = tuple(ipaddress.collapse_addresses(v for v in v6 if v.prefixlen < 128))
        terms: list[Term] = []
        if single and column.role == "ip-endpoint":
            terms.append(among(operand_v4, tuple(map(str, single))))
            terms.append(among(operand_v6, tuple(f"::ffff:{address}" for address in single)))
        elif single:
            terms.append(among(operand_v4, _spellings(single)))
        if wide:
            operands = [operand_v4] if column.role == "ip" else [operand_v4, operand_v6]
            terms += [InRangeV4(operand, network) for network in wide for operand in operands]
        if single_v6:
            terms.append(AmongV6(operand_v6, tuple(single_v6)))
        terms += [
            Affix(f"parse_ipv6({operand_v6})", "startswith", prefix)
            for network in wide_v6
            for prefix in prefixes(network)
        ]
        return any_of(terms)


def _spellings(addresses: Sequence[IPv4Address]) -> tuple[str, ...]:
    """Return IPv4 addresses as sensors write them: plain, and as an IPv6 address."""
    return tuple(text for address in addresses for text in (str(address), f"::ffff:{address}"))


def prefixes(network: IPv6Network) -> list[str]:
    """Return what `parse_ipv6` of every address in the range, and of no other, starts with.

    One prefix where the range ends at a digit, else two, four or eight.
    """
    digits, rest = divmod(network.prefixlen, 4)
    text = network.network_address.exploded
    shown = text[: digits + digits // 4]
    if rest == 0:
        return [shown]
    first = int(text.replace(":", "")[digits], 16)
    return [f"{shown}{digit:x}" for digit in range(first, first + (1 << (4 - rest)))]


class PortMatcher(Matcher[int]):
    """A port number."""

    def parse(self, value: str) -> int | ValueProblem:
        return int(value)

    def roles(self, value: int) -> frozenset[str]:
        return frozenset({"port"})

    def test(self, values: Sequence[int], column: BoundColumn, columns: Sequence[BoundColumn]) -> Term:
        numbers = tuple(sorted(set(values)))
        if column.type in ("int", "long"):
            return Numbers(column.text, numbers)
        return among(column.string(), tuple(map(str, numbers)))
