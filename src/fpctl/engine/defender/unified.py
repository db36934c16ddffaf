"""Hunting in the unified portal: with a Sentinel workspace connected, it sees Sentinel's tables and custom ones too.

https://learn.microsoft.com/defender-xdr/advanced-hunting-microsoft-defender
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from fpctl.kql.lexer import tokenize

TABLES_AT_ONCE = 100
"""Names that one request looks for."""

_DIFFERENCES: Mapping[str, str] = {
    "SecurityAlert": "hunting has no alerts of Sentinel in SecurityAlert: use AlertInfo and AlertEvidence",
    "IdentityInfo": "hunting has the table IdentityInfo of Defender, not that of Sentinel: their columns differ",
}
LATE = timedelta(hours=48)
"""Events of Defender that arrive later than this in Sentinel have another TimeGenerated than Timestamp."""


def differences(tables: Iterable[str]) -> Iterator[str]:
    """Yield what is to be known of tables that are not in hunting what they are in Sentinel, sorted by table."""
    yield from (_DIFFERENCES[table] for table in sorted(set(tables) & _DIFFERENCES.keys()))


def look_back_of(text: str, known: Iterable[str], streamed: Mapping[str, timedelta], default: timedelta) -> timedelta:
    """Return how far back a query can look: as far as the table that keeps its events for the shortest time.

    Args:
        text: the query.
        known: names of tables.
        streamed: how long single tables are kept, because they are streamed to Sentinel or are Sentinel's own.
        default: how long all others are.
    """
    named = set(tokenize(text).texts) & {*known, *streamed}
    return min((streamed.get(table, default) for table in named), default=default)
