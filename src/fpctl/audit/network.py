"""How much of all addresses networks hold."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def too_wide(value: str, prefix_v4: int, prefix_v6: int) -> int | None:
    """Return the shortest prefix that is allowed, where a network has a shorter one; None where it is narrow enough."""
    network = ipaddress.ip_network(value, strict=False)
    limit = prefix_v4 if network.version == 4 else prefix_v6
    return limit if network.prefixlen < limit else None


def half_of_all(values: Iterable[str]) -> bool:
    """Return whether networks together hold half of all IPv4 addresses, or of the IPv6 addresses in use (2000::/3)."""
    networks = [ipaddress.ip_network(value, strict=False) for value in values]
    v4 = ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network))
    v6 = ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv6Network))
    return sum(n.num_addresses for n in v4) >= 1 << 31 or sum(n.num_addresses for n in v6) >= 1 << 124
