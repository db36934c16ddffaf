"""How far back a rule looks: for the check that its tables hold rows there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from fpctl.durations import duration, parse_duration
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


DETECTION_LOOK_BACK = {
    timedelta(hours=1): timedelta(hours=4),
    timedelta(hours=3): timedelta(hours=12),
    timedelta(hours=12): timedelta(hours=48),
    timedelta(hours=24): timedelta(days=30),
}
"""How far back Defender's custom detections look, by how often they run.

https://learn.microsoft.com/defender-xdr/custom-detection-rules#rule-frequency
"""


def own_period(rule: Rule) -> timedelta | None:
    """Return the range of events that the service gives a rule when it runs; None if the rule has none of its own.

    That is `queryPeriod` of a rule for Sentinel; for a custom detection it follows from the frequency.
    """
    if rule.kind == "defender-custom-detection":
        often = duration(rule.query_frequency) if rule.query_frequency else None
        return DETECTION_LOOK_BACK.get(often) if often is not None else None
    return duration(rule.query_period) if rule.query_period else None


def with_own_period(rule: Rule, timespan: Timespan | None, now: datetime) -> Timespan | None:
    """Return the range of events that a run reads if nobody says where it begins: the rule's own period."""
    if timespan is not None and timespan.start.year > 1:
        return timespan
    period = own_period(rule)
    return Timespan(now - period, now) if period is not None else timespan


LONGEST_WINDOW = timedelta(days=400)
"""Windows are written out for no longer range than this before now."""


def window_range(timespan: Timespan | None, now: datetime) -> Callable[[Rule, tree.Query], UtcRange]:
    """Return the function that gives the planner the range of events to write windows out."""

    def of(rule: Rule, query: tree.Query) -> UtcRange:
        wanted = range_of(rule, query, timespan, now)
        earliest = now - LONGEST_WINDOW
        return UtcRange(max(wanted.start, earliest) if wanted else earliest, wanted.end if wanted else now)

    return of
