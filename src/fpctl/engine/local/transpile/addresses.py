"""Address ranges as comparisons: numbers for IPv4, fixed-width text for IPv6.

Like the functions that they stand for, these are null where the text is no address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""What `ipv4_is_private` knows: RFC 1918."""


def within_v4(address: str, ranges: Sequence[str]) -> str | None:
    """Return a predicate that an IPv4 address is in one of the ranges; None if one of them is no IPv4 range.

    Args:
        address: a KQL expression.
        ranges: `10.0.0.0/8`, or single addresses.
    """
    terms = []
    for text in ranges:
        try:
            network = ipaddress.IPv4Network(text, strict=False)
        except ValueError:
            return None
        terms.append(f"parse_ipv4({address}) between ({int(network[0])} .. {int(network[-1])})")
    return f"({' or '.join(terms)})" if terms else None


def within_v6(address: str, ranges: Sequence[str]) -> str | None:
    """Return a predicate that an IPv6 or IPv4 address is in one of the ranges; None if one of them is no range.

    parse_ipv6 gives 39 characters, IPv4 addresses as `0000:...:ffff:0a01:0203`, so text order is address order.
    """
    terms = []
    for text in ranges:
        try:
            low, high = _bounds(text)
        except ValueError:
            return None
        terms.append(f"(parse_ipv6({address}) >= '{low}' and parse_ipv6({address}) <= '{high}')")
    if not terms:
        return None
    return f"iff(isempty(parse_ipv6({address})), bool(null), {' or '.join(terms)})"


def _bounds(text: str) -> tuple[str, str]:
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(network, ipaddress.IPv4Network):
        first, last = (ipaddress.IPv6Address(f"::ffff:{end}") for end in (network[0], network[-1]))
    else:
        first, last = network[0], network[-1]
    return first.exploded, last.exploded
