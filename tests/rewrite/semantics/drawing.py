"""Choices from a seed, and what they choose from: tables of events and their columns of text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

TEXTS = {
    "DeviceProcessEvents": ("DeviceName", "FileName", "AccountName"),
    "DeviceNetworkEvents": ("DeviceName", "InitiatingProcessFileName", "RemoteUrl"),
    "DeviceFileEvents": ("DeviceName", "FileName", "InitiatingProcessFileName"),
    "EmailEvents": ("SenderFromAddress", "Subject"),
}
EVENTS = ("DeviceProcessEvents", "DeviceNetworkEvents", "DeviceFileEvents")


@dataclass(frozen=True)
class Drawing:
    """Choices, from a seed."""

    random: Random

    def pick(self, values: Sequence[str]) -> str:
        return self.random.choice(values)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def column(self, table: str) -> str:
        return self.pick(TEXTS[table])

    def events(self, table: str) -> str:
        """Return a pipeline of a table, with a condition or not."""
        return f"{table} | where isnotempty({self.column(table)})" if self.chance(40) else table
