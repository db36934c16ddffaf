"""How strictly an exclusion is read when a place for its clause is searched."""

from __future__ import annotations

from enum import IntEnum


class Reading(IntEnum):
    """Readings of what an exclusion requires, the strictest first; each allows what those before it allow."""

    STRICT = 0
    """Every row is one event, all fields are of that event, and every column of a field is visible."""
    KEPT_SIDE = 1
    """Only one side of a join needs to keep its events one by one."""
    MIXED_EVENTS = 2
    """The fields may come from different events of a joined row."""
    PARTIAL_FIELDS = 3
    """Some columns that hold a field may no longer be visible."""
    TABLE_PATTERN = 4
    """The clause may follow a pattern of tables that hold the fields in different columns."""

    @property
    def kept_side(self) -> bool:
        """Whether it is enough that one side of a join keeps its events one by one."""
        return self >= Reading.KEPT_SIDE

    @property
    def mixed(self) -> bool:
        """Whether the fields may come from different events of a joined row."""
        return self >= Reading.MIXED_EVENTS

    @property
    def partial(self) -> bool:
        """Whether a field may have columns that are no longer visible."""
        return self >= Reading.PARTIAL_FIELDS
