"""`fpctl run`: run tuned rules, and record what each exclusion takes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared import test_guard as guarding
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.engine.interface import Timespan
    from fpctl.execution.checkpoint import RunRequest
    from fpctl.execution.run import RunResult
    from fpctl.history.history import History
    from fpctl.repository.apply import RuleOutcome
    from fpctl.repository.model import Repository

SHOWN_ROWS = 20
PLANNED_AT_ONCE = 10
"""Rules planned together: few enough that the engine does not wait for them."""


def command(
    rule: options.Rules = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    engine: options.EngineName = None,
    data: options.DataFolder = None,
    credential: options.Credential = None,
    since: Annotated[str | None, typer.Option("--since", metavar="5d|TIME", help="Only events from then on.")] = None,
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Begin of the range of events.")] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End of the range; the rules' `now()` is then this time."),
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Do not record the runs and their hits.")] = False,
    force: guarding.Force = None,
    history: options.HistoryPlace = None,
    config: options.ConfigFile = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads of the local engine.")] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Memory limit of the local engine, such as 2GB.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=0.001, max=604_800, help="Give up a query after so long."),
    ] = None,
    at_once: Annotated[
        int | None,
        typer.Option(
            "--at-once",
            metavar="N",
            min=1,
            max=50,
            help="Rules under way, and requests to the service, at a time.",
            show_default="the engine's `concurrency`; with local always 1, on all cores",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last run: only the rules that it has not done, or failed.")
    ] = False,
    no_fold: options.NoFold = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Plan the rules and show what would be run; ask no engine.")
    ] = False,
    format: options.TextFormat = "text",
) -> int:
    """Run tuned rules, and record what each exclusion takes out.

    Shows the result rows, and a line per exclusion: hits, unique hits, first and last event time.
    Exit code 1: an exclusion could not be placed in a rule it names, or a table holds no rows. 2: a rule
    could not be planned or run, or its hits are unknown.
    """
    from fpctl.cli.shared.audit_log import noticed
    from fpctl.cli.shared.context import open_workspace
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.registry import describe, open_engine
    from fpctl.execution.checkpoint import FILE_NAME, Checkpoint, RunRequest, read_interrupted
    from fpctl.execution.drift_check import DriftWatch
    from fpctl.execution.run_summary import RunSummary
    from fpctl.execution.session import Session, rule_key, text_hash
    from fpctl.execution.time_range import window_range
    from fpctl.history.history import History
    from fpctl.report.runs import run_to_dict
    from fpctl.repository.apply import tune
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    clock = datetime.now(UTC)
    now = options.parse_moment(to, clock, "--to") if to is not None else clock
    timespan = _timespan(since, begin, now, bounded=to is not None)
    workspace = open_workspace(config, rules, exclusions)
    repository, settings = workspace.repository, workspace.settings
    place = settings.paths.root / FILE_NAME
    done: frozenset[tuple[str, str]] = frozenset()
    if resume:
        if rule or engine or data or since or begin or to or no_record or no_fold:
            raise typer.BadParameter("--resume goes on with what was asked for: give no rules, engine, data or range")
        unfinished = read_interrupted(place)
        request, done = unfinished.request, unfinished.done
        now, timespan = request.now, _span_of(request)
    else:
        folder = data or settings.paths.data
        request = RunRequest(
            now,
            timespan.start if timespan else None,
            timespan.end if timespan else None,
            engine or settings.engine.default,
            tuple(rule or ()),
            str(folder) if folder else None,
            folds=not no_fold,
        )
    chosen = repository.rules.select(request.rules)
    able = describe(request.engine).capabilities
    windows = None if able.local_time else window_range(timespan, now)
    planner = repository.planner(now.date(), windows_within=windows)
    tally = RunSummary(len(chosen))

    guarded = guarding.Checked([])

    def planned() -> Iterator[RuleOutcome]:
        """Plan a few rules at a time, while others run."""
        nonlocal guarded
        active = repository.active()
        source = tune(chosen, active, planner, style=ClauseStyle(folds=request.folds))
        while few := list(islice(source, PLANNED_AT_ONCE)):
            found = guarding.checked(few, active, planner, force)
            guarded = guarded.with_more(found)
            for outcome in found.outcomes:
                if outcome.tuned is None:
                    tally.unplanned += 1
                elif (rule_key(outcome.rule), text_hash(outcome.tuned.tuned)) in done:
                    tally.before += 1
                else:
                    yield outcome

    if dry_run:
        ready = list(planned())
        return _dry_run(ready, guarded, force, repository, request.engine, format)
    opened = open_engine(
        request.engine,
        settings,
        EngineOptions(
            data=Path(request.data) if request.data else None,
            now=now,
            tables=repository.tables,
            threads=threads,
            memory=memory,
            timeout=timeout,
            credential=credential,
            concurrency=at_once,
        ),
    )
    results: list[RunResult] = []
    try:
        with output.progress("Running rules", len(chosen)) as update:
            store = None if no_record else History.open(history or settings.history.url)
            if store is not None:
                place_of_exclusions = exclusions or settings.paths.exclusions
                noticed(store, repository.exclusions, place_of_exclusions, settings, datetime.now(UTC))
            checkpoint = Checkpoint(place, request, done) if store is not None and len(chosen) > 1 else None
            try:
                session = Session(
                    opened,
                    timespan,
                    now,
                    lambda: datetime.now(UTC),
                    {loaded.id: loaded for loaded in repository.exclusions.exclusions},
                    store,
                    with_base=able.free_queries,
                    concurrency=opened.concurrency,
                    watch=DriftWatch([one.exclusion for one in repository.exclusions.exclusions], planner, store),
                )
                for result in session.run(planned()):
                    # What is shown later is little; the rest of the rows would stay until the last rule has run.
                    results.append(replace(result, result=result.result and result.result.first(SHOWN_ROWS)))
                    tally.add(result)
                    if checkpoint is not None and result.status == "ok":
                        checkpoint.add(rule_key(result.rule), text_hash(result.tuned.tuned))
                    update(tally.done, tally.note())
                if store is not None and settings.history.keep_raw_days is not None:
                    _prune(store, settings.history.keep_raw_days, clock)
            except KeyboardInterrupt:
                if checkpoint is not None:
                    output.say(
                        f"{tally.done:,} of {tally.rules:,} rules are done; `fpctl run --resume` does the others"
                    )
                raise
            finally:
                if checkpoint is not None:
                    checkpoint.close(finished=tally.finished)
                if store is not None:
                    store.close()
    finally:
        opened.close()
    outcomes = guarded.outcomes
    order = {id(outcome.tuned): at for at, outcome in enumerate(outcomes)}
    results.sort(key=lambda result: order[id(result.tuned)])
    errors = [outcome for outcome in outcomes if outcome.error is not None]
    if format == "json":
        failed = [
            {"rule": o.rule.id, "status": "failed", "engine": opened.name, **_NOT_KNOWN, "error": str(o.error)}
            for o in errors
        ]
        runs = [*(run_to_dict(result) for result in results), *failed]
        output.show_json({"runs": runs, "summary": tally.to_dict()})
    else:
        for result in results:
            _show(result)
    output.show_problems(repository.problems)
    if not no_record:
        guarding.record(guarded, force, workspace, exclusions, clock)
    guarding.say(guarded, force)
    for outcome in errors:
        output.say(output.visible_lines(str(outcome.error)))
    for outcome in outcomes:
        for skip in outcome.findings:
            output.say(f"{outcome.rule.path}: refused: {skip.exclusion} [{skip.reason}] {skip.message}")
    for result in results:
        if result.error is not None:
            output.say(output.visible_lines(f"{result.at or result.rule.path}: {result.error}"))
            if result.caret:
                output.say(output.visible_lines(result.caret))
            if result.hint:
                output.say(f"  hint: {result.hint}")
        for note in result.notes:
            output.say(f"{result.rule.path}: {note}")
        for drift in result.drift:
            output.say(output.visible_lines(f"{result.rule.path}: warning: {drift.message} [{drift.code}]"))
    if tally.rules > 1:
        output.say(tally.summary())
        if checkpoint is not None and not tally.finished:
            output.say("  hint: `fpctl run --resume` runs those again that are not done")
    if errors or repository.broken or any(result.status != "ok" for result in results):
        return EXIT_ERROR
    if any(outcome.findings for outcome in outcomes) or any(result.notes for result in results):
        return EXIT_FINDINGS
    return EXIT_OK


def _prune(store: History, days: int, clock: datetime) -> None:
    before = clock.date() - timedelta(days=days)
    removed = store.prune(before)
    if removed:
        output.say(
            f"{removed:,} hits of single runs before {before} are kept by day only from now on (history.keep_raw_days)"
        )


_NOT_KNOWN: dict[str, Any] = {
    "rows_before": None,
    "rows_suppressed": None,
    "result_rows": None,
    "hits": [],
    "drift": [],
    "at": None,
}


def _span_of(request: RunRequest) -> Timespan | None:
    from fpctl.engine.interface import Timespan

    return Timespan(request.start, request.end) if request.start and request.end else None


def _dry_run(
    ready: Sequence[RuleOutcome],
    guarded: guarding.Checked,
    force: str | None,
    repository: Repository,
    engine: str,
    format: str,
) -> int:
    """Show what would be run: each rule with its tables, exclusions and number of queries."""
    from fpctl.cli.shared.outcomes import talk
    from fpctl.report.runs import planned_to_dict

    planned = [planned_to_dict(outcome, outcome.tuned, engine) for outcome in ready if outcome.tuned is not None]
    if format == "json":
        output.show_json({"runs": planned})
    else:
        output.show_table(
            ["rule", "tables", "exclusions", "queries"],
            [[one["name"], ", ".join(one["tables"]), len(one["exclusions"]), one["queries"]] for one in planned],
            right=("exclusions", "queries"),
        )
    output.show_problems(repository.problems)
    guarding.say(guarded, force)
    talk(guarded.outcomes)
    queries = sum(one["queries"] for one in planned)
    output.say(f"{output.counted(len(planned), 'rule')} would run with the engine {engine}: {queries:,} queries")
    if repository.broken or any(outcome.status == "error" for outcome in guarded.outcomes):
        return EXIT_ERROR
    return EXIT_FINDINGS if any(outcome.findings for outcome in guarded.outcomes) else EXIT_OK


def _timespan(since: str | None, begin: str | None, now: datetime, *, bounded: bool) -> Timespan | None:
    from fpctl.engine.interface import Timespan

    if since is not None and begin is not None:
        raise typer.BadParameter("give --since or --from, not both")
    start = since or begin
    if start is None:
        if bounded:
            return Timespan(datetime(1, 1, 1, tzinfo=UTC), now)
        return None
    option = "--from" if since is None else "--since"
    span = Timespan(options.parse_moment(start, now, option), now)
    if span.start >= span.end:
        raise typer.BadParameter(f"the range ends at {span.end:%Y-%m-%d %H:%M}, before it begins")
    return span


def _show(result: RunResult) -> None:
    output.write(f"{output.visible(result.rule.name)}\n  {result.rule.id}\n\n")
    table = result.result
    if table is not None:
        output.show_table(table.names(), [list(row) for row in table.rows[:SHOWN_ROWS]])
        if table.count > SHOWN_ROWS:
            output.write(f"... and {table.count - SHOWN_ROWS:,} more rows\n")
        base = f" (without exclusions {result.base_rows:,})" if result.base_rows is not None else ""
        output.write(f"\nResult rows: {table.count:,}{base}\n")
    if result.rows_before is not None and result.rows_suppressed is not None:
        left = result.rows_before - result.rows_suppressed
        output.write(f"Rows at the clauses: {result.rows_before:,} before, {left:,} after\n")
    if result.hits:
        output.write("\n")
        output.show_table(
            ["exclusion", "hits", "unique", "first", "last"],
            [[h.exclusion, h.rows, h.unique, h.first, h.last] for h in result.hits],
            right=("hits", "unique"),
        )
    if result.shadow:
        output.write("\nOnly counted, nothing is taken out (status: shadow)\n")
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
    output.write("\n")
