"""Tables of the plans Basic and Auxiliary: asked through `/search`, two queries at once, billed by the GB scanned.

https://learn.microsoft.com/azure/azure-monitor/logs/basic-logs-query
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from fpctl.engine.interface import EngineError
from fpctl.engine.remote.rest_client import RestClient
from fpctl.engine.remote.workspaces import find_workspace, table_plans
from fpctl.kql.lexer import tokenize

BILLED = ("Basic", "Auxiliary")
AT_ONCE = 2
"""Queries of one user on such tables that the service runs at a time."""
PRICES = "https://azure.microsoft.com/pricing/details/monitor/"


class TablePlans:
    """The plans of a workspace's tables, asked for once, when a query needs them first.

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
        self.unknown: EngineError | None = None
        """Why the plans are not known. The service then refuses `/query` on such a table: nothing is billed."""
        self._billed: Mapping[str, str] | None = None
        self._lock = threading.Lock()

    def billed_in(self, text: str) -> Mapping[str, str]:
        """Return the tables that a query names whose scan is billed, with their plans, sorted."""
        with self._lock:
            if self._billed is None:
                self._billed = self._ask()
        if not self._billed:
            return {}
        named = {token.strip("[]'\"") for token in tokenize(text).texts}
        return {table: plan for table, plan in sorted(self._billed.items()) if table in named}

    def _ask(self) -> Mapping[str, str]:
        try:
            client = self._connect()
            try:
                plans = table_plans(client, find_workspace(client, self._workspace).resource_id)
            finally:
                client.close()
        except EngineError as error:
            self.unknown = error
            return {}
        return {table: plan for table, plan in plans.items() if plan in BILLED}


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
