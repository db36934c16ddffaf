"""`fpctl explain`: show where each clause goes in a rule, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK


def command(
    rule: options.Rules = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    exclusion: Annotated[
        str | None, typer.Option("--exclusion", metavar="ID", help="Explain one exclusion only.")
    ] = None,
    columns: Annotated[bool, typer.Option("--columns", help="Name every visible column.")] = False,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="Plan as of a day.", show_default="today")
    ] = None,
    no_fold: options.NoFold = False,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Show a rule's pipeline with its insertion points, the columns visible there, and where each clause goes and why.

    Exit code 1: an exclusion could not be placed in a rule it names. 2: a rule could not be planned.
    """
    from fpctl.cli.shared.audit_log import glanced
    from fpctl.cli.shared.context import open_workspace
    from fpctl.report.explanation import explanation_to_dict, picture
    from fpctl.repository.apply import UNVERIFIED, tune
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    today = options.parse_day(on)
    workspace = open_workspace(config, rules, exclusions)
    repository = workspace.repository
    glanced(repository.exclusions, exclusions, workspace.settings, options.now())
    chosen = repository.rules.select(rule or [])
    wanted = [repository.exclusions.get(exclusion).exclusion] if exclusion is not None else repository.active()
    with output.progress("Explaining rules", len(chosen)) as update:
        outcomes = list(
            tune(
                chosen,
                wanted,
                repository.planner(today),
                verification=UNVERIFIED,
                style=ClauseStyle(folds=not no_fold),
                progress=lambda done, _: update(done),
            )
        )
    if format == "json":
        output.show_json({"rules": [explanation_to_dict(outcome) for outcome in outcomes]})
    else:
        for index, outcome in enumerate(outcomes):
            lines = picture(outcome, all_columns=columns)
            output.write(("\n" if index else "") + "".join(f"{output.visible(line)}\n" for line in lines))
    if not outcomes:
        output.say("no rules")
    output.show_problems(repository.problems)
    if repository.broken or any(o.status == "error" for o in outcomes):
        return EXIT_ERROR
    return EXIT_FINDINGS if any(o.findings for o in outcomes) else EXIT_OK
