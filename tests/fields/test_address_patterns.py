"""Ranges of addresses as text patterns, compared with `ipaddress`."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fpctl.fields.matching.address_pattern import range_v6, ranges_v4, spellings


@given(st.integers(1, 31), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.booleans())
@example(1, 0, 2**31, False)
@example(9, 0x0A000000, 0x0A7FFFFF, False)
def test_a_pattern_of_ipv4_addresses_is_the_range(prefix: int, base: int, other: int, inside: bool) -> None:
    network = ipaddress.IPv4Network((base & ~((1 << (32 - prefix)) - 1) & (2**32 - 1), prefix))
    if inside:
        other = int(network.network_address) | (other & ((1 << (32 - prefix)) - 1))
    address = ipaddress.IPv4Address(other)
    pattern = re.compile(ranges_v4([network]))
    assert bool(pattern.fullmatch(str(address))) is (address in network)
    for edge in (network.network_address, network.broadcast_address):
        assert pattern.fullmatch(str(edge))
    if network.network_address != ipaddress.IPv4Address(0):
        assert not pattern.fullmatch(str(network.network_address - 1))


# Groups of few values, so that runs of zeros and equal prefixes are common.
GROUP = st.sampled_from([0, 0, 0, 1, 0x10, 0x0DB8, 0x2001, 0xFE80, 0xFFFF, 0x00FF])
ADDRESS = st.lists(GROUP, min_size=8, max_size=8).map(
    lambda groups: ipaddress.IPv6Address(int("".join(f"{group:04x}" for group in groups), 16))
)


@given(ADDRESS, ADDRESS, st.integers(1, 127), st.booleans())
@example(ipaddress.IPv6Address("2001:db8::"), ipaddress.IPv6Address("2001:db8::1"), 64, True)
@example(ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1"), 120, True)
def test_a_pattern_of_ipv6_addresses_is_the_range_in_every_usual_spelling(
    base: ipaddress.IPv6Address, other: ipaddress.IPv6Address, prefix: int, inside: bool
) -> None:
    network = ipaddress.IPv6Network((int(base), prefix), strict=False)
    if inside:
        other = ipaddress.IPv6Address(int(network.network_address) | (int(other) & int(network.hostmask)))
    pattern = re.compile(range_v6(network))
    for text in [*spellings(other), *(t for t in spellings(other) if "." not in t)]:
        assert bool(pattern.fullmatch(text)) is (other in network), (text, network, pattern.pattern)


@pytest.mark.parametrize(
    ("network", "pattern"),
    [
        ("10.0.0.0/8", "10[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}"),
        ("192.168.16.0/20", "192[.]168[.](?:1[6-9]|2[0-9]|3[0-1])[.][0-9]{1,3}"),
        ("203.0.113.8/29", "203[.]0[.]113[.](?:[8-9]|1[0-5])"),
    ],
)
def test_an_ipv4_pattern_can_be_read(network: str, pattern: str) -> None:
    assert ranges_v4([ipaddress.IPv4Network(network)]) == pattern


@pytest.mark.parametrize(
    ("network", "pattern"),
    [
        ("2001:db8::/32", "2001:0?db8:[0-9a-f:.]*"),
        ("fe80::/10", "fe[89ab][0-9a-f]:[0-9a-f:.]*"),
    ],
)
def test_an_ipv6_pattern_can_be_read(network: str, pattern: str) -> None:
    assert range_v6(ipaddress.IPv6Network(network)) == pattern


def test_an_address_is_spelled_as_systems_write_it() -> None:
    assert spellings(ipaddress.IPv6Address("2001:db8::1")) == [
        "2001:db8::1",
        "2001:db8:0:0:0:0:0:1",
        "2001:0db8:0000:0000:0000:0000:0000:0001",
    ]
