"""The connector check: are the data connectors that a rule requires there, and did they bring events in its period?

A rule says what it needs in `requiredDataConnectors`: connectors, each with the tables (data types) that it fills
(https://learn.microsoft.com/azure/sentinel/data-connectors-reference). Most rules name several; any
of them will do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fpctl.engine.interface import Engine, EngineError, TableStatus, Timespan
from fpctl.execution.table_facts import TableFacts
from fpctl.rules.model import Rule

_TABLE = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class RequiredConnector:
    """A connector that a rule names, and the tables that it fills."""

    id: str
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """What became of a required connector.

    Attributes:
        id: the rule's name for it.
        connected: whether the service has it set up; None where it does not list it, which says nothing: connectors
            of solutions and agents are in no list.
        tables: the state of each table that it fills.
    """

    id: str
    connected: bool | None
    tables: tuple[TableStatus, ...]

    @property
    def events(self) -> bool | None:
        """Whether one of its tables got events in the rule's period; None where they are not counted or not known."""
        counts = [table.rows_in_range for table in self.tables if table.exists]
        if any(counts):
            return True
        return None if not self.tables or None in counts else False

    @property
    def last_event(self) -> datetime | None:
        """The time of its newest event, in the period or before; None where there is none."""
        return max((table.newest for table in self.tables if table.newest is not None), default=None)

    @property
    def missing(self) -> tuple[str, ...]:
        """The tables that do not exist."""
        return tuple(table.name for table in self.tables if not table.exists)

    def words(self) -> str:
        """Return the answer for people."""
        listed = {True: "connected", False: "set up, but collects nothing", None: "not listed"}[self.connected]
        parts = [listed]
        if self.missing:
            parts.append(f"no table {', '.join(self.missing)}")
        last = f"{self.last_event:%Y-%m-%d %H:%M} UTC" if self.last_event else "none"
        if self.events is True:
            parts.append(f"last event {last}")
        elif self.events is False and len(self.missing) < len(self.tables):
            parts.append(f"no events in the rule's period, last event {last}")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON of it."""
        return {
            "id": self.id,
            "connected": self.connected,
            "events": self.events,
            "last_event": self.last_event,
            "tables": [table.name for table in self.tables],
            "missing_tables": list(self.missing),
        }


def required_connectors(rule: Rule) -> tuple[RequiredConnector, ...]:
    """Return the connectors that a rule requires, in its order, each once with all its tables."""
    listed = rule.metadata.get("requiredDataConnectors")
    found: dict[str, dict[str, None]] = {}
    for item in listed if isinstance(listed, list) else ():
        id = item.get("connectorId") if isinstance(item, Mapping) else None
        if not isinstance(id, str) or not id.strip():
            continue
        types = item.get("dataTypes")
        named = types if isinstance(types, list) else str(types or "").split(",")
        # A data type is a table, and may have a word after it: `CommonSecurityLog (PaloAlto)`.
        tables = (match[0] for one in named if (match := _TABLE.match(str(one).strip())))
        found.setdefault(id.strip(), {}).update(dict.fromkeys(tables))
    return tuple(RequiredConnector(id, tuple(tables)) for id, tables in found.items())


class ConnectorCheck:
    """Answers for the rules of one command; what they share is asked once. Safe to share between threads."""

    def __init__(self, engine: Engine, facts: TableFacts) -> None:
        self._engine = engine
        self._facts = facts

    def of(self, rule: Rule, span: Timespan | None) -> tuple[ConnectorStatus, ...]:
        """Return the state of each connector that a rule requires.

        Args:
            rule: the rule.
            span: its period.

        Raises:
            EngineError: the engine could not tell.
        """
        required = required_connectors(rule)
        if not required:
            return ()
        there = self._connected()
        return tuple(
            ConnectorStatus(one.id, there.get(one.id.lower()), tuple(self._facts.of(one.tables, span)))
            for one in required
        )

    def _connected(self) -> Mapping[str, bool]:
        try:
            return self._engine.connectors() or {}
        except EngineError:
            return {}  # an account that may query need not read Resource Manager: the tables tell


def silent_note(statuses: Sequence[ConnectorStatus]) -> str | None:
    """Return the note on a rule none of whose connectors brought events in its period; None where one may have."""
    if not statuses or any(one.events is not False for one in statuses):
        return None
    answers = ", ".join(f"{one.id} ({one.words()})" for one in statuses)
    return f"none of the required data connectors brought events: {answers}: ensure this data connector is enabled"
