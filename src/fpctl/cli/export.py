"""`fpctl export`: tuned rules as files for Microsoft Sentinel and Defender XDR."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli import guarding, options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.deployment.output_files import Format


def command(
    rule: options.Rules = None,
    target: Annotated[
        Literal["sentinel", "defender"] | None, typer.Option("--target", help="For which service.", show_default=False)
    ] = None,
    format: Annotated[
        Literal["arm", "yaml"],
        typer.Option("--format", help="For Sentinel: Resource Manager templates, or YAML rule files."),
    ] = "arm",
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write a file per rule below DIR.", show_default="all to stdout"),
    ] = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="Plan as of a day.", show_default="today")
    ] = None,
    force: guarding.Force = None,
    config: options.ConfigFile = None,
) -> int:
    """Export tuned rules for Microsoft Sentinel or Defender XDR.

    Sentinel: a Resource Manager template per rule (analytics rules; hunting queries as saved searches), or
    its YAML. Defender: custom detections for Microsoft Graph. With --out, a rule's version goes up when its
    query is another than in the file that is there. A rule that the target would refuse is not
    written: exit code 1. 2: a rule could not be planned.
    """
    from fpctl.cli.outcomes import talk
    from fpctl.cli.workspace import open_workspace
    from fpctl.deployment.output_files import file_names, published_in, release_file, release_text
    from fpctl.deployment.release import releases
    from fpctl.files import write_text
    from fpctl.rewrite.apply import tune

    if target is None:
        raise typer.BadParameter("say for which service: --target sentinel or --target defender")
    chosen_format: Format = "graph" if target == "defender" else format
    today = options.parse_day(on)
    workspace = open_workspace(config, rules, exclusions)
    repository = workspace.repository
    chosen = repository.rules.select(rule or [])
    active, planner = repository.active(), repository.planner(today)
    with output.progress("Rewriting rules", len(chosen)) as update:
        planned = list(tune(chosen, active, planner, progress=lambda done, _: update(done)))
    found = guarding.checked(planned, active, planner, force)
    names = file_names((outcome.rule for outcome in found.outcomes), chosen_format)
    made = list(
        releases(
            found.outcomes,
            target,
            lambda rule: published_in(out, names[rule.path, rule.id]) if out is not None else None,
        )
    )
    ready = [release for release in made if release.ready]
    if out is None:
        output.write(release_text(ready, chosen_format))
    else:
        for release in ready:
            file = release_file(release, names[release.rule.path, release.rule.id], chosen_format)
            write_text(out / file.relative, file.text, durable=False)
        output.say(f"{output.counted(len(ready), 'rule')} written to {out}")
    output.show_problems([*repository.problems, *(problem for release in made for problem in release.problems)])
    guarding.say(found, force)
    talk(found.outcomes)
    if repository.broken or any(outcome.status == "error" for outcome in found.outcomes):
        return EXIT_ERROR
    kept_back = len(made) - len(ready)
    if kept_back:
        output.say(f"{output.counted(kept_back, 'rule')} not exported")
    return EXIT_FINDINGS if kept_back or any(outcome.findings for outcome in found.outcomes) else EXIT_OK
