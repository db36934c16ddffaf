"""Plans for the tests of placement: one exclusion in one query, over the packaged tables of Defender XDR."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from fpctl.exclusions.model import Exclusion
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.model import read_rule
from fpctl.schema.fields import FieldMap
from fpctl.schema.tables import Tables

TODAY = date(2026, 11, 24)
SHORT = {
    "D": "DeviceProcessEvents",
    "N": "DeviceNetworkEvents",
    "F": "DeviceFileEvents",
    "E": "EmailEvents",
}


@cache
def planner() -> Planner:
    tables = Tables.packaged("auto", "xdr")
    return Planner(tables, FieldMap.packaged(None, tables), TODAY)


def spelled(query: str) -> str:
    """Return a query with `<D>` and its like spelled out: the names of tables are long."""
    for short, name in SHORT.items():
        query = query.replace(f"<{short}>", name)
    return query


def plan(query: str, match: Mapping[str, Any] | None = None, **content: Any) -> Any:
    """Return the plan of an exclusion that names the rule (by default of the device `build01`) in a query."""
    exclusion = Exclusion.model_validate(
        {
            "id": "fp-1",
            "rules": ["rule"],
            "match": match or {"device": "build01"},
            "broad": True,
            "approved_by": "a test",
            **content,
        }
    )
    rule, _ = read_rule({}, spelled(query), "rule.kql", "rule", "rule")
    return planner().plan(rule, [(exclusion, True)])


def refused(query: str, match: Mapping[str, Any] | None = None) -> tuple[str, str]:
    """Return the reason of the refusal, and the text of the query that it points at, up to the end of the line."""
    tuned = plan(query, match)
    assert not tuned.plan.insertions, tuned.tuned
    (skip,) = tuned.plan.skips
    return skip.reason, f"{skip.message}"


def warned(query: str, match: Mapping[str, Any] | None = None) -> list[str]:
    """Return the messages of the warnings that fewer rows may add alerts; the clause must be placed."""
    tuned = plan(query, match)
    assert tuned.plan.insertions, tuned.plan.skips
    return [warning.message for warning in tuned.plan.warnings if warning.code == "effect"]


def positions(query: str, match: Mapping[str, Any] | None = None) -> list[str]:
    """Return the paths of the pipelines that the clause is in."""
    return [insertion.pipeline for insertion in plan(query, match).plan.insertions]
