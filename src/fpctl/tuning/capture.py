"""Events of a run as a must-fire fixture: captured at the source, secrets removed, proven to fire."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from fpctl.documents.yaml_text import scalar
from fpctl.engine.interface import Engine, Timespan
from fpctl.errors import FpctlError, Location
from fpctl.kql import tree
from fpctl.kql.binder import PipelineColumns
from fpctl.kql.binder.scope import InsertionPoint
from fpctl.kql.literals import bracket_name
from fpctl.rewrite.output.counting import query_at
from fpctl.rewrite.placement.required_columns import condition_columns
from fpctl.rewrite.placement.resolution import Resolution
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.test_cases import RuleCase
from fpctl.tuning.guard import CaseOutcome, evaluate
from fpctl.tuning.secrets import scrubbed

LIMIT = 50
"""The most events stored of each table."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A fixture that fires.

    Attributes:
        case: the events, scrubbed.
        removed: how many secrets of which kind were removed.
        truncated: tables of which more than the limit matched; only the first by time are kept.
    """

    case: RuleCase
    removed: Mapping[str, int]
    truncated: tuple[str, ...]


def capture(
    loaded: LoadedRule,
    condition: str,
    planner: Planner,
    engine: Engine,
    now: datetime,
    *,
    name: str,
    timespan: Timespan | None = None,
    limit: int = LIMIT,
) -> Captured:
    """Return the events of a rule's tables that a condition holds for, as a case that must fire.

    Each table is read where the rule still sees it whole: after its first row conditions, before
    anything renames, drops or groups. A table that lacks a column of the condition is left out.

    Args:
        condition: KQL over columns of the tables, such as `DeviceName == "build01.contoso.com"`.
        planner: plans for the day.
        now: what "now" is in the rule; the case is fixed to it.
        name: of the case.

    Raises:
        FpctlError: nothing matches, a query fails, or the rule does not fire on what was captured.
    """
    wanted = condition_columns(condition, "--where")
    tuned = planner.plan(loaded.rule, ())
    rows: dict[str, list[Mapping[str, Any]]] = {}
    removed: Counter[str] = Counter()
    truncated: set[str] = set()
    asked = False
    for table, pipeline, point in _sources(tuned):
        if not all(column in point.scope.columns for column in wanted):
            continue
        asked = True
        text = _query(tuned, pipeline, point, table, condition, limit)
        if text is None:
            continue
        answer = engine.query(text, timespan)
        if answer.partial is not None:
            raise FpctlError(f"the service returned a partial answer: {answer.partial}")
        found = [_filled(row) for row in answer.dicts()]
        if len(found) > limit:
            truncated.add(table)
        for row in found[:limit]:
            clean = scrubbed(row, removed)
            if clean not in rows.setdefault(table, []):
                rows[table].append(clean)
    if not asked:
        raise FpctlError(
            f"no table of the rule has the columns {', '.join(wanted)}", None, "name columns of its tables"
        )
    if not any(rows.values()):
        raise FpctlError(
            "no event of the rule meets the condition", None, "widen it, or look further back with --since"
        )
    case = RuleCase(
        name,
        "must-fire",
        {table: tuple(found) for table, found in sorted(rows.items())},
        {},
        now,
        Location(loaded.path),
    )
    outcome = evaluate(loaded.rule, case, (), planner)
    if not outcome.ok:
        raise FpctlError(_not_firing(outcome), None, "capture all events of the attack, or raise --limit")
    return Captured(case, dict(sorted(removed.items())), tuple(sorted(truncated)))


def _not_firing(outcome: CaseOutcome) -> str:
    if outcome.error is not None:
        return f"the captured events cannot be run: {outcome.error}"
    return "the rule does not fire on the captured events alone"


def _sources(tuned: TunedRule) -> Iterator[tuple[str, tree.Pipeline, InsertionPoint]]:
    """Yield each table that a pipeline reads, with the last insertion point at which its events are whole."""
    seen: set[tuple[str, int]] = set()
    for pipeline in tuned.analysis.pipelines:
        if not pipeline.points or not isinstance(pipeline.node.source, tree.Name):
            continue
        tables = {table for names in pipeline.points[0].scope.branches.values() for table in names}
        if len(tables) != 1 or len(pipeline.points[0].scope.branches) != 1:
            continue
        (table,) = tables
        if tuned.tables.table(table) is None:
            raise FpctlError(f"the columns of {table} are not known", None, "describe the table in schema/*.yaml")
        if pipeline.node.source.value == table and (table, pipeline.node.start) not in seen:
            seen.add((table, pipeline.node.start))
            yield table, pipeline.node, _whole(pipeline)


def _whole(pipeline: PipelineColumns) -> InsertionPoint:
    first = pipeline.points[0]
    last = first
    for point in pipeline.points[1:]:
        columns = point.scope.columns
        whole = all(name in columns and columns[name].kind == "table" for name in first.scope.columns)
        if not whole or not point.scope.rowwise or point.scope.branches.keys() != first.scope.branches.keys():
            break
        last = point
    return last


def _query(
    tuned: TunedRule, pipeline: tree.Pipeline, point: InsertionPoint, table: str, condition: str, limit: int
) -> str | None:
    columns = tuned.tables.table(table) or {}
    time = tuned.tables.time_column(table)
    placement = Placement(pipeline, "main", point, Resolution({}, time), ())
    lines = [f"| where {condition}", f"| project {', '.join(bracket_name(name) for name in columns)}"]
    lines.append(
        f"| top {limit + 1} by {bracket_name(time)} asc" if time in columns and time else f"| take {limit + 1}"
    )
    return query_at(tuned.query, placement, "\n".join(lines))


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row that hold something, as JSON can say them."""
    return {name: _plain(value) for name, value in row.items() if value not in (None, "", [], {})}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, (bool, int, float, str, dict, list)):
        return value
    return str(value)


# --------------------------------------------------------------------------- as a file


def fixture_path(loaded: LoadedRule, name: str) -> Path:
    """Return where a captured case is written: beside its rule, `<rule>.<name>.tests.yaml`."""
    own = Path(loaded.path)
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "captured"
    return own.with_name(f"{own.stem}.{word}.tests.yaml")


def fixture_text(captured: Captured, loaded: LoadedRule, day: datetime) -> str:
    """Return a captured case as a file of tests."""
    case = captured.case
    assert case.now is not None
    rule = PurePosixPath(loaded.rule.path).name
    lines = [
        f"# Captured on {day:%Y-%m-%d} from a run of {rule}: an attack that must always fire.",
        f"rule: {scalar(loaded.rule.id)}",
        f'now: "{case.now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"',
        "must_fire:",
        f"  - name: {scalar(case.name)}",
        "    rows:",
    ]
    for table, rows in case.rows.items():
        lines.append(f"      {scalar(table)}:")
        for row in rows:
            lines += [
                f"        {'-' if index == 0 else ' '} {scalar(name)}: {_value(cell)}"
                for index, (name, cell) in enumerate(row.items())
            ]
    return "\n".join(lines) + "\n"


def _value(cell: Any) -> str:
    """Return a cell as JSON, which is YAML too: texts are in quotes, so that none is taken for a number."""
    return json.dumps(cell, ensure_ascii=True)
