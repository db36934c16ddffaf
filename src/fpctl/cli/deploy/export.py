"""`fpctl export`: tuned rules for Microsoft Sentinel and Defender XDR, exclusions for other tools."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.exchange_commands import FORMATS, Report, export_exclusions
from fpctl.cli.shared.outcomes import exit_code, report_outcomes
from fpctl.cli.shared.test_guard import Guarded, guard_outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpctl.deployment.artifacts.output_files import Format
    from fpctl.deployment.artifacts.rule_artifact import RuleArtifact

Target = Literal["sentinel", "defender"]


if TYPE_CHECKING:
    _Format = str
else:
    _Format = Literal["arm", "yaml", *FORMATS]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """For whom, in which format, and where to."""

    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="Target service: sentinel, defender, or the name of a target in [deploy.targets].",
            show_default="FPCTL_TARGET",
        ),
    ] = None
    format: Annotated[
        _Format | None,
        typer.Option(
            "--format",
            help="Rules for Sentinel: arm (Resource Manager templates) or yaml. The other formats export exclusions.",
            show_default="arm",
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR|FILE",
            help="Write one file per rule to DIR, or the exclusions to FILE.",
            show_default="stdout",
        ),
    ] = None
    lists: options.ListStore = "function"
    report: Report = None


def command(
    files: options.RepositoryFiles,
    export: ExportOptions,
    rule: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RULE|ID",
            help="Rules by id, name, path or glob; with an exclusion format, ids of exclusions (default: all).",
        ),
    ] = None,
    on: options.On = None,
    force: options.Force = None,
) -> int:
    """Export tuned rules for Microsoft Sentinel or Defender XDR, or exclusions for other tools.

    Sentinel: one Resource Manager template per rule (analytics rules; hunting queries become saved searches), or
    Sentinel's YAML. Defender: custom detections for Microsoft Graph. With --out, a rule's version is increased if
    its query differs from the one in the existing file. A rule that the target would reject is not written: exit
    code 1. 2: a rule could not be planned.

    Exclusions: --format csv exports all of them, in any state. watchlist (Sentinel), elastic (exception list) and
    sigma (filters) export those that are active today, as far as the format can express them. An exclusion that
    would suppress more in the other tool is left out: exit code 1. 2: an exclusion file is invalid.
    """
    if export.format in FORMATS:
        if export.target is not None:
            raise typer.BadParameter(
                f"--format {export.format} exports exclusions and cannot be combined with --target"
            )
        context = AppContext(options.Files(exclusions=files.exclusions, config=files.config))
        return export_exclusions(context, rule or [], export.format, export.out, export.report)
    context = AppContext(replace(files, target=export.target))
    if context.settings.target is None:
        raise typer.BadParameter("choose a service: --target sentinel or --target defender")
    service = context.settings.service
    format: Format = "graph" if service == "defender" else "yaml" if export.format == "yaml" else "arm"
    context.audit_log.glance()
    guarded = _tuned(context, export, service, rule, on, force)
    made, names = _artifacts(guarded, service, export.out, format)
    ready = [artifact for artifact in made if artifact.ready]
    if export.out is None:
        from fpctl.deployment.artifacts.output_files import artifact_text

        output.write(artifact_text(ready, format))
    else:
        guarded.record(context.audit_log)
        _write(export.out, ready, names, format)
    problems = (problem for artifact in made for problem in artifact.problems)
    output.show_problems([*context.repository.problems, *problems])
    guarded.report()
    report_outcomes(guarded.outcomes)
    kept_back = len(made) - len(ready)
    code = exit_code(guarded.outcomes, broken=context.repository.broken, findings=bool(kept_back))
    if kept_back and code != 2:
        output.say(f"{output.counted(kept_back, 'rule')} not exported")
    return code


def _tuned(
    context: AppContext,
    export: ExportOptions,
    target: Target,
    patterns: list[str] | None,
    on: str | None,
    force: str | None,
) -> Guarded:
    from fpctl.repository.apply import tune
    from fpctl.rewrite.plan.size_fit import ANY_LENGTH, ClauseStyle

    chosen = context.select(patterns)
    if target == "defender":
        from fpctl.deployment.artifacts.rule_artifact import for_defender

        chosen = tuple(map(for_defender, chosen))
    active, planner = context.repository.active(), context.planner(options.parse_day(on))
    style = ClauseStyle(fits=True, store=export.lists) if target == "sentinel" else ANY_LENGTH
    with output.progress("Rewriting rules", len(chosen)) as update:
        planned = list(tune(chosen, active, planner, style=style, progress=lambda done, _: update(done)))
    return guard_outcomes(planned, active, planner, force)


def _artifacts(
    guarded: Guarded, target: Target, out: Path | None, format: Format
) -> tuple[list[RuleArtifact], dict[tuple[str, str], str]]:
    """Return the artifacts, and the name of each rule's file by (path, id)."""
    from fpctl.deployment.artifacts.output_files import file_names, published_in
    from fpctl.deployment.artifacts.rule_artifact import rule_artifacts

    names = file_names((outcome.rule for outcome in guarded.outcomes), format)
    made = rule_artifacts(
        guarded.outcomes,
        target,
        lambda rule: published_in(out, names[rule.path, rule.id]) if out is not None else None,
    )
    return list(made), names


def _write(out: Path, ready: Sequence[RuleArtifact], names: dict[tuple[str, str], str], format: Format) -> None:
    from fpctl.deployment.artifacts.output_files import artifact_file
    from fpctl.files import write_inside
    from fpctl.repository.apply import external_list_files

    for artifact in ready:
        file = artifact_file(artifact, names[artifact.rule.path, artifact.rule.id], format)
        write_inside(out, file.relative, file.text, durable=False)
    # A template holds what its rule reads; a rule file cannot.
    beside = external_list_files(artifact.outcome for artifact in ready) if format == "yaml" else []
    for file in beside:
        write_inside(out, file.relative, file.text, durable=False)
    if beside:
        output.say(f"load these first: {', '.join(f'{out}/{file.relative}' for file in beside)}")
    output.say(f"{output.counted(len(ready), 'rule')} written to {out}")
