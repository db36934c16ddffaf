"""`fpctl apply`: rewrite rules with the exclusions that apply to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared import test_guard as guarding
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK


def command(
    rule: options.Rules = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write every rule below DIR, under its path in the rules folder.",
            show_default="standard output; with --check the `out` of the settings",
        ),
    ] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what changes, as a unified diff.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when DIR is not up to date.")] = False,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="Plan as of a day.", show_default="today")
    ] = None,
    no_fold: options.NoFold = False,
    lists: Annotated[
        Literal["watchlist", "function"], typer.Option("--lists", help="Where lists go for which a rule has no room.")
    ] = "watchlist",
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not parse the tuned queries again.")] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, metavar="N", help="Processes to plan with.", show_default="one per core"),
    ] = None,
    force: guarding.Force = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Rewrite rules with the exclusions that apply to them.

    Without --out the tuned rules go to stdout. An exclusion that takes out an event which a test of the
    rule says must fire is refused, unless --force gives a reason. Exit code 1 means that an exclusion was
    refused or names a rule it cannot be placed in (or, with --check, that DIR is not up to date); 2 that
    something could not be read.
    """
    from fpctl.cli.shared.audit_log import glanced
    from fpctl.cli.shared.context import open_workspace
    from fpctl.cli.shared.outcomes import show_diff, talk
    from fpctl.files import write_text
    from fpctl.report.explanation import apply_to_dict
    from fpctl.repository.apply import (
        OWN_PARSER_ONLY,
        UNVERIFIED,
        VERIFIED,
        RuleOutcome,
        differences,
        external_list_files,
        tuned_files,
    )
    from fpctl.repository.parallel import Planning, tune_in_parallel
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    today = options.parse_day(on)
    workspace = open_workspace(config, rules, exclusions)
    if check and out is None:
        out = workspace.settings.paths.out
        if out is None:
            raise typer.BadParameter("--check compares with what is in --out DIR; give it, or set `out` in [paths]")
    glanced(workspace.repository.exclusions, exclusions, workspace.settings, options.now())
    chosen = workspace.repository.rules.select(rule or [])
    active, planner = workspace.repository.active(), workspace.repository.planner(today)
    planning = Planning(
        active,
        planner,
        # What is written has been read by the independent readers; comparing with it need not do so again.
        UNVERIFIED if no_verify else OWN_PARSER_ONLY if check else VERIFIED,
        style=ClauseStyle(folds=not no_fold, fits=True, store=lists),
    )
    planned = tune_in_parallel(chosen, planning, jobs)
    outcomes: list[RuleOutcome] = []
    with output.progress("Rewriting rules", len(chosen)) as update:
        for outcome in planned:
            outcomes.append(outcome)
            update(len(outcomes))
    found = guarding.checked(outcomes, active, planner, force)
    outcomes = found.outcomes
    files, faults = tuned_files(outcomes)
    beside = external_list_files(outcomes)
    stale = differences([*files, *beside], out) if check and out is not None else []
    if format == "json":
        output.show_json({"rules": [apply_to_dict(outcome) for outcome in outcomes]})
    elif diff:
        for outcome in outcomes:
            show_diff(outcome)
    elif out is None and not check:
        for file in files:
            if len(files) > 1:
                output.say(f"--- {file.relative}")
            output.write(file.text)
    if out is not None and not check:
        guarding.record(found, force, workspace, exclusions, options.now())
        for file in (*files, *beside):
            write_text(out / file.relative, file.text, durable=False)
        output.say(f"{output.counted(len(files), 'rule file')} written to {out}")
        if beside:
            output.say(f"to be loaded before them: {', '.join(f'{out}/{file.relative}' for file in beside)}")
    output.show_problems(workspace.repository.problems)
    guarding.say(found, force)
    talk(outcomes)
    for fault in faults:
        output.say(output.visible_lines(str(fault)))
    for path in stale:
        output.say(f"{out}/{path}: not up to date")
    if stale:
        output.say(f"  hint: fpctl apply --out {out}")
    if faults or workspace.repository.broken or any(o.status == "error" for o in outcomes):
        return EXIT_ERROR
    if stale or any(o.findings for o in outcomes):
        return EXIT_FINDINGS
    return EXIT_OK
