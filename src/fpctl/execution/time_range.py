"""How far back a rule looks: for the check that its tables hold rows there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from fpctl.catalog.rule import Rule
from fpctl.engine.interface import Timespan
from fpctl.kql import tree
from fpctl.rewrite.predicate import UtcRange

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(d|day|days|h|hr|hour|hours|m|min|minute|minutes|s|sec|second|seconds)\Z")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?\Z")
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def parse_duration(text: str) -> timedelta | None:
    """Return a duration written as `5d`, `12h`, `30m` or ISO 8601 (`P1DT12H`); None if it is neither."""
    match = _DURATION.match(text.strip())
    if match:
        return timedelta(seconds=float(match.group(1)) * _UNITS[match.group(2)[0]])
    match = _ISO.match(text.strip())
    if match and any(match.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return None


def look_back(rule: Rule, query: tree.Query) -> timedelta | None:
    """Return how far back a rule looks.

    The rule's `queryPeriod` where it has one; else the longest literal in `ago(...)` or `now(-...)`
    of its query; None if neither tells.
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
    """Return the function that tells the planner for which range of events to write windows out."""

    def of(rule: Rule, query: tree.Query) -> UtcRange:
        wanted = range_of(rule, query, timespan, now)
        earliest = now - LONGEST_WINDOW
        return UtcRange(max(wanted.start, earliest) if wanted else earliest, wanted.end if wanted else now)

    return of
