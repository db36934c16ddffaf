"""What the rules read, held against what the engine has: tables, columns, rows, and how fresh they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from fpctl.engine.defender.unified import differences
from fpctl.engine.interface import Engine, EngineError, TableStatus, Timespan
from fpctl.execution.session import missing_hint
from fpctl.execution.table_facts import TableFacts
from fpctl.execution.time_range import range_of
from fpctl.inspection.check_result import CheckResult, counted
from fpctl.kql.analysis import analyse
from fpctl.repository.apply import RuleOutcome
from fpctl.repository.lint import QUERY_LIMIT
from fpctl.rewrite.plan.tables_read import tables_read
from fpctl.rewrite.plan.tuned_rule import TunedRule
from fpctl.rules.model import Rule
from fpctl.spelling import did_you_mean

STALE = timedelta(days=1)
"""A table whose newest row is older than this has perhaps lost its connector."""

Planned = tuple[RuleOutcome, TunedRule]


def unplanned_findings(outcomes: Sequence[RuleOutcome]) -> Iterator[CheckResult]:
    """Yield an error for each rule that cannot be planned, and so cannot be run."""
    for outcome in outcomes:
        if outcome.error is not None:
            path = outcome.rule.path
            hint = outcome.error.hint or f"see `fpctl explain {path}`"
            message = f"the rule cannot be planned: {outcome.error.message}"
            yield CheckResult("settings", "error", path, message, hint, (path,))


def planned_of(outcomes: Sequence[RuleOutcome]) -> list[Planned]:
    """Return the outcomes that could be planned, with their plans."""
    return [(outcome, outcome.tuned) for outcome in outcomes if outcome.tuned is not None]


def table_findings(
    planned: Sequence[Planned],
    engine: Engine,
    now: datetime,
    progress: Callable[[int], None] = lambda done: None,
    facts: TableFacts | None = None,
) -> Iterator[CheckResult]:
    """Yield what is found for each table that the rules read, sorted by table, then for each rule with missing columns.

    Args:
        planned: the rules.
        engine: has the tables.
        now: what the rules' "now" is.
        progress: called with how many rules are done.
        facts: what is known of the tables already; it learns more.
    """
    facts = facts or TableFacts(engine)
    missing: dict[str, list[str]] = defaultdict(list)
    empty: dict[str, list[tuple[str, Timespan | None]]] = defaultdict(list)
    newest: dict[str, TableStatus] = {}
    failed: dict[str, list[str]] = defaultdict(list)
    readers: dict[str, set[str]] = defaultdict(set)
    columns: list[CheckResult] = []
    strange: set[str] = set()
    for done, (outcome, tuned) in enumerate(planned, 1):
        rule = outcome.rule
        wanted = range_of(rule, tuned.query, None, now)
        try:
            statuses = facts.of(tables_read(tuned), wanted)
        except EngineError as error:
            failed[error.message].append(rule.path)
            progress(done)
            continue
        for status in statuses:
            readers[status.name].add(rule.path)
            if not status.exists:
                missing[status.name].append(rule.path)
                if tuned.tables.table(status.name) is None:
                    strange.add(status.name)
            else:
                newest[status.name] = status
                if status.rows_in_range == 0:
                    empty[status.name].append((rule.path, wanted))
        present = [status.name for status in statuses if status.exists]
        columns += _missing_columns(outcome, tuned, {table: engine.stored_columns(table) or {} for table in present})
        progress(done)
    for message, paths in sorted(failed.items()):
        hint = "fix the errors above, or check the rule with `fpctl run`"
        yield CheckResult("tables", "error", engine.name, message, hint, tuple(sorted(paths)))
    there = (facts.names() if missing else None) or []
    for table in sorted(readers):
        rules = tuple(sorted(readers[table]))
        if table in missing:
            hint = missing_hint(engine)
            # A documented name is not a typing error.
            near = did_you_mean(table, there, what="table") if table in strange and there else None
            hint = f"{hint}; {near}" if near else hint
            yield CheckResult("tables", "error", table, "the table does not exist", hint, rules)
        elif table in empty:
            yield _empty(table, newest[table], empty[table], engine)
        else:
            yield _fresh(table, newest[table], now, rules)
    yield from columns


def difference_findings(planned: Sequence[Planned], engine: Engine) -> Iterator[CheckResult]:
    """Yield a warning for each table that rules read and that is not in hunting what it is in Sentinel."""
    if engine.description.capabilities.deploys != "defender":
        return
    readers: dict[str, list[str]] = defaultdict(list)
    for outcome, tuned in planned:
        for table in tables_read(tuned):
            readers[table].append(outcome.rule.path)
    for table in sorted(readers):
        for difference in differences([table]):
            hint = "see docs/engines.md, Hunting in the unified portal"
            yield CheckResult("tables", "warning", table, difference, hint, tuple(sorted(readers[table])))


def _empty(
    table: str, status: TableStatus, readers: Sequence[tuple[str, Timespan | None]], engine: Engine
) -> CheckResult:
    latest = f"; its newest row is of {status.newest:%Y-%m-%d %H:%M} UTC" if status.newest else ""
    widest = min((span.start for _, span in readers if span is not None), default=None)
    since = f" since {widest:%Y-%m-%d %H:%M} UTC, where rules look" if widest is not None else ""
    remote = engine.description.capabilities.remote
    hint = "ensure this data connector is enabled" if remote else "add files of the time that rules look at"
    return CheckResult(
        "tables", "warning", table, f"no rows{since}{latest}", hint,
        tuple(sorted(path for path, _ in readers)),
    )  # fmt: skip


def _fresh(table: str, status: TableStatus, now: datetime, rules: tuple[str, ...]) -> CheckResult:
    if status.rows_in_range is None:
        return CheckResult(
            "tables", "ok", table, "there; its rows are not counted, for each scan is billed", None, rules
        )
    rows = f"{counted(status.rows_in_range, 'row')} where rules look"
    if status.newest is None:
        message = f"{counted(status.rows_in_range, 'row')}; it has no time column"
        return CheckResult("tables", "ok", table, message, None, rules)
    age = now - status.newest
    if age > STALE:
        since = counted(age.days, "day")
        message = f"{rows}, but none for {since}: the newest is of {status.newest:%Y-%m-%d %H:%M} UTC"
        return CheckResult("tables", "warning", table, message, "check that its data connector still sends data", rules)
    return CheckResult(
        "tables", "ok", table, f"{rows}; the newest is of {status.newest:%Y-%m-%d %H:%M} UTC", None, rules
    )


def _missing_columns(
    outcome: RuleOutcome, tuned: TunedRule, live: Mapping[str, Mapping[str, str]]
) -> list[CheckResult]:
    """Return what the rule reads and the engine's tables lack, though documentation or `schema/` has it."""
    known = {(p.code, p.message) for p in tuned.analysis.problems}
    found = []
    for problem in analyse(tuned.query, tuned.tables.with_tables(live)).problems:
        if "column" in problem.code and (problem.code, problem.message) not in known:
            hint = problem.hint or "compare with the table's columns there, or run `fpctl schema pull`"
            path = outcome.rule.path
            found.append(CheckResult("tables", "warning", path, problem.message, hint, (path,)))
    return found


def _enabled(rule: Rule) -> bool:
    """Return whether a rule counts against the service's limits: those that are disabled do not."""
    return str(rule.metadata.get("enabled", True)).strip().lower() not in ("false", "no", "off", "0")


def limit_findings(planned: Sequence[Planned], engine: Engine) -> Iterator[CheckResult]:
    """Yield which limits of the services the rules come near: text, number of rules, calls a minute."""
    long = [
        (outcome.rule.path, len(tuned.tuned))
        for outcome, tuned in planned
        if outcome.rule.kind in ("scheduled", "nrt") and len(tuned.tuned) > QUERY_LIMIT
    ]
    for path, length in long:
        yield CheckResult(
            "limits", "error", path, f"the tuned query has {length:,} characters; Sentinel allows {QUERY_LIMIT:,}",
            "move lists to a watchlist or a saved function", (path,),
        )  # fmt: skip
    for kind, most in (("scheduled", 512), ("nrt", 50)):
        count = sum(outcome.rule.kind == kind and _enabled(outcome.rule) for outcome, _ in planned)
        if count > most:
            yield CheckResult(
                "limits", "warning", f"{kind} rules", f"{count:,} enabled rules; a workspace runs {most:,}",
                "disable rules, spread them over workspaces, or ask Microsoft for a higher limit",
            )  # fmt: skip
    queries = sum(1 + sum(query.text is not None for query in tuned.counting_queries()) for _, tuned in planned)
    message = f"{counted(len(planned), 'rule')}, {counted(queries, 'query', 'queries')}"
    calls = engine.description.capabilities.calls_a_minute
    if calls is not None:
        message += f"; at {calls} calls a minute they take at least {queries / calls:,.1f} minutes"
    if not long:
        yield CheckResult("limits", "ok", engine.name, message)
