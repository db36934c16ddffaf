"""`fpctl audit`: what is wrong with the exclusions, and what to do about it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, Problem

if TYPE_CHECKING:
    from fpctl.audit.check import Check
    from fpctl.audit.context import AuditContext
    from fpctl.audit.formats.report import Report
    from fpctl.exclusions.risk.score import Risk


def command(
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule", metavar="RULE", help="Only findings about these rules and the exclusions that reach them."
        ),
    ] = None,
    exclusion: Annotated[
        list[str] | None, typer.Option("--exclusion", metavar="ID", help="Only findings about these exclusions.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CHECK", help="Only these checks, by code or name: FP101, expiring."),
    ] = None,
    fail_on: Annotated[
        Literal["error", "warning", "note"],
        typer.Option("--fail-on", help="Exit with 1 for findings that are as grave as this, or graver."),
    ] = "warning",
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Leave out the findings that this file knows."),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            "--write-baseline", metavar="FILE", help="Write the findings to this file as known, and exit with 0."
        ),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="Audit as of a day.", show_default="today")
    ] = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    history: options.HistoryPlace = None,
    config: options.ConfigFile = None,
    format: Annotated[
        Literal["table", "json", "csv", "sarif", "markdown"],
        typer.Option("--format", help="How to print the findings."),
    ] = "table",
) -> int:
    """Check exclusions against the policy, the rules, each other, and what runs recorded.

    Every finding has a stable code, a place, and a command that mends it; docs/findings/ explains each.
    What a finding must be is set in [policy] of fpctl.toml. Exit code 1 means findings, 2 that
    something could not be read.
    """
    from importlib import import_module

    from fpctl.audit import baseline as known
    from fpctl.audit.context import AuditContext
    from fpctl.audit.finding import at_least
    from fpctl.audit.formats import table
    from fpctl.audit.formats.report import Report
    from fpctl.audit.registry import chosen, severities
    from fpctl.audit.run import about, audit
    from fpctl.audit.run_history import read_run_history
    from fpctl.cli.shared.audit_log import glanced
    from fpctl.cli.shared.context import open_workspace

    today = options.parse_day(on)
    checks = chosen(only or [])
    workspace = open_workspace(config, rules, exclusions)
    repository, settings = workspace.repository, workspace.settings
    levels = severities(settings)
    accepted = known.read(baseline) if baseline is not None else frozenset()
    selected = repository.rules.select(rule) if rule else None
    wanted = [repository.exclusions.get(id).id for id in exclusion or []]
    place = history or settings.history.url
    glanced(repository.exclusions, exclusions, settings, options.now())
    past = read_run_history(place, options.now())
    with output.progress("Planning rules") as update:
        folder = exclusions or settings.paths.exclusions
        context = AuditContext(
            repository, settings.policy, today, past, folder if folder.is_dir() else None, lambda done, _: update(done),
            settings.risk,
        )  # fmt: skip
        findings = about(audit(context, checks, levels), context, selected, wanted)
    if write_baseline is not None:
        count = known.write(write_baseline, findings)
        output.say(f"{output.counted(count, 'known finding')} written to {write_baseline}")
        return _code(repository.problems, EXIT_OK)
    compared = known.compare(findings, accepted)
    report = Report(
        compared.new, today, compared.baseline, compared.removed, len(repository.exclusions.exclusions),
        len(repository.rules.rules), past is not None, _risks(context, checks, wanted),
    )  # fmt: skip
    if format == "table":
        width = shutil.get_terminal_size().columns if output.is_terminal(sys.stdout) else None
        output.write(output.visible_lines(table.render(report, width)))
    else:
        output.write(import_module(f"fpctl.audit.formats.{format}").render(report))
    _talk(report, place)
    failed = any(at_least(finding, fail_on) for finding in report.findings)
    return _code(repository.problems, EXIT_FINDINGS if failed else EXIT_OK)


def _risks(context: AuditContext, checks: Sequence[Check], wanted: Collection[str]) -> dict[str, Risk]:
    """Return the risk of the exclusions that were asked for; nothing where only other checks were asked for."""
    if not any(check.slug == "high-risk" for check in checks):
        return {}
    return {id: risk for id, risk in context.risks.items() if not wanted or id in wanted}


def _talk(report: Report, place: str) -> None:
    if not report.usage:
        output.say(f"No run has been recorded at {place}: how exclusions are used was not checked.")
    counted = f"{output.counted(report.exclusions, 'exclusion')} and {output.counted(report.rules, 'rule')}"
    left_out = f" ({report.baseline:,} known left out)" if report.baseline else ""
    output.say(f"{counted}: {report.summary()}{left_out}")
    if any(risk.level != "low" for risk in report.risks.values()):
        output.say(f"risk: {report.risk_summary()}")
    if report.removed:
        output.say(f"{output.counted(report.removed, 'finding')} of the baseline no longer there: write it again")


def _code(problems: tuple[Problem, ...], code: int) -> int:
    """Show what could not be read and return the exit code; a rule that is not there is a finding of its own."""
    broken = [problem for problem in problems if problem.severity == "error" and problem.code != "unknown-rule"]
    output.show_problems(broken)
    return EXIT_ERROR if broken else code
