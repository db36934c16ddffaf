"""The true-positive guard: known attacks must still fire with the exclusions in place.

A rule's tests are run through the base and the tuned query on the local engine. An exclusion that takes
out an event of a must-fire case suppresses it, whether or not the rule still fires on what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from fpctl.engine.interface import Table
from fpctl.errors import FpctlError, Problem
from fpctl.exclusions.model import Exclusion
from fpctl.execution.run import RunResult, run_rule
from fpctl.repository.apply import RuleOutcome, applicable, tune
from fpctl.rewrite.plan.model import Insertion, Plan, Skip
from fpctl.rewrite.plan.planner import Planner
from fpctl.rewrite.plan.size_fit import ANY_LENGTH
from fpctl.rewrite.plan.tables_read import tables_read
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rewrite.predicate import UtcRange
from fpctl.rules.formats.registry import LoadedRule
from fpctl.rules.model import Rule
from fpctl.rules.test_cases import Rows, RuleCase, RuleTests
from fpctl.tuning.fixture import laid_out, times_of

CaseStatus = Literal["passed", "suppressed", "still-fires", "wrong-test", "error"]
"""`wrong-test`: the base rule does not fire on an event that must fire, so the test proves nothing."""

Selected = Sequence[tuple[Exclusion, bool]]


@dataclass(frozen=True, slots=True)
class SuppressedBy:
    """An exclusion that suppresses events of a case. `rows` is 0 where it silences the rule by other events."""

    exclusion: str
    rows: int
    clause: str
    position: str
    line: int | None


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What one case came to.

    Attributes:
        base_rows: result rows of the base rule on the events; None if it could not be run. A rule that cannot be
            run on may still be `suppressed`: the events at its clauses are counted all the same.
        tuned_rows: those of the tuned rule.
        suppressed: the exclusions that suppressed events, sorted by id; for an event that must stay quiet,
            those that keep it so.
        any_time: the case has no fixed time, so windows of exclusions were taken to be open.
        error: why it could not be run.
    """

    rule: Rule
    case: RuleCase
    status: CaseStatus
    base_rows: int | None = None
    tuned_rows: int | None = None
    suppressed: tuple[SuppressedBy, ...] = ()
    any_time: bool = False
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the case shows what it is there to show."""
        return self.status == "passed"


def fires(rule: Rule, rows: int) -> bool:
    """Return whether a rule fires on this many result rows: by its trigger where it has one, else on any."""
    threshold = rule.trigger_threshold or 0
    return {
        "gt": rows > threshold, "lt": rows < threshold, "eq": rows == threshold, "ne": rows != threshold,
    }.get(rule.trigger_operator or "gt", rows > 0)  # fmt: skip


def evaluate(rule: Rule, case: RuleCase, selected: Selected, planner: Planner) -> CaseOutcome:
    """Run one case through the base and the tuned rule.

    A case without a fixed `now` happens at noon of the planner's day, and since it could as well happen
    at any other time, windows of exclusions are taken to be open.

    Args:
        selected: the exclusions that reach the rule, each with whether it names the rule.
        planner: plans for the day.
    """
    now = case.now or datetime.combine(planner.today, time(12), UTC)
    any_time = case.now is None and any(one.window is not None for one, _ in selected)
    if any_time:
        selected = [(one.model_copy(update={"window": None}), named) for one, named in selected]
    everything = _joined(case.rows, case.background)
    own = _for_times(planner, everything, now)
    try:
        tuned = own.plan(rule, selected)
        result = _run(rule, tuned, everything, now)
        if result.status == "failed" or result.base_rows is None or result.result is None:
            return _uncertain(rule, tuned, result, case, now, any_time)
        suppressed = _suppressed(rule, tuned, result, case, now)
        base, left = result.base_rows, len(result.result.rows)
        if case.kind == "must-fire":
            if not fires(rule, base):
                return CaseOutcome(rule, case, "wrong-test", base, left, (), any_time)
            if not fires(rule, left) and not suppressed:
                suppressed = _silencers(rule, own, selected, everything, now)
            status: CaseStatus = "suppressed" if suppressed or not fires(rule, left) else "passed"
        else:
            status = "still-fires" if fires(rule, left) else "passed"
    except FpctlError as error:
        return CaseOutcome(rule, case, "error", error=error.message)
    return CaseOutcome(rule, case, status, base, left, suppressed, any_time)


def _uncertain(
    rule: Rule, tuned: TunedRule, result: RunResult, case: RuleCase, now: datetime, any_time: bool
) -> CaseOutcome:
    """Return the outcome where the engine cannot run the whole rule: it may still run it up to the clauses."""
    error = result.error or "the rule could not be run on the events"
    if case.kind == "must-fire":
        hits = _hits_alone(tuned, _joined(case.rows, case.background), now)
        if case.background and any(hits.values()):
            for exclusion, rows in _hits_alone(tuned, case.background, now).items():
                hits[exclusion] -= rows
        suppressed = tuple(_named(exclusion, rows, tuned.plan) for exclusion, rows in sorted(hits.items()) if rows > 0)
        if suppressed:
            return CaseOutcome(rule, case, "suppressed", None, None, suppressed, any_time, error)
    return CaseOutcome(rule, case, "error", error=error)


def _hits_alone(tuned: TunedRule, events: Rows, now: datetime) -> Counter[str]:
    """Return the hits on events, without the rule's result; those that cannot be counted are left out."""
    found: Counter[str] = Counter()
    with laid_out(events, tables_read(tuned), tuned.tables, now) as engine:
        for counting in tuned.counting_queries():
            (answer,) = engine.query_many([counting.text]) if counting.text is not None else (None,)
            if isinstance(answer, Table):
                found.update({hit.exclusion: hit.rows for hit in counting.read(answer.names(), answer.rows).hits})
    return found


def _joined(rows: Rows, background: Rows) -> Rows:
    return {table: (*rows.get(table, ()), *background.get(table, ())) for table in sorted({*rows, *background})}


def _for_times(planner: Planner, events: Rows, now: datetime) -> Planner:
    """Return the planner for the local engine, which needs windows written out for the time of the events."""
    first, last = times_of(events, planner.tables, now)
    within = UtcRange(first - timedelta(days=1), last + timedelta(days=1))
    return Planner(
        planner.tables, planner.fields, planner.today, streamed=planner.streamed, windows_within=lambda *_: within
    )


def _run(rule: Rule, tuned: TunedRule, events: Rows, now: datetime) -> RunResult:
    with laid_out(events, tables_read(tuned), tuned.tables, now) as engine:
        return run_rule(rule, tuned, engine, with_base=True)


def _suppressed(
    rule: Rule, tuned: TunedRule, result: RunResult, case: RuleCase, now: datetime
) -> tuple[SuppressedBy, ...]:
    hits = {hit.exclusion: hit.rows or 0 for hit in result.hits}
    if case.background and any(hits.values()):
        around = _run(rule, tuned, case.background, now)
        for hit in around.hits:
            hits[hit.exclusion] = hits.get(hit.exclusion, 0) - (hit.rows or 0)
    return tuple(_named(exclusion, rows, tuned.plan) for exclusion, rows in sorted(hits.items()) if rows > 0)


def _named(exclusion: str, rows: int, plan: Plan) -> SuppressedBy:
    place = next((one for one in plan.insertions if exclusion in one.exclusions), None)
    if place is None:
        return SuppressedBy(exclusion, rows, "", "", None)
    return SuppressedBy(exclusion, rows, _clause(place), place.position, place.line)


def _clause(insertion: Insertion) -> str:
    return insertion.clause.strip()


def _silencers(
    rule: Rule, planner: Planner, selected: Selected, events: Rows, now: datetime
) -> tuple[SuppressedBy, ...]:
    """Return the exclusions that keep the rule from firing though they suppress no event of the case itself."""
    found: list[SuppressedBy] = []
    whole = planner.plan(rule, selected)
    for exclusion, named in selected:
        alone = planner.plan(rule, [(exclusion, named)])
        if not alone.edits:
            continue
        result = _run(rule, alone, events, now)
        if result.result is not None and not fires(rule, len(result.result.rows)):
            found.append(_named(exclusion.id, 0, alone.plan))
    return tuple(found) or tuple(_named(one.exclusions[0], 0, whole.plan) for one in whole.plan.insertions)


# --------------------------------------------------------------------------- for the verbs that apply and run


@dataclass(frozen=True, slots=True)
class GuardedOutcomes:
    """Outcomes whose rules no longer hold an exclusion that suppresses an attack.

    Attributes:
        outcomes: in the order given. A refused exclusion is a skip with the reason `suppresses-test`.
        suppressing: the must-fire cases that were found suppressed.
        problems: what is wrong in the tests themselves.
    """

    outcomes: tuple[RuleOutcome, ...]
    suppressing: tuple[CaseOutcome, ...]
    problems: tuple[Problem, ...]


def guard(
    outcomes: Iterable[RuleOutcome],
    exclusions: Sequence[Exclusion],
    planner: Planner,
    tests: Callable[[LoadedRule], RuleTests],
    *,
    force: bool = False,
) -> GuardedOutcomes:
    """Remove from tuned rules the exclusions that suppress an event that must fire.

    Args:
        outcomes: as `tune` gives them, for these exclusions and this planner.
        tests: reads a rule's tests.
        force: leave the exclusions in; what they suppress is reported all the same.
    """
    guarded: list[RuleOutcome] = []
    suppressing: list[CaseOutcome] = []
    problems: list[Problem] = []
    for outcome in outcomes:
        read = tests(outcome.loaded) if outcome.tuned is not None and outcome.tuned.edits else RuleTests(())
        problems += read.problems
        refused: dict[str, Skip] = {}
        while read.must_fire() and outcome.tuned is not None and outcome.tuned.edits:
            found = [
                evaluate(outcome.rule, case, _left(outcome.rule, exclusions, refused), planner)
                for case in read.must_fire()
            ]
            if not refused:
                problems += [problem for one in found if (problem := _wrong(one)) is not None]
            bad = [one for one in found if one.status == "suppressed"]
            suppressing += bad
            new = {name: skip for one in bad for name, skip in _skips(one).items() if name not in refused}
            if force or not new:
                break
            refused |= new
            outcome = _without(outcome, exclusions, planner, refused)
        guarded.append(outcome)
    return GuardedOutcomes(tuple(guarded), tuple(suppressing), tuple(problems))


def _left(rule: Rule, exclusions: Sequence[Exclusion], refused: Mapping[str, Skip]) -> Selected:
    return [(one, named) for one, named in applicable(rule, exclusions) if one.id not in refused]


def _skips(outcome: CaseOutcome) -> dict[str, Skip]:
    case = outcome.case
    how = "suppresses" if any(one.rows for one in outcome.suppressed) else "silences the rule on"
    hint = "narrow the exclusion, or accept it with --force REASON"
    if outcome.any_time:
        hint += "; the test has no fixed time, so the exclusion's window was treated as open: set `now` to change that"
    return {
        one.exclusion: Skip(
            one.exclusion,
            "suppresses-test",
            f"it {how} an event that must fire: {case.name} ({case.at})",
            one.line,
            hint,
            True,
        )
        for one in outcome.suppressed
    }


def _without(
    outcome: RuleOutcome, exclusions: Sequence[Exclusion], planner: Planner, refused: Mapping[str, Skip]
) -> RuleOutcome:
    kept = [one for one in exclusions if one.id not in refused]
    style = outcome.tuned.style if outcome.tuned is not None else ANY_LENGTH
    (again,) = tune([outcome.loaded], kept, planner, style=style)
    if again.tuned is None:
        return again
    skips = sorted((*again.tuned.plan.skips, *refused.values()), key=lambda skip: (skip.exclusion, skip.reason))
    tuned = replace(again.tuned, plan=replace(again.tuned.plan, skips=tuple(skips)))
    return replace(again, tuned=tuned, status="refused" if again.status == "unchanged" else again.status)


def _wrong(outcome: CaseOutcome) -> Problem | None:
    """Return what is wrong with a test as a problem; a suppressed event is not a fault of the test."""
    case = outcome.case
    if outcome.status == "wrong-test":
        message = f"`{case.name}` must fire, but the base rule does not fire on it"
        return Problem("wrong-test", message, case.at, "for details, run fpctl test", "warning")
    if outcome.status == "error":
        return Problem("test-not-run", f"`{case.name}` cannot be run: {outcome.error}", case.at, None, "warning")
    return None
