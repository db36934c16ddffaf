"""What makes a rule's noise, asked of the engine in KQL: totals, frequent values, groups of like events.

No event is fetched. A value counts as frequent if it is worth an exclusion; all others are one value,
"", in the groups, so that these stay few however many events there are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fpctl.engine.interface import Engine, Timespan
from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.fields.registry import FIELDS, check_value
from fpctl.kql.literals import string_literal
from fpctl.rewrite.output.counting import query_at
from fpctl.rewrite.placement.reading import Reading
from fpctl.rewrite.placement.required_columns import columns_required
from fpctl.rewrite.placement.resolution import Unresolved
from fpctl.rewrite.placement.result import Placement
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.field_columns import resolver_of, telling_columns
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.predicate import BoundColumn, PredicateError, TimeLimits, build
from fpctl.rules.model import Rule
from fpctl.schema.families import families_of
from fpctl.tuning.candidates import PROGRAMS, Groups
from fpctl.tuning.rhythm import HourCount
from fpctl.tuning.row_changes import asked

GROUPED = ("device", "url", "hash", "process", "parent_process", "command_line", "account")
"""The fields by which events of programs are grouped; the command line brings `script`, the script that it names."""

NOTHING = "-"
"""What Windows and firewalls write where there is no value."""

FILLED = 0.5
"""Events are those of programs, or of devices, if at least this part of them names one."""

SOMETIMES = 0.05
"""A field of identities groups events if at least this part of them has a value in it."""

FREQUENT = 0.002
"""A value is frequent from this part of the events on, and from `FEW` events."""
FEW = 3
MOST_FREQUENT = 400
"""The most frequent values of a field that are kept."""
MOST_GROUPS = 50_000

ONE_GO = timedelta(hours=20)
"""What begins and ends within this time happened once, on whichever dates."""

_SCRIPT = r'''@"(?:^|[\\/\s'=(])([a-z0-9_-][a-z0-9_.-]*\.(?:ps1|psm1|bat|cmd|vbs|py|sh|sql|js))(?:['\s)]|$)"'''

PROBES: tuple[Mapping[str, str], ...] = (
    {"device": "fpctl-probe.invalid"},
    {"url": "fpctl-probe.invalid"},
    {"hash": "f" * 64},
    {"hash": "f" * 40},
    {"account": "fpctl-probe", "ip": "192.0.2.1"},
    {"account": "fpctl-probe", "app": "fpctl-probe"},
    {"app": "fpctl-probe", "ip": "192.0.2.1"},
    {"ip": "192.0.2.1", "port": "65535"},
)
"""Matches of nothing, to see where a clause would be."""


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A frequent value: its events, and the dates on which it is seen (None without a time)."""

    value: str
    rows: int
    days: int | None


@dataclass(frozen=True, slots=True)
class SamplePoint:
    """An insertion point at which events are looked at: KQL of each field's value, and the time column."""

    placement: Placement
    values: Mapping[str, str]
    time: str | None


class Noise:
    """The events of a rule, as the exclusions that are already in place leave them.

    Args:
        rule: looks back as far as it should.
        others: the exclusions in place.

    Raises:
        FpctlError: no clause could be placed in the rule, so nothing can be proposed.
    """

    def __init__(
        self,
        rule: Rule,
        others: Sequence[tuple[Exclusion, bool]],
        planner: Planner,
        engine: Engine,
        span: Timespan,
    ) -> None:
        self.engine = engine
        self.span = span
        self.rule = rule
        self.planner = planner
        self.tuned = planner.plan(rule, others)
        self.families = families_of(self.planner.read(rule).tables_read())
        self.profile = tuple(dict.fromkeys(field for family in self.families for field in family.profile))
        self.spots = _spots(rule, others, planner, self.profile)
        self.fields = self._visible((*GROUPED, "script", *self.profile))
        known = {exclusion.id: exclusion for exclusion, _ in others}
        self._in_place = [self._conditions(self.tuned, spot, known) for spot in self.spots]
        self._taken: list[list[str]] = [[] for _ in self.spots]
        self._before = self._taken

    def _visible(self, fields: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(field for field in fields if any(field in spot.values for spot in self.spots)))

    def focus(self, total: int) -> None:
        """Look from now on only at the fields that tell these events apart: of programs, or of identities.

        Args:
            total: how many events there are.
        """
        counts = ", ".join(
            f'fpctl_filled_{field} = countif(isnotempty(fpctl_{field}) and fpctl_{field} != "{NOTHING}")'
            for field in self.fields
        )
        rows = self.ask(f"| summarize {counts}") if counts else []
        counted = {field: sum(row[f"fpctl_filled_{field}"] for row in rows) for field in self.fields}
        filled = {field for field, count in counted.items() if count >= FILLED * total}
        if self._of_programs(filled):
            self.fields = self._visible((*GROUPED, "script"))
        else:
            some = {field for field, count in counted.items() if count >= SOMETIMES * total}
            self.fields = tuple(
                field for field in self._visible(self.profile) if field in (filled if field == "device" else some)
            )

    def _of_programs(self, filled: Collection[str]) -> bool:
        """Return whether events with these fields are those of programs.

        A logon of Windows names the process that took it, nearly always the same; a program's start says who began it.
        """
        if any(family.together for family in self.families):
            return "hash" in filled or (
                "process" in filled and not {"parent_process", "command_line"}.isdisjoint(filled)
            )
        return not PROGRAMS.isdisjoint(filled)

    @property
    def days_looked_at(self) -> int:
        """The dates in the look-back."""
        return max(1, -(-(self.span.end - self.span.start) // timedelta(days=1)))

    def take_out(self, tuned: TunedRule, exclusion: Exclusion) -> bool:
        """Leave what an exclusion suppresses out of all further answers; False if its clauses are elsewhere."""
        found = [self._conditions(tuned, spot, {exclusion.id: exclusion}) for spot in self.spots]
        clauses = sum(clause.exclusion == exclusion.id for clause in tuned.clauses)
        if sum(map(len, found)) != clauses:
            return False
        self._before = self._taken
        self._taken = [[*taken, *more] for taken, more in zip(self._taken, found, strict=True)]
        return True

    def _conditions(self, tuned: TunedRule, spot: SamplePoint, exclusions: Mapping[str, Exclusion]) -> list[str]:
        """Return, of the clauses of exclusions, those at a spot or further down its pipeline, as conditions there.

        A clause with fewer fields than the spot shows may be after it: after a `project`, say. Its rows are those
        of the spot, but its columns may have other names there.
        """
        found = []
        for clause in tuned.clauses:
            here, there = spot.placement, clause.placement
            exclusion = exclusions.get(clause.exclusion)
            if _same(here, there):
                if exclusion is not None:
                    found.append(clause.condition)
            elif exclusion is not None and here.path == there.path and there.point.offset > here.point.offset:
                condition = self._condition_at(spot, exclusion)
                if condition is not None:
                    found.append(condition)
        return found

    def _condition_at(self, spot: SamplePoint, exclusion: Exclusion) -> str | None:
        """Return an exclusion's condition in the columns of a spot; None where these do not hold it."""
        base = self.planner.read(self.rule)
        within = None
        if self.planner.windows_within is not None and exclusion.window is not None:
            within = self.planner.windows_within(self.rule, base.query)
        required = columns_required(exclusion.match, exclusion.id, time=exclusion.window is not None)
        bound = resolver_of(self.planner).resolve(spot.placement.point.scope, required, Reading.PARTIAL_FIELDS)
        if isinstance(bound, Unresolved):
            return None
        times = TimeLimits(column=spot.time, window=exclusion.window, within=within, expires=exclusion.expires)
        try:
            return build(exclusion.match, bound.bindings, times=times).render()
        except PredicateError:
            return None

    def put_back(self) -> None:
        """Undo the last `take_out`."""
        self._taken = self._before

    def untouched(self, clause: Clause, operators: str) -> int:
        """Return the `fpctl_rows` of the events at a clause, those of the exclusions in place left out only."""
        here = [f"| where not({one.condition})" for one in self.tuned.clauses if _same(one.placement, clause.placement)]
        text = query_at(self.tuned.query, clause.placement, "\n".join([*here, operators]), self.tuned.edits)
        if text is None:
            raise FpctlError("the rows at the clause cannot be queried on their own")
        (table,) = asked([text], self.engine, self.span)
        return int(next(table.dicts())["fpctl_rows"])

    def ask(self, operators: str, spots: Sequence[int] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query of the events, continued by operators; those of all spots together."""
        numbers = range(len(self.spots)) if spots is None else spots
        texts = [self._text(number, operators) for number in numbers]
        return [row for table in asked(texts, self.engine, self.span) for row in table.dicts()]

    def _text(self, number: int, operators: str) -> str:
        spot = self.spots[number]
        lines = [f"| where not({condition})" for condition in (*self._in_place[number], *self._taken[number])]
        # Only what is asked for: each expression costs time, to translate it and to compute it.
        named = set(_NAME.findall(operators))
        values = [f"fpctl_{field} = {spot.values.get(field, _NONE)}" for field in self.fields if field in named]
        if values:
            lines.append(f"| extend {', '.join(values)}")
        text = query_at(self.tuned.query, spot.placement, "\n".join([*lines, operators]), self.tuned.edits)
        if text is None:
            raise FpctlError("the rows at the clause cannot be queried on their own")
        return text

    # ------------------------------------------------------------------ statistics

    def total(self) -> int:
        """Return how many events there are."""
        return sum(row["fpctl_rows"] for row in self.ask("| summarize fpctl_rows = count()"))

    def dates(self, condition: str) -> int | None:
        """Return on how many dates there are events that a condition holds for; None without a time.

        What lasts less than a day is one date, although it runs past midnight.
        """
        if any(spot.time is None for spot in self.spots):
            return None
        days: set[str] = set()
        moments: list[datetime] = []
        for number, spot in enumerate(self.spots):
            counted = f"| summarize {_ENDS.format(spot.time)} by fpctl_day = bin({spot.time}, 1d)"
            for row in self.ask(f"| where {condition}\n{counted}", [number]):
                days.add(str(row["fpctl_day"])[:10])
                moments += [row["fpctl_first"], row["fpctl_last"]]
        return _dates(len(days), min(moments), max(moments)) if moments else 0

    def frequent(
        self, field: str, least: int, most: int = MOST_FREQUENT, condition: str | None = None
    ) -> list[ValueCount]:
        """Return the frequent values of a field, by events; values that no exclusion can name are left out."""
        head = f"| where {condition}\n" if condition else ""
        rows: dict[str, int] = {}
        days: dict[str, int] | None = {}
        for number, spot in enumerate(self.spots):
            by = f"fpctl_{field}"
            if spot.time is None:
                days = None
                counted = f"| summarize fpctl_rows = count() by {by}"
            else:
                counted = (
                    f"| summarize fpctl_n = count(), {_ENDS.format(spot.time)} "
                    f"by {by}, fpctl_day = bin({spot.time}, 1d)\n"
                    "| summarize fpctl_rows = sum(fpctl_n), fpctl_days = count(), "
                    f"fpctl_from = min(fpctl_first), fpctl_to = max(fpctl_last) by {by}"
                )
            operators = (
                f"{head}| where isnotempty({by})\n{counted}\n| where fpctl_rows >= {least}\n"
                f"| order by fpctl_rows desc, {by} asc\n| take {most}"
            )
            for row in self.ask(operators, [number]):
                value = str(row[by])
                rows[value] = rows.get(value, 0) + int(row["fpctl_rows"])
                if days is not None:
                    seen = _dates(int(row["fpctl_days"]), row["fpctl_from"], row["fpctl_to"])
                    days[value] = max(days.get(value, 0), seen)
        checked = "command_line" if field == "script" else field
        found = [
            ValueCount(value, count, days[value] if days is not None else None)
            for value, count in rows.items()
            if value != NOTHING and check_value(checked, value) is None
        ]
        return sorted(found, key=lambda one: (-one.rows, one.value))[:most]

    def groups(self, frequent: Mapping[str, Sequence[ValueCount]]) -> Groups:
        """Return the events grouped by all fields at once.

        Raises:
            FpctlError: there are too many groups.
        """
        names = [field for field in self.fields if frequent.get(field)]
        kept = (f'fpctl_{f} = iff({is_any(f, [one.value for one in frequent[f]])}, fpctl_{f}, "")' for f in names)
        keys = ", ".join(f"fpctl_{field}" for field in names)
        if not names:
            return Groups((), ((),), (self.total(),), self.families)
        operators = f"| extend {', '.join(kept)}\n| summarize fpctl_rows = count() by {keys}\n| take {MOST_GROUPS + 1}"
        found: dict[tuple[str, ...], int] = {}
        for row in self.ask(operators):
            values = tuple(str(row[f"fpctl_{field}"]) for field in names)
            found[values] = found.get(values, 0) + int(row["fpctl_rows"])
        if len(found) > MOST_GROUPS:
            raise FpctlError("the events differ too much to be grouped", None, "look at fewer days: --since 3d")
        ordered = sorted(found.items())
        return Groups(tuple(names), tuple(key for key, _ in ordered), tuple(rows for _, rows in ordered), self.families)

    def hours(self, condition: str) -> list[HourCount]:
        """Return the events that a condition holds for, by weekday and hour; empty without a time."""
        found: dict[tuple[int, int], list[int]] = {}
        for number, spot in enumerate(self.spots):
            if spot.time is None:
                return []
            operators = (
                f"| where {condition}\n"
                f"| summarize fpctl_n = count() by fpctl_day = bin({spot.time}, 1d), "
                f"fpctl_week = toint(dayofweek({spot.time}) / 1d), fpctl_hour = hourofday({spot.time})\n"
                "| summarize fpctl_rows = sum(fpctl_n), fpctl_days = count() by fpctl_week, fpctl_hour"
            )
            for row in self.ask(operators, [number]):
                # KQL's week begins on Sunday, ours on Monday.
                one = found.setdefault(((int(row["fpctl_week"]) - 1) % 7, int(row["fpctl_hour"])), [0, 0])
                one[0] += int(row["fpctl_rows"])
                one[1] = max(one[1], int(row["fpctl_days"]))
        return [HourCount(*key, *counts) for key, counts in sorted(found.items())]


_NONE = '""'
_ENDS = "fpctl_first = min({0}), fpctl_last = max({0})"
_NAME = re.compile(r"\bfpctl_(?!filled_)(\w+)")


def _dates(days: int, first: datetime, last: datetime) -> int:
    return days if last - first >= ONE_GO else min(days, 1)


def is_any(field: str, values: Sequence[str]) -> str:
    """Return the condition that a field has one of some values, as they are in the groups."""
    return f"fpctl_{field} in ({', '.join(string_literal(value) for value in values)})"


def _same(one: Placement, other: Placement) -> bool:
    return (one.path, one.point.offset, one.point.index) == (other.path, other.point.offset, other.point.index)


def _spots(
    rule: Rule, others: Sequence[tuple[Exclusion, bool]], planner: Planner, profile: Sequence[str]
) -> list[SamplePoint]:
    """Return the insertion points at which most fields are visible."""
    best: list[SamplePoint] = []
    refused = None
    for probe in PROBES:
        match = {field: [value] for field, value in probe.items()}
        exclusion = Exclusion.model_validate({"id": "fpctl-probe", "rules": [rule.id], "match": match})
        tuned = planner.plan(rule, [*others, (exclusion, True)])
        spots = [
            _spot(planner, clause.placement, profile) for clause in tuned.clauses if clause.exclusion == exclusion.id
        ]
        refused = refused or next((skip for skip in tuned.plan.skips if skip.exclusion == exclusion.id), None)
        if sum(len(spot.values) for spot in spots) > sum(len(spot.values) for spot in best):
            best = spots
    if not best:
        reason = f": {refused.message}" if refused else ""
        raise FpctlError(f"no exclusion can be placed in {rule.name}{reason}", None, refused.hint if refused else None)
    return best


def _spot(planner: Planner, placement: Placement, profile: Sequence[str]) -> SamplePoint:
    columns = telling_columns(planner, placement)
    # Where no program is seen, a field is taken from its first column that is filled: an application by its id, or
    # by its name where the event has no id.
    shown = {name: found[:1] if "process" in columns else found for name, found in columns.items()}
    values = {name: _told(name, shown[name]) for name in (*GROUPED, *profile) if name in shown}
    if "command_line" in values:
        values["script"] = f"extract({_SCRIPT}, 1, replace_string({values['command_line']}, '\"', \"'\"))"
    return SamplePoint(placement, values, placement.resolution.time_column)


def _told(field: str, columns: Sequence[BoundColumn]) -> str:
    """Return the KQL of a field's value: that of the first of its columns that is filled."""
    values = list(dict.fromkeys(FIELDS[field].event_value(column) for column in columns))
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"
