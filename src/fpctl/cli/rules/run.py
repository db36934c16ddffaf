"""`fpctl run`: run tuned rules, and record what each exclusion suppresses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import exit_code, report_outcomes, say_drafts
from fpctl.cli.shared.test_guard import Guarded, guard_outcomes
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, Problem

if TYPE_CHECKING:
    from fpctl.cli.shared.row_output import RowOutput
    from fpctl.engine.interface import Engine
    from fpctl.execution.batch import Batch
    from fpctl.execution.checkpoint import Checkpoint, RunRequest
    from fpctl.execution.run import RunResult
    from fpctl.history.anchor import Anchor
    from fpctl.history.history import History
    from fpctl.repository.apply import RuleOutcome

SHOWN_ROWS = 20

RunFormat = Annotated[
    Literal["text", "json", "csv", "jsonl", "parquet"], typer.Option("--format", help="Output format.")
]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What is run, and whether it is recorded."""

    no_record: Annotated[bool, typer.Option("--no-record", help="Do not record runs and hits.")] = False
    force: options.Force = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the last run: only rules that failed or were not run.")
    ] = False
    no_fold: options.NoFold = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Plan the rules and show what would run, without using an engine.")
    ] = False
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write the result rows below DIR, a file for each rule."),
    ] = None


@dataclass(slots=True)
class TrailState:
    """The last entry of the audit trail after the runs, and whether the trail still has the entry that git notes."""

    head: Anchor | None = None
    as_noted: bool = True


def command(
    files: options.AllFiles,
    engine: options.EngineOptions,
    range: options.RangeOptions,
    run: RunOptions,
    limits: options.EngineLimits,
    rule: options.Rules = None,
    format: RunFormat = "text",
) -> int:
    """Run tuned rules and count what each exclusion suppresses.

    Shows the first 20 result rows and, for each exclusion, hits, unique hits, and the times of the first and last
    event. The formats csv, jsonl and parquet write every result row: of one rule to stdout, of several rules to
    files in --out.

    Exit code 1: an exclusion could not be placed in a rule that it names, or a table has no rows. 2: a rule could
    not be planned or run, or its hits are unknown.
    """
    from fpctl.cli.shared.row_output import row_output
    from fpctl.engine.registry import describe
    from fpctl.execution.batch import Batch
    from fpctl.execution.time_range import window_range

    context = AppContext(files)
    request, done = _request(context, engine, range, run, rule)
    exclusions = context.repository.active()
    able = describe(request.engine).capabilities
    windows = None if able.local_time else window_range(request.timespan, request.now)
    planner = context.planner(request.now.date(), within=windows, over_past=request.over_past)
    guarded = Guarded([], run.force)

    def check(few: Sequence[RuleOutcome]) -> Sequence[RuleOutcome]:
        nonlocal guarded
        found = guard_outcomes(few, exclusions, planner, run.force)
        guarded = guarded.with_more(found)
        return found.outcomes

    batch = Batch(context.select(request.rules), exclusions, planner, request.folds, check, done)
    rows = row_output(format, run.out, [loaded.rule for loaded in batch.rules]) if not run.dry_run else None
    if run.dry_run:
        ready = list(batch.planned())
        return _dry_run(context, ready, guarded, request.engine, format)
    trail = TrailState()
    with context.engine(_engine_of(request, engine), request.now, limits) as opened:
        _run(context, batch, request, opened, None if run.no_record else trail, rows)
        name = opened.name
    if rows is None:
        _show_runs(batch, name, trail, context.repository.problems, format)
    output.show_problems(context.repository.problems)
    if not run.no_record:
        guarded.record(context.audit_log)
    guarded.report()
    _report(batch, resumable=not run.no_record)
    if trail.head is not None and os.environ.get("CI"):
        output.say(f"audit trail: {trail.head}")
    return max(_exit_code(context, batch), EXIT_OK if trail.as_noted else EXIT_FINDINGS)


def _request(
    context: AppContext,
    engine: options.EngineOptions,
    range: options.RangeOptions,
    run: RunOptions,
    patterns: list[str] | None,
) -> tuple[RunRequest, frozenset[tuple[str, str]]]:
    """Return what is to be run, and what of it an interrupted run has done."""
    from fpctl.execution.checkpoint import FILE_NAME, RunRequest, read_interrupted

    if run.resume:
        asked = patterns, engine.engine, engine.data, range.since, range.begin, range.to, run.no_record, run.no_fold
        if any(asked):
            raise typer.BadParameter("--resume continues the previous run: do not give rules, engine, data or range")
        unfinished = read_interrupted(context.state / FILE_NAME)
        return unfinished.request, unfinished.done
    now = range.now(context.now)
    span = range.timespan(now)
    folder = engine.data or context.settings.paths.data
    request = RunRequest(
        now,
        span.start if span else None,
        span.end if span else None,
        engine.engine or context.settings.engine.default,
        tuple(patterns or ()),
        str(folder) if folder else None,
        folds=not run.no_fold,
        over_past=now.date() < context.today,
    )
    return request, frozenset()


def _engine_of(request: RunRequest, engine: options.EngineOptions) -> options.EngineOptions:
    data = Path(request.data) if request.data else None
    return replace(engine, engine=request.engine, data=data)


def _run(
    context: AppContext,
    batch: Batch,
    request: RunRequest,
    engine: Engine,
    trail: TrailState | None,
    rows: RowOutput | None,
) -> None:
    """Run the rules; what has run is recorded also where a later rule fails or the command is interrupted."""
    from fpctl.execution.drift_check import DriftWatch
    from fpctl.execution.session import Session

    exclusions = context.repository.exclusions.exclusions
    with (
        output.progress("Running rules", len(batch.rules)) as update,
        _recording(context, trail) as store,
        _checkpoint(context, batch, request, recorded=trail is not None) as checkpoint,
    ):
        session = Session(
            engine,
            request.timespan,
            request.now,
            options.now,
            {loaded.id: loaded for loaded in exclusions},
            store,
            with_base=engine.description.capabilities.free_queries,
            concurrency=engine.concurrency,
            watch=DriftWatch(context.repository.active(), batch.planner, store),
        )
        batch.run(session, checkpoint, update, rows.write if rows is not None else lambda result: None)


@contextmanager
def _recording(context: AppContext, trail: TrailState | None) -> Iterator[History | None]:
    """Open the history for writing; at the end, keep hits of old runs by day only, if the settings say so."""
    if trail is None:
        yield None
        return
    from fpctl.history.history import History

    with History.open(context.history_place) as store:
        trail.as_noted = context.audit_log.check_anchor(store)
        context.audit_log.notice(store)
        yield store
        trail.head = store.trail.head()
        days = context.settings.history.keep_raw_days
        before = context.today - timedelta(days=days) if days is not None else None
        removed = store.prune(before) if before is not None else 0
        if removed:
            text = f"{removed:,} hits of single runs before {before} were pruned; their daily totals are kept"
            output.say(f"{text} (history.keep_raw_days)")


@contextmanager
def _checkpoint(
    context: AppContext, batch: Batch, request: RunRequest, *, recorded: bool
) -> Iterator[Checkpoint | None]:
    """Keep the file by which an interrupted run can go on; one rule needs none."""
    if not recorded or len(batch.rules) <= 1:
        yield None
        return
    from fpctl.execution.checkpoint import FILE_NAME, Checkpoint

    checkpoint = Checkpoint(context.state / FILE_NAME, request, batch.done)
    try:
        yield checkpoint
    except KeyboardInterrupt:
        done = f"{batch.summary.done:,} of {batch.summary.rules:,} rules are done"
        output.say(f"{done}; `fpctl run --resume` runs the others")
        raise
    finally:
        checkpoint.close(finished=batch.summary.finished)


def _show_runs(batch: Batch, engine: str, trail: TrailState, problems: Sequence[Problem], format: str) -> None:
    from fpctl.report.runs import run_to_dict, unplanned_to_dict

    results = batch.in_order()
    if format != "json":
        for result in results:
            # Why one of several failed is said below, and the table after them lists it.
            if len(results) == 1 or result.result is not None:
                _show(result)
        if len(batch.rules) > 1:
            _show_summary(results)
        return
    failed = [unplanned_to_dict(outcome, engine) for outcome in batch.outcomes if outcome.error is not None]
    runs = [*(run_to_dict(result) for result in results), *failed]
    head = str(trail.head) if trail.head is not None else None
    output.show_json({"runs": runs, "summary": batch.summary.to_dict(), "trail": head}, problems)


def _show_summary(results: Sequence[RunResult]) -> None:
    """Print a line for each rule that ran."""
    output.show_table(
        ["rule", "status", "rows", "without exclusions", "suppressed"],
        [
            [one.rule.name, one.status, one.result and one.result.count, one.base_rows, one.rows_suppressed]
            for one in results
        ],
        right=("rows", "without exclusions", "suppressed"),
    )


def _report(batch: Batch, *, resumable: bool) -> None:
    """Report on stderr what went wrong, and the summary."""
    for outcome in batch.outcomes:
        if outcome.error is not None:
            output.say(output.visible_lines(str(outcome.error)))
    for outcome in batch.outcomes:
        for skip in outcome.findings:
            text = f"{outcome.rule.path}: refused: {skip.exclusion} [{skip.reason}] {skip.message}"
            output.say(output.visible_lines(text))
    for result in batch.in_order():
        _report_run(result)
    say_drafts(batch.outcomes)
    if len(batch.rules) > 1:
        output.say(batch.summary.summary())
        if resumable and not batch.summary.finished:
            output.say("  hint: `fpctl run --resume` runs the rules that are not done")


def _report_run(result: RunResult) -> None:
    if result.error is not None:
        output.say(output.visible_lines(f"{result.at or result.rule.path}: {result.error}"))
        if result.caret:
            output.say(output.visible_lines(result.caret))
        if result.hint:
            output.say(f"  hint: {result.hint}")
    for note in result.notes:
        output.say(output.visible_lines(f"{result.rule.path}: {note}"))
    for drift in result.drift:
        output.say(output.visible_lines(f"{result.rule.path}: warning: {drift.message} [{drift.code}]"))


def _exit_code(context: AppContext, batch: Batch) -> int:
    failed = any(outcome.error is not None for outcome in batch.outcomes)
    if failed or context.repository.broken or any(result.status != "ok" for result in batch.results):
        return EXIT_ERROR
    noted = any(result.notes for result in batch.results)
    return EXIT_FINDINGS if noted or any(outcome.findings for outcome in batch.outcomes) else EXIT_OK


def _dry_run(context: AppContext, ready: Sequence[RuleOutcome], guarded: Guarded, engine: str, format: str) -> int:
    """Show what would be run: each rule with its tables, exclusions and number of queries."""
    from fpctl.report.runs import planned_to_dict

    planned = [planned_to_dict(outcome, outcome.tuned, engine) for outcome in ready if outcome.tuned is not None]
    if format == "json":
        output.show_json({"runs": planned}, context.repository.problems)
    else:
        output.show_table(
            ["rule", "tables", "exclusions", "queries"],
            [[one["name"], ", ".join(one["tables"]), len(one["exclusions"]), one["queries"]] for one in planned],
            right=("exclusions", "queries"),
        )
    output.show_problems(context.repository.problems)
    guarded.report()
    report_outcomes(guarded.outcomes)
    queries = sum(one["queries"] for one in planned)
    output.say(f"{output.counted(len(planned), 'rule')} would run with the engine {engine}: {queries:,} queries")
    return exit_code(guarded.outcomes, broken=context.repository.broken)


def _own(result: RunResult) -> str:
    """Return where the range comes from if it is the rule's own period."""
    from fpctl.execution.time_range import own_period

    span, rule = result.span, result.rule
    if span is None or own_period(rule) != span.end - span.start:
        return ""
    key = f"a detection that runs every {rule.query_frequency}" if rule.query_period is None else "queryPeriod"
    return f" ({key}; --since or --from overrides it)"


def _show(result: RunResult) -> None:
    output.write(f"{output.visible(result.rule.name)}\n  {output.visible(result.rule.id)}\n")
    if result.span is not None and result.span.start.year > 1:
        period = f"{result.span.start:%Y-%m-%d %H:%M} to {result.span.end:%Y-%m-%d %H:%M} UTC"
        output.write(f"  events of {period}{_own(result)}\n")
    output.write("\n")
    table = result.result
    if table is not None:
        output.show_table(table.names(), [list(row) for row in table.rows[:SHOWN_ROWS]], identifiers=True)
        if table.count > SHOWN_ROWS:
            more = f"... and {table.count - SHOWN_ROWS:,} more rows"
            output.write(f"{more} (--format csv, jsonl or parquet writes all of them)\n")
        base = f" (without exclusions {result.base_rows:,})" if result.base_rows is not None else ""
        output.write(f"\nResult rows: {table.count:,}{base}\n")
    if result.rows_before is not None and result.rows_suppressed is not None:
        left = result.rows_before - result.rows_suppressed
        output.write(f"Rows at the clauses: {result.rows_before:,} before, {left:,} after\n")
    for connector in result.connectors:
        output.write(f"Data connector {output.visible(connector.id)}: {output.visible(connector.words())}\n")
    if result.scanned_rows is not None:
        output.write(f"Rows scanned by the service: {result.scanned_rows:,}\n")
    if result.hits:
        output.write("\n")
        output.show_table(
            ["exclusion", "hits", "unique", "first", "last"],
            [[h.exclusion, h.rows, h.unique, h.first, h.last] for h in result.hits],
            right=("hits", "unique"),
        )
    if result.shadow:
        _show_shadow(result)
    output.write("\n")


def _show_shadow(result: RunResult) -> None:
    output.write("\nOnly counted, nothing is suppressed (status: shadow)\n")
    output.show_table(
        ["exclusion", "would hit", "unique", "first", "last", "result rows"],
        [[h.exclusion, h.rows, h.unique, h.first, h.last, h.tagged] for h in result.shadow],
        right=("would hit", "unique", "result rows"),
    )
    for hit in result.shadow:
        if hit.tagged:
            output.write(f"{hit.exclusion}: these result rows have its id in SuppressedBy\n")
        elif hit.untagged is not None:
            output.write(f"{hit.exclusion}: no SuppressedBy in the result: {output.visible(hit.untagged)}\n")
