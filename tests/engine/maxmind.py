"""Writes small MaxMind databases for tests, by the published format (https://maxmind.github.io/MaxMind-DB/)."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MARK = b"\xab\xcd\xefMaxMind.com"


def write_database(path: Path, networks: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a database of networks that do not overlap; IPv4 ones stand below ::/96."""
    data, places = b"", {}
    for network, record in networks.items():
        places[network] = len(data)
        data += _encoded(record)
    nodes: list[list[int | None]] = [[None, None]]
    leaves: dict[tuple[int, int], int] = {}
    for network, place in places.items():
        parsed = ipaddress.ip_network(network)
        number, length = int(parsed.network_address), parsed.prefixlen + (96 if parsed.version == 4 else 0)
        at = 0
        for bit in range(length):
            side = (number >> (127 - bit)) & 1
            if bit == length - 1:
                leaves[at, side] = place
                break
            following = nodes[at][side]
            if following is None:
                nodes.append([None, None])
                following = nodes[at][side] = len(nodes) - 1
            at = following
    count = len(nodes)
    tree = b""
    for at, sides in enumerate(nodes):
        for side, following in enumerate(sides):
            value = count + 16 + leaves[at, side] if (at, side) in leaves else count if following is None else following
            tree += struct.pack(">I", value)
    metadata = {
        "node_count": count, "record_size": 32, "ip_version": 6, "database_type": "Test-City", "languages": ["en"],
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1, "description": {},
    }  # fmt: skip
    path.write_bytes(tree + bytes(16) + data + _MARK + _encoded(metadata))
    return path


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return _control(2, len(raw)) + raw
    if isinstance(value, float):
        return _control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        return _control(6, 4) + struct.pack(">I", value)
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    return _control(7, len(value)) + b"".join(_encoded(key) + _encoded(one) for key, one in value.items())


def _control(kind: int, size: int) -> bytes:
    first = size if size < 29 else 29
    more = b"" if size < 29 else bytes([size - 29])
    if kind > 7:
        return bytes([first]) + bytes([kind - 7]) + more
    return bytes([kind << 5 | first]) + more
