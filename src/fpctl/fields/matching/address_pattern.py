"""Ranges of addresses as regular expressions over the text of an address.

The text is taken to be a valid address, as a column of addresses holds: `[0-9]{1,3}` stands for any
octet. An IPv6 address has many spellings; a run of zero groups may be written `::`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

_ANY_OCTET = "[0-9]{1,3}"
_ANY_DIGIT = "[0-9a-f]"
_ANY_GROUP = "[0-9a-f]{1,4}"
_ZERO = "0{1,4}"
_MORE_ZEROS = f"(?:{_ZERO}:)*"


def ranges_v4(networks: Sequence[IPv4Network]) -> str:
    """Return the pattern of the dotted addresses in any of the ranges."""
    patterns = []
    for network in networks:
        ends = zip(network.network_address.packed, network.broadcast_address.packed, strict=True)
        patterns.append("[.]".join(_octet(low, high) for low, high in ends))
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"


def _octet(low: int, high: int) -> str:
    if low == high:
        return str(low)
    if (low, high) == (0, 255):
        return _ANY_OCTET
    tens: list[str] = []
    for ten in range(low // 10, high // 10 + 1):
        first, last = max(low - ten * 10, 0), min(high - ten * 10, 9)
        tens.append(f"{ten or ''}" + (str(first) if first == last else f"[{first}-{last}]"))
    return tens[0] if len(tens) == 1 else f"(?:{'|'.join(tens)})"


def range_v6(network: IPv6Network) -> str:
    """Return the pattern of the IPv6 addresses in a range, in lower case.

    One run of zeros, or a part of it, may be written `::`. It may come after the groups that the range fixes,
    reach into them, or be among them.
    """
    fixed, bits = divmod(network.prefixlen, 16)
    groups = [int(group, 16) for group in network.network_address.exploded.split(":")]
    heads = [_group(value, 16) for value in groups[:fixed]]
    if bits:
        heads.append(_group(groups[fixed], bits))
    rest = 8 - len(heads)
    zero = [value == 0 for value in groups[: len(heads)]]
    spelled = [":".join(heads) + (":[0-9a-f:.]*" if rest else "")]
    # `::` begins among the zeros that end the fixed groups and goes on after them.
    at = len(heads)
    while at and zero[at - 1]:
        at -= 1
        zeros = _MORE_ZEROS if rest else f"(?:{_ZERO}(?::{_ZERO})*)?"
        spelled.append(":".join(heads[:at]) + "::" + zeros + _up_to(rest))
    # `::` is a run of zeros among the groups that are fixed to the last bit, or a part of it, and something follows.
    at = 0
    while at < fixed:
        end = at
        while end < fixed and zero[end]:
            end += 1
        if end > at and end < len(heads):
            before = ":".join(heads[:at]) + f"(?::{_ZERO})*" if at else f"(?:{_ZERO}(?::{_ZERO})*)?"
            spelled.append(before + "::" + _MORE_ZEROS + ":".join(heads[end:] + [_ANY_GROUP] * rest))
        at = max(end, at + 1)
    return spelled[0] if len(spelled) == 1 else f"(?:{'|'.join(spelled)})"


def _up_to(groups: int) -> str:
    """Return the pattern of at most a number of groups."""
    if groups <= 1:
        return f"(?:{_ANY_GROUP})?" if groups else ""
    return f"(?:{_ANY_GROUP}(?::{_ANY_GROUP}){{0,{groups - 1}}})?"


def _group(value: int, bits: int) -> str:
    """Return the pattern of a group whose first `bits` bits are those of `value`, leading zeros optional."""
    digits: list[tuple[int, int]] = []
    for shift in (12, 8, 4, 0):
        known = min(max(bits - (12 - shift), 0), 4)
        low = (value >> shift) & 0xF & (0xF << (4 - known))
        digits.append((low, low | (0xF >> known)))
    text = ""
    leading = True
    for number, (low, high) in enumerate(digits):
        shown = _ANY_DIGIT if (low, high) == (0, 15) else f"{low:x}" if low == high else _digits(low, high)
        leading = leading and low == 0
        text += shown + ("?" if leading and number < 3 else "")
    return text.replace("0?0?0?0", "0{1,4}")


def _digits(low: int, high: int) -> str:
    return "[" + "".join(f"{digit:x}" for digit in range(low, high + 1)) + "]"
