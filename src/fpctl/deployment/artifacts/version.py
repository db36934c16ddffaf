"""A rule's version: one higher whenever its query is another."""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


class Published(NamedTuple):
    """A rule as it was given out before: its version and its query."""

    version: str | None
    query: str


def bumped(version: str) -> str:
    """Return the next version: the last number is one higher (`1.0.4` to `1.0.5`); `2` becomes `2.0.1`."""
    if not _NUMBERS.fullmatch(version.strip()):
        return "1.0.1"
    numbers = [int(part) for part in version.strip().split(".")]
    numbers += [0] * (3 - len(numbers))
    numbers[-1] += 1
    return ".".join(str(number) for number in numbers)


def next_version(authored: str | None, base: str, query: str, published: Published | None) -> str | None:
    """Return the version to give a query out under.

    Args:
        authored: the version in the rule file, that of `base`.
        base: the query without clauses.
        query: the query to give out.
        published: what was given out last, if anything.

    Returns:
        The version; None for a base query whose file states none.
    """
    if published is not None:
        if published.query == query:
            return published.version or authored
        return bumped(_higher(authored, published.version))
    if query == base:
        return authored
    return bumped(authored or "1.0.0")


def _higher(first: str | None, second: str | None) -> str:
    known = [one for one in (first, second) if one and _NUMBERS.fullmatch(one.strip())]
    return max(known, key=lambda one: [int(part) for part in one.split(".")], default="1.0.0")
