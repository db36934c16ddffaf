"""What an exclusion would suppress before it is recorded: rows, and the devices, URLs and hashes among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from fpctl.durations import parse_duration
from fpctl.engine.interface import Engine, EngineError, Timespan
from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.execution.field_counts import FieldCounts, field_counts
from fpctl.kql import tree
from fpctl.kql.parser import parse
from fpctl.rewrite.output.counting import query_at
from fpctl.rewrite.output.markers import strip
from fpctl.rewrite.placement.column_resolver import ColumnResolver
from fpctl.rewrite.placement.reading import Reading
from fpctl.rewrite.placement.resolution import RequiredColumns, Unresolved
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.predicate import BoundColumn
from fpctl.rules.model import Rule
from fpctl.text.edits import Edit, apply_edits

DAYS = 14
"""How far back a preview looks."""

ENTITIES = ("device", "url", "hash")

MAX_VALUES = 10_000
"""Distinct values are counted up to this many; beyond it the preview says "more than"."""

_ROLES = ("host-name", "url-or-host", "url", "domain", "sha256", "sha1", "md5", "hash", "device-id")
"""Of several columns that hold an entity, the one that tells it best, in this order."""

_VALUE = "fpctl_value"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an exclusion would have suppressed.

    Attributes:
        rows: events; None where that is not known, and then `error` says why.
        distinct: by entity, how many different values are among them; an entity that the rows do not have is absent.
        many: entities of which more than `MAX_VALUES` were seen; `distinct` then stops there.
        since: how far back was looked; None if no further than each rule itself looks.
        rules: how many rules were asked.
        error: why it is not known.
        fields: where no event would be suppressed, how many each field matches alone, in the first of the rules.
    """

    rows: int | None
    distinct: Mapping[str, int]
    many: frozenset[str]
    since: timedelta | None
    rules: int
    error: str | None = None
    fields: FieldCounts | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the documented JSON; `rows` is null where it is not known."""
        return {
            "rows": self.rows,
            "days": self.since.days if self.since is not None else None,
            "devices": self.distinct.get("device"),
            "urls": self.distinct.get("url"),
            "hashes": self.distinct.get("hash"),
            "error": self.error,
            **({"fields": dict(self.fields.fields)} if self.fields is not None else {}),
        }


def coverage(
    exclusion: Exclusion, rules: Sequence[tuple[Rule, bool]], planner: Planner, engine: Engine, now: datetime
) -> Coverage:
    """Count what an exclusion would have suppressed of the events that rules read in the last fourteen days.

    A rule that looks back for a shorter time is counted as if it looked back so far, where it says its
    time in one way only (`ago(1d)`, or several times the same); else its own time stays as it is.

    Args:
        exclusion: counted as if it were active.
        rules: those that it reaches, each with whether it names the rule itself.
        planner: plans for the day.
        engine: answers the counting queries, which are KQL.
        now: the end of the time looked at.
    """
    span = Timespan(now - timedelta(days=DAYS), now)
    rows = 0
    values: dict[str, set[str]] = {}
    whole = True
    alone: FieldCounts | None = None
    for rule, named in rules:
        try:
            widened, reaches = widen(rule, span.end - span.start)
            whole &= reaches
            tuned = planner.plan(widened, [(exclusion, named)])
            for clause in tuned.clauses:
                counted, found = _at(tuned, clause.placement, clause.condition, planner, engine, span)
                rows += counted
                for entity, seen in found.items():
                    values.setdefault(entity, set()).update(seen)
                if not rows and alone is None:
                    alone = field_counts(exclusion, tuned, clause, engine, span)
        except FpctlError as error:
            message = f"{rule.name}: {error.message}"
            return Coverage(None, {}, frozenset(), None, len(rules), message)
    return Coverage(
        rows,
        {entity: min(len(values[entity]), MAX_VALUES) for entity in ENTITIES if entity in values},
        frozenset(entity for entity, seen in values.items() if len(seen) > MAX_VALUES),
        span.end - span.start if whole else None,
        len(rules),
        fields=alone if not rows else None,
    )


def _at(
    tuned: TunedRule, placement: Placement, condition: str, planner: Planner, engine: Engine, span: Timespan
) -> tuple[int, dict[str, set[str]]]:
    """Return the rows that a clause suppresses at its insertion point, and the values of each entity in them."""
    columns = {entity: column for entity in ENTITIES if (column := _column(planner, placement, entity)) is not None}
    texts = [query_at(tuned.query, placement, f"| where {condition}\n| count", tuned.edits)]
    for column in columns.values():
        operators = (
            f"| where {condition}\n"
            f"| extend {_VALUE} = tolower({column.string()})\n"
            f"| where isnotempty({_VALUE})\n"
            f"| summarize by {_VALUE}\n"
            f"| take {MAX_VALUES + 1}"
        )
        texts.append(query_at(tuned.query, placement, operators, tuned.edits))
    if any(text is None for text in texts):
        raise FpctlError("the rows at the clause cannot be queried on their own")
    answers = engine.query_many([text for text in texts if text is not None], span)
    for answer in answers:
        if isinstance(answer, EngineError):
            raise answer
        if answer.partial is not None:
            raise FpctlError(f"the service returned a partial answer: {answer.partial}")
    counted, *found = (answer for answer in answers if not isinstance(answer, EngineError))
    return int(counted.rows[0][0]), {
        entity: {str(row[0]) for row in table.rows} for entity, table in zip(columns, found, strict=True)
    }


def _column(planner: Planner, placement: Placement, entity: str) -> BoundColumn | None:
    resolver = ColumnResolver(planner.fields, lambda table: planner.tables.table(table) is not None, frozenset, None)
    found = resolver.resolve(placement.point.scope, RequiredColumns(((entity, None),)), Reading.PARTIAL_FIELDS)
    if isinstance(found, Unresolved):
        return None
    columns = [column for column in found.bindings.get(entity, ()) if column.role in _ROLES]
    return min(columns, key=lambda column: _ROLES.index(column.role), default=None)


def widen(rule: Rule, back: timedelta) -> tuple[Rule, bool]:
    """Return a rule that looks back at least so far, and whether it does.

    Raises:
        KqlSyntaxError: the query cannot be parsed.
    """
    base = strip(rule.query)
    query = parse(base, rule.path)
    literals = list(_literals(query))
    spans = {parse_duration(base[start:end]) for start, end in literals}
    if not spans:
        # Without a time in the query the engine's range is the only one.
        return replace(rule, query=base), True
    if len(spans) == 1 and (span := spans.pop()) is not None:
        if span >= back:
            return replace(rule, query=base), True
        text = apply_edits(base, [Edit(start, end, f"{back.days}d") for start, end in literals])
        return replace(rule, query=text, query_period=None), True
    # Several times in one query belong to each other (a baseline and a day): which to stretch is not ours to guess.
    return replace(rule, query=base), False


def _literals(query: tree.Query) -> Iterable[tuple[int, int]]:
    """Yield the span of the duration in each `ago(5d)` and `now(-5d)` of a query, without its sign."""
    for node in tree.walk(query):
        if isinstance(node, tree.Call) and node.name.value in ("ago", "now") and node.args:
            start, end = node.args[0].start, node.args[0].end
            literal = query.text[start:end]
            yield start + len(literal) - len(literal.lstrip("-+ ")), end
