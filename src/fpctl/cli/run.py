"""`fpctl run`: run tuned rules, and record what each exclusion takes out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli import options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.engine.interface import Timespan
    from fpctl.execution.run import RunResult

SHOWN_ROWS = 20


def command(
    rule: options.Rules = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    engine: options.EngineName = None,
    data: options.DataFolder = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="5d|TIME", help="Only events from then on.")
    ] = None,
    begin: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Begin of the range of events.")] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End of the range; the rules' `now()` is then this time."),
    ] = None,
    no_record: Annotated[bool, typer.Option("--no-record", help="Do not record the runs and their hits.")] = False,
    history: options.HistoryPlace = None,
    config: options.ConfigFile = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads of the local engine.")] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", metavar="SIZE", help="Memory limit of the local engine, such as 2GB.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Give up a query after so long.")
    ] = None,
    format: options.TextFormat = "text",
) -> int:
    """Run tuned rules, and record what each exclusion takes out.

    Shows the result rows, and a line per exclusion: hits, unique hits, first and last event time.
    Exit code 1: an exclusion could not be placed in a rule it names, or a table holds no rows. 2: a rule
    could not be planned or run, or its hits are unknown.
    """
    from fpctl.cli.workspace import open_workspace
    from fpctl.engine.selection import open_engine
    from fpctl.execution.session import Session
    from fpctl.execution.time_range import window_range
    from fpctl.history.repository import History
    from fpctl.report.runs import run_to_dict
    from fpctl.rewrite.apply import tune

    clock = datetime.now(UTC)
    now = options.parse_moment(to, clock) if to else clock
    timespan = _timespan(since, begin, now, bounded=to is not None)
    workspace = open_workspace(config, rules, exclusions)
    repository = workspace.repository
    chosen = repository.rules.select(rule or [])
    opened = open_engine(
        engine or workspace.settings.engine.default,
        settings=workspace.settings,
        data=data or workspace.settings.paths.data,
        now=now,
        tables=repository.tables,
        threads=threads,
        memory=memory,
        timeout=timeout,
    )
    results: list[RunResult] = []
    try:
        with output.progress("Running rules", len(chosen)) as update:
            # DuckDB has no KQL function for local times; the services have.
            windows = window_range(timespan, now) if opened.name == "local" else None
            planner = repository.planner(now.date(), windows_within=windows)
            outcomes = list(tune(chosen, repository.active(), planner))
            store = None if no_record else History.open(history or workspace.settings.history.url)
            try:
                session = Session(
                    opened,
                    timespan,
                    now,
                    lambda: datetime.now(UTC),
                    {loaded.id: loaded for loaded in repository.exclusions.exclusions},
                    store,
                    with_base=opened.name == "local",
                )
                for result in session.run(outcomes):
                    results.append(result)
                    update(len(results))
            finally:
                if store is not None:
                    store.close()
    finally:
        opened.close()
    errors = [outcome for outcome in outcomes if outcome.error is not None]
    if format == "json":
        failed = [
            {"rule": o.rule.id, "status": "failed", "engine": opened.name, **_NOT_KNOWN, "error": str(o.error)} for o in errors
        ]
        output.show_json({"runs": [*(run_to_dict(result) for result in results), *failed]})
    else:
        for result in results:
            _show(result)
    output.show_problems(repository.problems)
    for outcome in errors:
        output.say(output.visible_lines(str(outcome.error)))
    for outcome in outcomes:
        for skip in outcome.findings:
            output.say(f"{outcome.rule.path}: refused: {skip.exclusion} [{skip.reason}] {skip.message}")
    for result in results:
        if result.error is not None:
            output.say(output.visible_lines(f"{result.rule.path}: {result.error}"))
            if result.hint:
                output.say(f"  hint: {result.hint}")
        for note in result.notes:
            output.say(f"{result.rule.path}: {note}")
    if errors or repository.broken or any(result.status != "ok" for result in results):
        return EXIT_ERROR
    if any(outcome.findings for outcome in outcomes) or any(result.notes for result in results):
        return EXIT_FINDINGS
    return EXIT_OK


_NOT_KNOWN: dict[str, Any] = {"rows_before": None, "rows_suppressed": None, "result_rows": None, "hits": []}


def _timespan(since: str | None, begin: str | None, now: datetime, *, bounded: bool) -> Timespan | None:
    from fpctl.engine.interface import Timespan

    if since is not None and begin is not None:
        raise typer.BadParameter("give --since or --from, not both")
    start = since or begin
    if start is None:
        if bounded:
            return Timespan(datetime(1, 1, 1, tzinfo=UTC), now)
        return None
    span = Timespan(options.parse_moment(start, now), now)
    if span.start >= span.end:
        raise typer.BadParameter(f"the range ends at {span.end:%Y-%m-%d %H:%M}, before it begins")
    return span


def _show(result: RunResult) -> None:
    output.write(f"{output.visible(result.rule.name)}\n  {result.rule.id}\n\n")
    table = result.result
    if table is not None:
        output.show_table(table.names(), [list(row) for row in table.rows[:SHOWN_ROWS]])
        if len(table.rows) > SHOWN_ROWS:
            output.write(f"... and {len(table.rows) - SHOWN_ROWS:,} more rows\n")
        base = f" (without exclusions {result.base_rows:,})" if result.base_rows is not None else ""
        output.write(f"\nResult rows: {len(table.rows):,}{base}\n")
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
    output.write("\n")
