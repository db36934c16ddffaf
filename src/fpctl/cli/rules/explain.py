"""`fpctl explain`: show where each clause goes in a rule, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import exit_code


def command(
    files: options.RepositoryFiles,
    rule: options.Rules = None,
    exclusion: Annotated[
        list[str] | None,
        typer.Option(
            "--exclusion", metavar="ID", help="Only these exclusions.", autocompletion=completion.exclusion_ids
        ),
    ] = None,
    columns: Annotated[bool, typer.Option("--columns", help="List every visible column.")] = False,
    on: options.On = None,
    no_fold: options.NoFold = False,
    format: options.TextFormat = "text",
) -> int:
    """Show a rule's pipeline with its insertion points and visible columns, where each clause goes, and why.

    Exit code 1: an exclusion could not be placed in a rule that it names. 2: a rule could not be planned.
    """
    from fpctl.report.explanation import explanation_to_dict, picture
    from fpctl.repository.apply import tune
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    context = AppContext(files)
    repository = context.repository
    context.audit_log.glance()
    chosen = context.select(rule)
    wanted = [one.exclusion for one in context.pick(exclusion)] if exclusion else repository.active()
    planner, style = context.planner(options.parse_day(on)), ClauseStyle(folds=not no_fold)
    with output.progress("Explaining rules", len(chosen)) as update:
        outcomes = list(
            tune(chosen, wanted, planner, verified=False, style=style, progress=lambda done, _: update(done))
        )
    if format == "json":
        output.show_json({"rules": [explanation_to_dict(outcome) for outcome in outcomes]}, repository.problems)
    else:
        for index, outcome in enumerate(outcomes):
            lines = picture(outcome, all_columns=columns)
            output.write(("\n" if index else "") + "".join(f"{output.visible(line)}\n" for line in lines))
    if not outcomes:
        output.say("no rules")
    output.show_problems(repository.problems)
    return exit_code(outcomes, broken=repository.broken)
