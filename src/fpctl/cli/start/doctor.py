"""`fpctl doctor`: whether everything that rules need is there, and how to fix what is not."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.inspection.check_result import CheckResult

SHOWN_RULES = 3


def command(
    files: options.RepositoryFiles,
    engine: options.EngineOptions,
    rule: options.Rules = None,
    target: options.TargetName = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only what needs attention.")] = False,
    format: options.TextFormat = "text",
) -> int:
    """Check the setup: everything that the rules need to run.

    Checks the settings, the connection to the service, the clock, the credential, permissions, the tables that each
    rule reads (that they exist, have the columns, are up to date, and have rows in range), and limits. Shows how to
    fix each problem. Exit code 1: something needs attention. 2: the settings or rules could not be read.
    """
    from fpctl.inspection.check_result import needs_action
    from fpctl.inspection.checkup import Checkup, findings

    context = AppContext(replace(files, target=target))
    repository = context.repository
    name = engine.engine or context.settings.engine.default
    found: list[CheckResult] = []
    request = Checkup(context.settings, repository, name, tuple(rule or ()), engine.data, engine.credential)
    with output.progress("Looking") as update:
        for finding in findings(request, context.now):
            found.append(finding)
            update(len(found))
            if format == "text":
                _show(finding, quiet)
    if format == "json":
        output.show_json({"engine": name, "findings": [finding.to_dict() for finding in found]}, repository.problems)
    output.show_problems(repository.problems)
    counts = {status: sum(f.status == status for f in found) for status in ("ok", "warning", "error", "skipped")}
    summary = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
    output.say(f"{output.counted(len(found), 'check')}: {summary}")
    if repository.broken:
        return EXIT_ERROR
    return EXIT_FINDINGS if needs_action(found) else EXIT_OK


def _show(finding: CheckResult, quiet: bool) -> None:
    if quiet and finding.status in ("ok", "skipped"):
        return
    style = {"warning": "warning", "error": "error"}.get(finding.status, "dim")
    word = output.coloured(f"{finding.status:<8}", style, sys.stdout)
    output.write(f"{word}{finding.area}: {output.visible(finding.subject)}: {output.visible(finding.message)}\n")
    if finding.status in ("warning", "error"):
        if finding.hint:
            output.write(f"        hint: {output.visible(finding.hint)}\n")
        if finding.rules:
            shown = ", ".join(finding.rules[:SHOWN_RULES])
            more = f" and {len(finding.rules) - SHOWN_RULES:,} more" if len(finding.rules) > SHOWN_RULES else ""
            output.write(f"        rules: {output.visible(shown)}{more}\n")
