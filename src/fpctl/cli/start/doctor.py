"""`fpctl doctor`: whether everything that rules need is there, and how to put right what is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.inspection.check_result import CheckResult
    from fpctl.repository.model import Repository
    from fpctl.settings import Settings

SHOWN_RULES = 3


def command(
    rule: options.Rules = None,
    engine: options.EngineName = None,
    data: options.DataFolder = None,
    credential: options.Credential = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show only what is to be put right.")] = False,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Check that everything is there that rules need.

    Looks at the settings, whether the service can be reached, the clock, the credential, permissions, the tables
    that each rule reads (there, with their columns, fresh, with rows in range), and limits; and says how to put
    right what is not. Exit code 1: something is to be put right. 2: the settings or rules cannot be read.
    """
    from fpctl.cli.shared.context import open_workspace
    from fpctl.inspection.check_result import needs_action

    workspace = open_workspace(config, rules, exclusions)
    settings, repository = workspace.settings, workspace.repository
    name = engine or settings.engine.default
    found: list[CheckResult] = []
    with output.progress("Looking") as update:
        for finding in _findings(settings, repository, name, rule or [], data, credential):
            found.append(finding)
            update(len(found))
            if format == "text":
                _show(finding, quiet)
    if format == "json":
        output.show_json({"engine": name, "findings": [finding.to_dict() for finding in found]})
    output.show_problems(repository.problems)
    counts = {status: sum(f.status == status for f in found) for status in ("ok", "warning", "error", "skipped")}
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
    output.say(f"{output.counted(len(found), 'check')}: {told}")
    if repository.broken:
        return EXIT_ERROR
    return EXIT_FINDINGS if needs_action(found) else EXIT_OK


def _findings(
    settings: Settings,
    repository: Repository,
    name: str,
    patterns: list[str],
    data: options.DataFolder,
    credential: str | None,
) -> Iterator[CheckResult]:
    from fpctl.engine.options import EngineOptions
    from fpctl.engine.registry import engine_package, open_engine
    from fpctl.inspection.check_result import CheckResult
    from fpctl.inspection.needs import limit_findings, planned_of, table_findings, unplanned_findings
    from fpctl.inspection.service import access, reach
    from fpctl.inspection.setup import deployment_findings, setup_findings
    from fpctl.repository.apply import tune

    yield from setup_findings(settings, repository)
    now = options.now()
    address = engine_package(name).endpoint(settings)
    try:
        options_of_engine = EngineOptions(data=data, now=now, tables=repository.tables, credential=credential)
        opened = open_engine(name, settings, options_of_engine)
    except FpctlError as error:
        yield CheckResult("settings", "error", name, error.message, error.hint or "see docs/engines.md")
        return
    try:
        reached = list(reach(address)) if address is not None else []
        yield from reached
        entry = [] if any(finding.status == "error" for finding in reached) else list(access(opened))
        yield from entry
        chosen = repository.rules.select(patterns)
        outcomes = list(tune(chosen, repository.active(), repository.planner(now.date())))
        planned = planned_of(outcomes)
        yield from unplanned_findings(outcomes)
        if any(finding.status == "error" for finding in (*reached, *entry)):
            yield CheckResult(
                "tables", "skipped", name, "the tables cannot be looked at before the errors above are gone"
            )
        else:
            yield from table_findings(planned, opened, now)
        yield from limit_findings(planned, opened)
    finally:
        opened.close()
    yield from deployment_findings(settings, credential)


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
