"""What Resource Manager knows of the workspace that is queried: the plans of its tables, and its data connectors.

Tables of the plans Basic and Auxiliary are asked through `/search`, two queries at once, billed by the GB scanned:
https://learn.microsoft.com/azure/azure-monitor/logs/basic-logs-query
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.rest_client import RestClient
from fpctl.engine.remote.workspaces import data_connectors, find_workspace, table_plans
from fpctl.kql.lexer import tokenize

T = TypeVar("T")

BILLED = ("Basic", "Auxiliary")
AT_ONCE = 2
"""Queries of one user on such tables that the service runs at a time."""
PRICES = "https://azure.microsoft.com/pricing/details/monitor/"


class WorkspaceFacts:
    """Facts about a workspace, each asked for once, when it is needed first.

    Args:
        connect: returns a client of Resource Manager.
        workspace: its resource id, its own id or its name.
        allowed: a scan that is billed may be run.
    """

    def __init__(self, connect: Callable[[], RestClient], workspace: str, *, allowed: bool = False) -> None:
        self._connect = connect
        self._workspace = workspace
        self.allowed = allowed
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self._billed: Mapping[str, str] | None = None
        self._connectors: Mapping[str, bool] | None = None
        self._lock = threading.Lock()

    def billed_in(self, text: str) -> Mapping[str, str]:
        """Return the tables that a query names whose scan is billed, with their plans, sorted.

        Without the right to read the plans there is none: the service then refuses `/query` on such a table, and
        nothing is billed.
        """
        with self._lock:
            if self._billed is None:
                try:
                    plans = self._ask(table_plans)
                except EngineError:
                    plans = {}
                self._billed = {table: plan for table, plan in sorted(plans.items()) if plan in BILLED}
        if not self._billed:
            return {}
        named = {token.strip("'\"") for token in tokenize(text).texts}
        return {table: plan for table, plan in self._billed.items() if table in named}

    def connectors(self) -> Mapping[str, bool]:
        """Return the workspace's data connectors, see `data_connectors`. Raises EngineError."""
        with self._lock:
            if self._connectors is None:
                self._connectors = self._ask(data_connectors)
            return self._connectors

    def _ask(self, question: Callable[[RestClient, str], T]) -> T:
        client = self._connect()
        try:
            return question(client, find_workspace(client, self._workspace).resource_id)
        finally:
            client.close()


def consent_needed(tables: Mapping[str, str], ingested: str | None) -> EngineError:
    """Return the refusal of a query whose scan is billed and was not agreed to.

    Args:
        tables: with their plans.
        ingested: how much came into them in the range, where that is known.
    """
    named = ", ".join(f"{table} ({plan})" for table, plan in tables.items())
    amount = f"; {ingested} came in within the range" if ingested else ""
    return EngineError(
        f"each query on {named} is billed by the GB that it scans{amount}",
        code="billed-scan",
        hint=f"look at the price ({PRICES}), narrow the range with --since, and agree with --allow-billed-scan",
    )
