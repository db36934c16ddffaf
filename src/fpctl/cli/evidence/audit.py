"""`fpctl audit`: what is wrong with the exclusions, and what to do about it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fpctl.cli.shared import completion, options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import planned
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK, Problem

if TYPE_CHECKING:
    from datetime import date

    from fpctl.audit.baseline import BaselineComparison
    from fpctl.audit.check import Check
    from fpctl.audit.context import AuditContext
    from fpctl.audit.formats.report import Report
    from fpctl.exclusions.risk.score import Risk


@dataclass(frozen=True, slots=True)
class ScopeOptions:
    """Which findings are asked for."""

    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            help="Only findings about this rule and its exclusions.",
            autocompletion=completion.rule_names,
        ),
    ] = None
    exclusion: Annotated[
        list[str] | None,
        typer.Option(
            "--exclusion",
            metavar="ID",
            help="Only findings about this exclusion.",
            autocompletion=completion.exclusion_ids,
        ),
    ] = None
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain", metavar="CODE", help="Explain a finding by code or name, without running any checks."
        ),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="CHECK", help="Run only this check, by code or name, such as FP101 or expiring."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class GateOptions:
    """Which findings fail the command."""

    fail_on: Annotated[
        Literal["error", "warning", "note"],
        typer.Option("--fail-on", help="Exit with 1 on findings at this severity or higher."),
    ] = "warning"
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", metavar="FILE", help="Leave out findings that are in this file."),
    ] = None
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            "--write-baseline", metavar="FILE", help="Write the findings to this file as a baseline, and exit with 0."
        ),
    ] = None


def command(
    files: options.AllFiles,
    scope: ScopeOptions,
    gate: GateOptions,
    on: options.On = None,
    format: Annotated[
        Literal["table", "json", "csv", "sarif", "markdown"], typer.Option("--format", help="Output format.")
    ] = "table",
) -> int:
    """Check exclusions against the policy, the rules, each other, and recorded runs.

    Every finding has a stable code, a location, and a command that fixes it. --explain CODE explains why it
    matters. The policy is [policy] in fpctl.toml. A file that cannot be read is also a finding. Exit code 1: there
    are findings. 2: something could not be read.
    """
    from fpctl.audit import baseline as baselines
    from fpctl.audit.finding import at_least
    from fpctl.audit.registry import chosen, severities
    from fpctl.audit.run import about, audit

    if scope.explain is not None:
        return _explain(scope.explain)
    checks = chosen(scope.only or [])
    context = AppContext(files)
    problems = context.repository.problems
    levels = severities(context.settings)
    accepted = baselines.read(gate.baseline) if gate.baseline is not None else frozenset()
    selected = context.select(scope.rule) if scope.rule else None
    wanted = [loaded.id for loaded in context.pick(scope.exclusion or [])]
    context.audit_log.glance()
    audited = _audit_context(context, options.parse_day(on))
    findings = about(audit(audited, checks, levels), audited, selected, wanted)
    if gate.write_baseline is not None:
        count = baselines.write(gate.write_baseline, findings)
        output.say(f"{output.counted(count, 'finding')} written to {gate.write_baseline}")
        return _code(problems, EXIT_OK)
    compared = baselines.compare(findings, accepted)
    report = _report(audited, compared, _risks(audited, checks, wanted))
    _show(report, problems, format)
    _talk(report, context.history_place)
    failed = any(at_least(finding, gate.fail_on) for finding in report.findings)
    return _code(problems, EXIT_FINDINGS if failed else EXIT_OK)


def _explain(name: str) -> int:
    from fpctl.audit.explanation import explain
    from fpctl.audit.registry import check_named

    output.write(explain(check_named(name)))
    return EXIT_OK


def _audit_context(context: AppContext, today: date) -> AuditContext:
    from fpctl.audit.context import AuditContext
    from fpctl.audit.run_history import read_run_history

    return AuditContext(
        context.repository,
        context.settings.policy,
        today,
        read_run_history(context.history_place, context.now, today, context.settings.policy.usage),
        context.exclusions_path if context.exclusions_path.is_dir() else None,
        lambda: planned(context.repository, today),
        context.settings.risk,
    )


def _report(audited: AuditContext, compared: BaselineComparison, risks: dict[str, Risk]) -> Report:
    from fpctl.audit.formats.report import Report

    return Report(
        compared.new,
        audited.today,
        compared.baseline,
        compared.removed,
        len(audited.repository.exclusions.exclusions),
        len(audited.repository.rules.rules),
        audited.recorded is not None,
        risks,
    )


def _show(report: Report, problems: Sequence[Problem], format: str) -> None:
    from importlib import import_module

    if format == "table":
        from fpctl.audit.formats import table

        width = shutil.get_terminal_size().columns if output.is_terminal(sys.stdout) else None
        output.write(output.visible_lines(table.render(report, width)))
    elif format == "json":
        from fpctl.audit.formats.json import document

        output.show_json(document(report), problems)
    else:
        output.write(import_module(f"fpctl.audit.formats.{format}").render(report))


def _risks(audited: AuditContext, checks: Sequence[Check], wanted: Collection[str]) -> dict[str, Risk]:
    """Return the risk of the exclusions that were asked for; nothing where only other checks were asked for."""
    if not any(check.slug == "high-risk" for check in checks):
        return {}
    return {id: risk for id, risk in audited.risks.items() if not wanted or id in wanted}


def _talk(report: Report, place: str) -> None:
    if not report.usage:
        output.say(f"No run has been recorded at {place}: the use of exclusions was not checked.")
    counted = f"{output.counted(report.exclusions, 'exclusion')} and {output.counted(report.rules, 'rule')}"
    left_out = f" ({report.baseline:,} in the baseline left out)" if report.baseline else ""
    output.say(f"{counted}: {report.summary()}{left_out}")
    if any(risk.level != "low" for risk in report.risks.values()):
        output.say(f"risk: {report.risk_summary()}")
    if report.removed:
        fixed = output.counted(report.removed, "finding")
        output.say(f"{fixed} in the baseline no longer found: write the baseline again")


def _code(problems: tuple[Problem, ...], code: int) -> int:
    """Show what could not be read and return the exit code; a rule that does not exist is a finding of its own."""
    broken = [problem for problem in problems if problem.severity == "error" and problem.code != "unknown-rule"]
    output.show_problems(broken)
    return EXIT_ERROR if broken else code
