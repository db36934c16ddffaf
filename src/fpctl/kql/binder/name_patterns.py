"""Name patterns: `Device*`, `*_s`, `*`. Case counts, as in KQL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a pattern matches, in their order."""
    if "*" not in pattern:
        return [name for name in names if name == pattern]
    match = _compiled(pattern).fullmatch
    return [name for name in names if match(name)]
