"""`fpctl export`: tuned rules for Microsoft Sentinel and Defender XDR, exclusions for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import exchange_commands as exchanging
from fpctl.cli.shared import options, output
from fpctl.cli.shared import test_guard as guarding
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.deployment.artifacts.output_files import Format


def command(
    rule: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RULE|ID",
            help="Rules by id, name, path or glob; with --format csv and the like exclusions. All, if none is given.",
        ),
    ] = None,
    target: Annotated[
        Literal["sentinel", "defender"] | None, typer.Option("--target", help="For which service.", show_default=False)
    ] = None,
    format: Annotated[
        Literal["arm", "yaml", "csv", "watchlist", "elastic", "sigma"] | None,
        typer.Option(
            "--format",
            help="For Sentinel: arm (Resource Manager templates) or yaml. The others are of exclusions.",
            show_default="arm",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR|FILE",
            help="Write a file per rule below DIR; the exclusions to FILE.",
            show_default="all to stdout",
        ),
    ] = None,
    lists: Annotated[
        Literal["watchlist", "function"], typer.Option("--lists", help="Where lists go for which a rule has no room.")
    ] = "watchlist",
    report: exchanging.Report = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="Plan as of a day.", show_default="today")
    ] = None,
    force: guarding.Force = None,
    config: options.ConfigFile = None,
) -> int:
    """Export tuned rules for Microsoft Sentinel or Defender XDR, or exclusions for other tools.

    Sentinel: a Resource Manager template per rule (analytics rules; hunting queries as saved searches), or
    its YAML. Defender: custom detections for Microsoft Graph. With --out, a rule's version goes up when its
    query is another than in the file that is there. A rule that the target would refuse is not
    written: exit code 1. 2: a rule could not be planned.

    Exclusions: --format csv has everything, whatever its state; watchlist (Sentinel), elastic (exception
    list) and sigma (filters) have what is in force today, and of that what they can say. What would suppress
    more there than here is left out: exit code 1. 2: a file is broken.
    """
    from fpctl.cli.shared.audit_log import glanced
    from fpctl.cli.shared.context import open_workspace
    from fpctl.cli.shared.outcomes import talk
    from fpctl.deployment.artifacts.output_files import artifact_file, artifact_text, file_names, published_in
    from fpctl.deployment.artifacts.rule_artifact import rule_artifacts
    from fpctl.files import write_text
    from fpctl.repository.apply import external_list_files, tune
    from fpctl.rewrite.plan.size_fit import ANY_LENGTH, ClauseStyle

    if format in exchanging.FORMATS:
        if target is not None:
            raise typer.BadParameter(f"--format {format} is of exclusions and has no --target")
        return exchanging.give(rule or [], format, out, report, exclusions, config)
    if target is None:
        raise typer.BadParameter("say for which service: --target sentinel or --target defender")
    chosen_format: Format = "graph" if target == "defender" else "yaml" if format == "yaml" else "arm"
    today = options.parse_day(on)
    workspace = open_workspace(config, rules, exclusions)
    repository = workspace.repository
    glanced(repository.exclusions, exclusions, workspace.settings, options.now())
    chosen = repository.rules.select(rule or [])
    active, planner = repository.active(), repository.planner(today)
    with output.progress("Rewriting rules", len(chosen)) as update:
        style = ClauseStyle(fits=True, store=lists) if target == "sentinel" else ANY_LENGTH
        planned = list(tune(chosen, active, planner, style=style, progress=lambda done, _: update(done)))
    found = guarding.checked(planned, active, planner, force)
    names = file_names((outcome.rule for outcome in found.outcomes), chosen_format)
    made = list(
        rule_artifacts(
            found.outcomes,
            target,
            lambda rule: published_in(out, names[rule.path, rule.id]) if out is not None else None,
        )
    )
    ready = [artifact for artifact in made if artifact.ready]
    if out is None:
        output.write(artifact_text(ready, chosen_format))
    else:
        guarding.record(found, force, workspace, exclusions, options.now())
        for artifact in ready:
            file = artifact_file(artifact, names[artifact.rule.path, artifact.rule.id], chosen_format)
            write_text(out / file.relative, file.text, durable=False)
        # A template holds what its rule reads; a rule file cannot.
        beside = external_list_files(artifact.outcome for artifact in ready) if chosen_format == "yaml" else []
        for file in beside:
            write_text(out / file.relative, file.text, durable=False)
        if beside:
            output.say(f"to be loaded before them: {', '.join(f'{out}/{file.relative}' for file in beside)}")
        output.say(f"{output.counted(len(ready), 'rule')} written to {out}")
    output.show_problems([*repository.problems, *(problem for artifact in made for problem in artifact.problems)])
    guarding.say(found, force)
    talk(found.outcomes)
    if repository.broken or any(outcome.status == "error" for outcome in found.outcomes):
        return EXIT_ERROR
    kept_back = len(made) - len(ready)
    if kept_back:
        output.say(f"{output.counted(kept_back, 'rule')} not exported")
    return EXIT_FINDINGS if kept_back or any(outcome.findings for outcome in found.outcomes) else EXIT_OK
