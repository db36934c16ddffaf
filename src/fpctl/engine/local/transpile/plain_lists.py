"""Long lists as fpctl writes them, `in~ ("a", "b" ...)`, found without reading the query as KQL.

A text of megabytes is nearly all lists. What looks like one is moved out of the text first and parsed
never; whether it really was one is seen in the tree of what is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_OPENING = 'in~ ("'
_BETWEEN = '", "'
_CLOSING = '")'


class PlainList(NamedTuple):
    """`text[start:end]` is a list in parentheses of these values."""

    start: int
    end: int
    values: tuple[str, ...]


def plain_lists(text: str, shortest: int) -> Iterator[PlainList]:
    """Yield what looks like a list of at least so many values, none of which needs an escape."""
    at = text.find(_OPENING)
    while at >= 0:
        start = at + len(_OPENING) - 2
        end = text.find(_CLOSING, start + 2)
        if end < 0:
            return
        body = text[start + 2 : end]
        values = body.split(_BETWEEN)
        if len(values) < shortest or body.count('"') != 2 * (len(values) - 1) or "\\" in body or "\n" in body:
            at = text.find(_OPENING, start)
            continue
        yield PlainList(start, end + len(_CLOSING), tuple(values))
        at = text.find(_OPENING, end)
