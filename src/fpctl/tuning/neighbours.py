"""Who else sits behind an address that an exclusion names: accounts and devices in the events of its tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fpctl.engine.interface import Engine, Timespan
from fpctl.errors import FpctlError
from fpctl.exclusions.model import Alternative, Exclusion
from fpctl.rewrite.plan.field_columns import field_columns
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule

MOST = 20
"""How many neighbours are listed for each table and kind, those with most events first."""

KINDS = ("account", "device", "app")
_ADDRESS, _WHO, _EVENTS, _HIT = "fpctl_address", "fpctl_who", "fpctl_events", "fpctl_hit"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Somebody with events from an address that the exclusion names.

    Attributes:
        kind: the field of `who`: account, device or app.
        events: from this address; the exclusion suppresses `suppressed` of them.
    """

    table: str
    address: str
    kind: str
    who: str
    events: int
    suppressed: int


def neighbours(
    exclusion: Exclusion, tables: Iterable[str], planner: Planner, engine: Engine, span: Timespan | None = None
) -> tuple[list[Neighbour], list[tuple[str, str]]]:
    """Return who has events from the addresses of an exclusion, and the tables that could not be asked, with why.

    Args:
        exclusion: taken to be active.
        tables: those that its rules read.
        span: of the events; None for all.
    """
    addresses = tuple(dict.fromkeys(value for one in exclusion.match for value in one.values("ip")))
    found: list[Neighbour] = []
    failed: list[tuple[str, str]] = []
    if not addresses:
        return found, failed
    alone = Alternative.model_validate({"ip": list(addresses)})
    update = {"id": f"{exclusion.id}-ip", "match": (alone,), "broad": True, "window": None}
    shared = exclusion.model_copy(update=update)
    for table in sorted(tables):
        rule = Rule("fpctl-neighbours", "neighbours", f"{table}\n", "neighbours.kql", "bare")
        behind = planner.plan(rule, [(shared, True)])
        whole = planner.plan(rule, [(exclusion, True)])
        try:
            found += _in_table(table, behind, whole, planner, engine, span)
        except FpctlError as error:
            failed.append((table, error.message))
    return found, failed


def _in_table(
    table: str, behind: TunedRule, whole: TunedRule, planner: Planner, engine: Engine, span: Timespan | None
) -> list[Neighbour]:
    if not behind.clauses:
        return []
    columns = field_columns(planner, behind.clauses[0].placement)
    address = columns.get("ip")
    hit = " or ".join(f"({clause.condition})" for clause in whole.clauses) or "false"
    found = []
    for kind in KINDS:
        who = columns.get(kind)
        if address is None or who is None:
            continue
        text = (
            f"{table}\n"
            f"| where {' or '.join(f'({clause.condition})' for clause in behind.clauses)}\n"
            f"| extend {_ADDRESS} = {address.string()}, {_WHO} = tolower({who.string()}), {_HIT} = {hit}\n"
            f"| where isnotempty({_WHO})\n"
            f"| summarize {_EVENTS} = count(), {_HIT} = countif({_HIT}) by {_ADDRESS}, {_WHO}\n"
            f"| order by {_EVENTS} desc, {_ADDRESS} asc, {_WHO} asc\n"
            f"| take {MOST}"
        )
        rows = engine.query(text, span)
        at = {name: rows.names().index(name) for name in (_ADDRESS, _WHO, _EVENTS, _HIT)}
        found += [
            Neighbour(
                table, str(row[at[_ADDRESS]]), kind, str(row[at[_WHO]]), int(row[at[_EVENTS]]), int(row[at[_HIT]])
            )
            for row in rows.rows
        ]
    return found
