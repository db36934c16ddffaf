"""How much memory this process holds, and how much a query may add to it.

DuckDB keeps its own buffers below its limit. Lists, Python functions and the rows of an answer are not among them, so
the whole process is watched besides.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_STATM = Path("/proc/self/statm")

BESIDE = 512 * 2**20
"""Bytes that a query may hold besides DuckDB's buffers: its answer, and lists that it is making."""


def bytes_of(size: str) -> int | None:
    """Return the bytes of a size as DuckDB writes it (`2GB`, `512 MiB`), None where it is none."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*", size, re.IGNORECASE)
    return int(float(match[1]) * _UNITS[match[2].upper()]) if match is not None and match[2].upper() in _UNITS else None


def default_limit() -> str | None:
    """Return half of the machine's memory as a size, None where the system does not tell."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    mebibytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**21
    return f"{mebibytes}MiB" if mebibytes > 0 else None


def resident() -> int | None:
    """Return the bytes of memory that this process holds, without mapped files; None where the system is not Linux."""
    if sys.platform != "linux":
        return None
    try:
        _, held, shared, *_ = map(int, _STATM.read_bytes().split())
        return (held - shared) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None
