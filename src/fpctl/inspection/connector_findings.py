"""The data connectors that the rules require, held against what the workspace has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from fpctl.engine.interface import Engine, EngineError
from fpctl.execution.connectors import ConnectorCheck, ConnectorStatus
from fpctl.execution.table_facts import TableFacts
from fpctl.execution.time_range import range_of
from fpctl.inspection.check_result import CheckResult
from fpctl.inspection.needs import Planned

_HINT = "ensure this data connector is enabled"


def connector_findings(
    planned: Sequence[Planned], engine: Engine, now: datetime, facts: TableFacts
) -> Iterator[CheckResult]:
    """Yield an answer for each connector that a rule requires, sorted by its id; nothing for files.

    Args:
        planned: the rules.
        engine: has the tables.
        now: what the rules' "now" is.
        facts: what is known of the tables already; it learns more.
    """
    if not engine.description.capabilities.remote:
        return
    check = ConnectorCheck(engine, facts)
    found: dict[str, list[tuple[str, ConnectorStatus]]] = defaultdict(list)
    served: set[str] = set()
    for outcome, tuned in planned:
        try:
            statuses = check.of(outcome.rule, range_of(outcome.rule, tuned.query, None, now))
        except EngineError as error:
            hint = error.hint or "fix the problems above"
            yield CheckResult("connectors", "error", engine.name, error.message, hint, (outcome.rule.path,))
            return
        for status in statuses:
            found[status.id].append((outcome.rule.path, status))
        if any(status.events is not False for status in statuses):
            served.add(outcome.rule.path)
    for id in sorted(found, key=str.lower):
        yield _answer(id, found[id], served)


def _answer(id: str, found: Sequence[tuple[str, ConnectorStatus]], served: set[str]) -> CheckResult:
    """Return the answer on a connector: a warning where a rule that requires it gets events from no other either."""
    silent = sorted(path for path, status in found if status.events is False)
    starved = tuple(path for path in silent if path not in served)
    paths = tuple(sorted(path for path, _ in found))
    if starved:
        worst = next(status for path, status in found if path == starved[0])
        return CheckResult("connectors", "warning", id, worst.words(), _HINT, starved)
    if silent:
        worst = next(status for path, status in found if path == silent[0])
        return CheckResult("connectors", "ok", id, f"{worst.words()}; its rules get events from others", None, paths)
    return CheckResult("connectors", "ok", id, found[0][1].words(), None, paths)
