"""How far back a rule looks: for the check that its tables hold rows there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from fpctl.durations import parse_duration
from fpctl.engine.interface import Timespan
from fpctl.kql import tree
from fpctl.rewrite.predicate import UtcRange
from fpctl.rules.model import Rule


def look_back(rule: Rule, query: tree.Query) -> timedelta | None:
    """Return how far back a rule looks.

    The rule's `queryPeriod` where it has one; else the longest literal in `ago(...)` or `now(-...)`
    of its query; None if neither gives one.
    """
    if rule.query_period:
        return parse_duration(rule.query_period)
    longest: timedelta | None = None
    for node in tree.walk(query):
        if isinstance(node, tree.Call) and node.name.value in ("ago", "now") and node.args:
            literal = query.text[node.args[0].start : node.args[0].end].lstrip("-+ ")
            found = parse_duration(literal)
            if found is not None and (longest is None or found > longest):
                longest = found
    return longest


def range_of(rule: Rule, query: tree.Query, timespan: Timespan | None, now: datetime) -> Timespan | None:
    """Return the range of events that a run reads: the asked one, cut to how far the rule looks back."""
    back = look_back(rule, query)
    if timespan is None:
        return None if back is None else Timespan(now - back, now)
    if back is None:
        return timespan
    return Timespan(max(timespan.start, now - back), timespan.end)


LONGEST_WINDOW = timedelta(days=400)
"""Windows are written out for no longer range than this before now."""


def window_range(timespan: Timespan | None, now: datetime) -> Callable[[Rule, tree.Query], UtcRange]:
    """Return the function that gives the planner the range of events to write windows out."""

    def of(rule: Rule, query: tree.Query) -> UtcRange:
        wanted = range_of(rule, query, timespan, now)
        earliest = now - LONGEST_WINDOW
        return UtcRange(max(wanted.start, earliest) if wanted else earliest, wanted.end if wanted else now)

    return of
