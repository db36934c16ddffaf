"""Ranges of addresses as text patterns, compared with `ipaddress`."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fpctl.fields.matching.address_pattern import range_v6, ranges_v4


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


@st.composite
def spelled(draw: st.DrawFn, address: ipaddress.IPv6Address) -> str:
    """A spelling of an address: leading zeros in any group, a run of zeros or a part of one as `::`."""
    values = [int(group, 16) for group in address.exploded.split(":")]
    groups = [f"{value:0{draw(st.integers(1, 4))}x}" for value in values]
    zeros = [(at, end) for at in range(8) for end in range(at + 1, 9) if not any(values[at:end])]
    if zeros and draw(st.booleans()):
        at, end = draw(st.sampled_from(zeros))
        return ":".join(groups[:at]) + "::" + ":".join(groups[end:])
    return ":".join(groups)


@given(st.data(), ADDRESS, ADDRESS, st.integers(1, 128), st.booleans())
@example(None, ipaddress.IPv6Address("2001:db8::"), ipaddress.IPv6Address("2001:db8::1"), 64, True)
@example(None, ipaddress.IPv6Address("::"), ipaddress.IPv6Address("::1"), 120, True)
@example(None, ipaddress.IPv6Address("2001:db8::1"), ipaddress.IPv6Address("2001:db8::1"), 128, True)
def test_a_pattern_of_ipv6_addresses_is_the_range_in_every_spelling(
    data: st.DataObject | None, base: ipaddress.IPv6Address, other: ipaddress.IPv6Address, prefix: int, inside: bool
) -> None:
    network = ipaddress.IPv6Network((int(base), prefix), strict=False)
    if inside:
        other = ipaddress.IPv6Address(int(network.network_address) | (int(other) & int(network.hostmask)))
    texts = [other.exploded, str(other)] if data is None else [data.draw(spelled(other)) for _ in range(5)]
    pattern = re.compile(range_v6(network))
    for text in texts:
        assert ipaddress.IPv6Address(text) == other
        if "." not in text:
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
