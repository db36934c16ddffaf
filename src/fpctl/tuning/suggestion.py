"""Exclusions proposed from a rule's own events: few, narrow, and each with what it would suppress.

Greedy: again and again the worthiest narrow candidate among the events that are left. What it names is
checked against the engine: each device and each value of a list has to show the pattern regularly, so
that an event that merely resembles it, on another device or with another file, keeps firing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median
from typing import Any

from fpctl.engine.interface import Engine, Timespan
from fpctl.errors import FpctlError
from fpctl.exclusions.model import Exclusion
from fpctl.exclusions.risk.score import Risk, Share, assess
from fpctl.exclusions.risk.shared_names import SharedNames
from fpctl.execution.preview import widen
from fpctl.fields.registry import check_value
from fpctl.repository.narrowness import broad_alternatives
from fpctl.rewrite.plan.clauses import Clause
from fpctl.rewrite.plan.field_columns import field_columns
from fpctl.rewrite.plan.planner import Planner
from fpctl.risk_weights import RiskWeights
from fpctl.rules.model import Rule
from fpctl.tuning.candidates import Candidate, candidates
from fpctl.tuning.impact import SAMPLE, SAMPLE_FIELDS, sample_of
from fpctl.tuning.likeness import Likeness, likeness
from fpctl.tuning.noise import FEW, FREQUENT, Noise, ValueCount, is_any
from fpctl.tuning.rhythm import Rhythm, rhythm
from fpctl.tuning.row_changes import row_counts

MOST_DEVICES = 50
"""The most devices that a proposal lists; a pattern of more needs a URL or hash of its own."""

LEAST_SHARE = 0.01
"""A proposal suppresses at least this part of the events."""

REGULAR = 0.25
"""A device or value is regular if it shows the pattern on this part of the dates on which the others do, and on two."""

LIKE_OTHERS = 0.2
"""And at least this part of the events that is usual for the regular ones."""

TRIED = 25
"""How many candidates are tried for one proposal before it is dropped."""

Kept = Callable[[Exclusion], bool]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposed exclusion and what it would do.

    Attributes:
        exclusion: as it would be recorded, a draft.
        clause: the whole clause.
        rows_removed: events that it suppresses alone; `rows_more` of them no earlier proposal suppresses.
        result_rows_removed: result rows of the rule that it takes away alone.
        devices: devices among its events; None where there is no device.
        days: dates with its events; None without a time.
        when: its rhythm; the window of the exclusion is this where it is regular.
        sample: a few of its events.
    """

    exclusion: Exclusion
    clause: str
    rows_removed: int
    rows_more: int
    result_rows_removed: int
    devices: int | None
    days: int | None
    when: Rhythm
    like: Likeness
    risk: Risk
    sample: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class TuningResult:
    """What could be tuned in a rule.

    Attributes:
        rows: events that reach the clauses, with the exclusions in place; `rows_left` with the proposals too.
        result_rows: result rows of the rule; `result_rows_left` with the proposals too.
        ranking: by field, its most frequent values.
        days: dates in the look-back, `days_seen` of them with events.
        whole: False where the rule itself looks less far back.
    """

    rule: Rule
    span: Timespan
    rows: int
    rows_left: int
    result_rows: int
    result_rows_left: int
    days: int
    ranking: Mapping[str, tuple[ValueCount, ...]]
    suggestions: tuple[Suggestion, ...]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class ProposalCriteria:
    """What proposals are judged by.

    Attributes:
        known: the lists of the settings.
        weights: those of the risk score.
        tested: ids of rules that have tests.
        kept: returns whether every event that must fire still does with an exclusion.
        most: proposals at most.
        least: part of the events that a proposal suppresses at least.
    """

    known: SharedNames
    weights: RiskWeights
    tested: frozenset[str]
    kept: Kept
    most: int = 10
    least: float = LEAST_SHARE


def suggest(
    rule: Rule,
    others: Sequence[tuple[Exclusion, bool]],
    planner: Planner,
    engine: Engine,
    span: Timespan,
    criteria: ProposalCriteria,
    progress: Callable[[int], None] = lambda done: None,
) -> TuningResult:
    """Return proposals for a rule.

    Args:
        others: the exclusions that are in place.
        planner: plans for the last day of the span.
        progress: called with the number of proposals found.

    Raises:
        FpctlError: no exclusion can be placed in the rule, or a query failed.
    """
    widened, whole = widen(rule, span.end - span.start)
    search = _Search(widened, others, planner, Noise(widened, others, planner, engine, span), criteria)
    (base,) = row_counts([search.noise.tuned], engine, span)
    while search.total and len(search.found) < criteria.most:
        if not search.extend():
            break
        progress(len(search.found))
    found = search.found
    alone = [planner.plan(widened, [*others, (_active(one.exclusion), True)]) for one in found]
    together = planner.plan(widened, [*others, *((_active(one.exclusion), True) for one in found)])
    *counts, last = row_counts([*alone, together], engine, span)
    suggestions = [replace(one, result_rows_removed=base - count) for one, count in zip(found, counts, strict=True)]
    return TuningResult(
        rule=rule,
        span=span,
        rows=search.total,
        rows_left=search.noise.total(),
        result_rows=base,
        result_rows_left=last,
        days=search.noise.days_looked_at,
        ranking={field: tuple(values[:5]) for field, values in search.frequent.items() if values},
        suggestions=tuple(suggestions),
        whole=whole,
    )


def _active(exclusion: Exclusion) -> Exclusion:
    return exclusion.model_copy(update={"status": "active", "created": None})


def _distinct(noise: Noise) -> int:
    rows = noise.ask("| where isnotempty(fpctl_device)\n| summarize by fpctl_device\n| summarize fpctl_rows = count()")
    return sum(row["fpctl_rows"] for row in rows)


def _condition(match: Mapping[str, Sequence[str]]) -> str:
    return " and ".join(is_any(field, values) for field, values in match.items())


def _regular(candidate: Candidate, noise: Noise, least: int) -> dict[str, tuple[str, ...]] | None:
    """Return a candidate's match with the devices and values that show it regularly; None if too little is left."""
    match = dict(candidate.match)
    timed = all(spot.time is not None for spot in noise.spots) and noise.days_looked_at >= 3
    for field in [field for field, values in match.items() if len(values) > 1]:
        kept = _steady(noise.frequent(field, 1, condition=_condition(match)), timed)
        match[field] = tuple(sorted(value for value in match[field] if value in kept))
        if not match[field]:
            return None
    if "device" in noise.fields:
        seen = noise.frequent("device", 1, most=MOST_DEVICES * 20, condition=_condition(match))
        kept = _steady(seen, timed)
        rows = sum(one.rows for one in seen if one.value in kept)
        if rows < least:
            return None
        if len(kept) <= MOST_DEVICES:
            match = {"device": tuple(sorted(kept)), **match}
        elif not candidate.anchored:
            return None
    days = noise.dates(_condition(match)) if timed else None
    return match if days is None or days >= 2 else None


def _steady(seen: Sequence[ValueCount], timed: bool) -> set[str]:
    """Return the values that are seen on a fair part of the dates; all of them where dates say nothing."""
    if not timed or not seen:
        return {one.value for one in seen}
    # Weighed by events: many values that were seen once must not make once the rule.
    days = sorted(one.days or 0 for one in seen for _ in range(min(one.rows, 100)))
    needed = max(2.0, REGULAR * median(days))
    steady = [one for one in seen if (one.days or 0) >= needed]
    usual = median(one.rows for one in steady) if steady else 0
    return {one.value for one in steady if one.rows >= LIKE_OTHERS * usual}


class _Search:
    """The search for proposals: one after the other, among the events that those before it leave."""

    def __init__(
        self,
        rule: Rule,
        others: Sequence[tuple[Exclusion, bool]],
        planner: Planner,
        noise: Noise,
        criteria: ProposalCriteria,
    ) -> None:
        self.rule, self.others, self.planner, self.noise, self.criteria = rule, others, planner, noise, criteria
        self.found: list[Suggestion] = []
        self.total = noise.total()
        noise.focus(self.total)
        frequency = max(FEW, round(self.total * FREQUENT))
        self.frequent = {field: noise.frequent(field, frequency) for field in noise.fields}
        self.least = max(FEW, round(self.total * criteria.least))
        self.all_devices = _distinct(noise) if "device" in noise.fields else None

    def extend(self) -> bool:
        """Add the worthiest proposal for the events that are left, and suppress its events; False if there is none."""
        groups = self.noise.groups(self.frequent)
        for candidate in candidates(groups, self.least, "device" in self.noise.fields, MOST_DEVICES)[:TRIED]:
            match = _regular(candidate, self.noise, self.least)
            one = self.suggestion(match) if match is not None else None
            if one is not None:
                self.found.append(one)
                return True
        return False

    def suggestion(self, match: Mapping[str, tuple[str, ...]]) -> Suggestion | None:
        """Return the proposal that a match makes, and suppress its events; None where it is not worth one."""
        noise, day = self.noise, self.noise.span.end.date()
        condition = _condition(match)
        days = noise.dates(condition)
        when = rhythm(noise.hours(condition), days or 0, noise.days_looked_at)
        fields = _fields(match)
        if any(check_value(field, value) is not None for field, values in fields.items() for value in values):
            return None
        devices = self.devices_of(condition)
        like = likeness(fields, devices or 0, when)
        exclusion = _exclusion(f"proposal-{len(self.found) + 1}", self.rule, fields, when, like, day)
        try:
            tuned = self.planner.plan(self.rule, [*self.others, (_active(exclusion), True)])
        except FpctlError:
            return None
        clauses = [clause for clause in tuned.clauses if clause.exclusion == exclusion.id]
        if not clauses or not self.criteria.kept(exclusion):
            return None
        before = noise.total()
        if not noise.take_out(tuned, _active(exclusion)):
            return None
        more = before - noise.total()
        if more < self.least:
            noise.put_back()
            return None
        alone = _alone(clauses, noise)
        risk = self.risk_of(exclusion, devices, alone)
        return Suggestion(
            exclusion=exclusion.model_copy(update={"expires": day + _lifetime(risk)}),
            clause=clauses[0].text.strip(),
            rows_removed=alone,
            rows_more=more,
            result_rows_removed=0,
            devices=devices,
            days=days,
            when=when,
            like=like,
            risk=risk,
            sample=_sample(clauses, self.planner, noise),
        )

    def devices_of(self, condition: str) -> int | None:
        """Return on how many devices a condition holds; None where the events have no device."""
        if "device" not in self.noise.fields:
            return None
        return len(self.noise.frequent("device", 1, most=100_000, condition=condition))

    def risk_of(self, exclusion: Exclusion, devices: int | None, alone: int) -> Risk:
        """Return the risk of a proposal that alone suppresses this many events."""
        covered = devices / self.all_devices if devices is not None and self.all_devices else None
        return assess(
            exclusion,
            [self.rule],
            self.criteria.known,
            self.criteria.weights,
            today=self.noise.span.end.date(),
            tested=self.criteria.tested,
            share=Share(covered, alone / self.total),
            broad=broad_alternatives(exclusion, [self.rule], self.planner),
        )


def _lifetime(risk: Risk) -> timedelta:
    """Return how long a proposal should hold: the riskier, the earlier somebody looks again."""
    return timedelta(days={"low": 90, "medium": 60, "high": 30}[risk.level])


def _fields(match: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return a match in the fields of an exclusion: a script is a text of the command line."""
    fields = {field: values for field, values in match.items() if field != "script"}
    if "script" in match and "command_line" not in fields:
        fields["command_line"] = match["script"]
    if "url" in fields:
        # A domain takes its subdomains in.
        hosts = fields["url"]
        fields["url"] = tuple(host for host in hosts if not any(host.endswith(f".{other}") for other in hosts))
    return fields


def _exclusion(
    id: str, rule: Rule, fields: Mapping[str, tuple[str, ...]], when: Rhythm, like: Likeness, today: date
) -> Exclusion:
    data: dict[str, Any] = {
        "id": id,
        "rules": [rule.id],
        "match": {field: list(values) for field, values in fields.items()},
        "status": "draft",
        "expires": today + timedelta(days=90),
    }
    if when.weekly:
        data["window"] = {"weekly": list(when.weekly), "timezone": "UTC"}
    if like.scenario is not None:
        data["scenario"] = like.scenario
    return Exclusion.model_validate(data)


def _alone(clauses: Sequence[Clause], noise: Noise) -> int:
    rows = 0
    for clause in clauses:
        text = f"| where {clause.condition}\n| summarize fpctl_rows = count()"
        rows += noise.untouched(clause, text)
    return rows


def _sample(clauses: Sequence[Clause], planner: Planner, noise: Noise) -> tuple[Mapping[str, Any], ...]:
    rows: list[Mapping[str, Any]] = []
    for clause in clauses:
        columns = field_columns(planner, clause.placement)
        names = SAMPLE_FIELDS if "process" in noise.fields else noise.fields
        shown = {name: columns[name].string() for name in names if name in columns}
        rows += sample_of(clause, noise.tuned, shown, noise.engine, noise.span)
    return tuple(rows[:SAMPLE])
