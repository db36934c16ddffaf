"""`fpctl apply`: rewrite rules with the exclusions that apply to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import exit_code, report_outcomes, show_diff
from fpctl.cli.shared.test_guard import Guarded, guard_outcomes

if TYPE_CHECKING:
    from fpctl.repository.apply import TunedFile
    from fpctl.repository.plan_summary import PlanSummary


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How clauses are planned."""

    on: options.On = None
    no_fold: options.NoFold = False
    lists: options.ListStore = "watchlist"
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Skip parsing the tuned queries again.")] = False
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, metavar="N", help="Number of processes.", show_default="one per core"),
    ] = None


@dataclass(frozen=True, slots=True)
class TargetOptions:
    """Where the tuned rules go."""

    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write every rule to DIR, under its path in the rules folder.",
            show_default="stdout; with --check, `out` in the settings",
        ),
    ] = None
    diff: Annotated[bool, typer.Option("--diff", help="Show the changes as a unified diff.")] = False
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if DIR is not up to date.")] = False

    def folder(self, context: AppContext) -> Path | None:
        """Return the folder; None for stdout. Raises typer.BadParameter where there is none to check."""
        if not self.check or self.out is not None:
            return self.out
        if context.settings.paths.out is None:
            raise typer.BadParameter("--check compares with what is in --out DIR; give it, or set `out` in [paths]")
        return context.settings.paths.out


def command(
    files: options.RepositoryFiles,
    plan: PlanOptions,
    target: TargetOptions,
    rule: options.Rules = None,
    force: options.Force = None,
    format: options.TextFormat = "text",
) -> int:
    """Rewrite rules with the exclusions that apply to them.

    Without --out, the tuned rules go to stdout. An exclusion that suppresses an event that must fire, according to
    the rule's tests, is refused unless --force gives a reason. Exit code 1: an exclusion was refused or cannot be
    placed in a rule that it names, or, with --check, DIR is not up to date. 2: something could not be read.
    """
    from fpctl.report.explanation import apply_to_dict
    from fpctl.repository.apply import (
        differences,
        external_list_files,
        tuned_files,
    )

    context = AppContext(files)
    folder, repository = target.folder(context), context.repository
    context.audit_log.glance()
    guarded = _tuned(context, plan, rule, force)
    outcomes = guarded.outcomes
    tuned, faults = tuned_files(outcomes)
    beside = external_list_files(outcomes)
    stale = differences([*tuned, *beside], folder) if target.check and folder is not None else []
    if format == "json":
        output.show_json({"rules": [apply_to_dict(outcome) for outcome in outcomes]}, repository.problems)
    elif target.diff:
        for outcome in outcomes:
            show_diff(outcome)
    elif folder is None:
        _show_files(tuned)
    if folder is not None and not target.check:
        guarded.record(context.audit_log)
        summary = _summary(context, [*tuned, *beside], folder, plan)
        _write(folder, tuned, beside)
        output.say(summary.text())
    output.show_problems(repository.problems)
    guarded.report()
    report_outcomes(outcomes)
    for path in stale:
        output.say(f"{folder}/{path}: not up to date")
    if stale:
        output.say(f"  hint: fpctl apply --out {folder}")
    for fault in faults:
        output.say(output.visible_lines(str(fault)))
    return exit_code(outcomes, broken=repository.broken or bool(faults), findings=bool(stale))


def _tuned(context: AppContext, plan: PlanOptions, patterns: list[str] | None, force: str | None) -> Guarded:
    """Return what becomes of each rule."""
    from fpctl.repository.parallel import Planning, tune_in_parallel
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    chosen = context.select(patterns)
    active, planner = context.repository.active(), context.planner(options.parse_day(plan.on))
    planning = Planning(
        active,
        planner,
        not plan.no_verify,
        style=ClauseStyle(folds=not plan.no_fold, fits=True, store=plan.lists),
    )
    outcomes = []
    with output.progress("Rewriting rules", len(chosen)) as update:
        for outcome in tune_in_parallel(chosen, planning, plan.jobs):
            outcomes.append(outcome)
            update(len(outcomes))
    return guard_outcomes(outcomes, active, planner, force)


def _summary(context: AppContext, files: list[TunedFile], folder: Path, plan: PlanOptions) -> PlanSummary:
    from fpctl.repository.plan_summary import plan_summary

    day = options.parse_day(plan.on)
    states = {loaded.id: context.repository.state(loaded.exclusion, day) for loaded in context.exclusions.exclusions}
    return plan_summary(files, folder, states)


def _show_files(files: list[TunedFile]) -> None:
    for file in files:
        if len(files) > 1:
            output.say(f"--- {file.relative}")
        output.write(file.text)


def _write(folder: Path, tuned: list[TunedFile], beside: list[TunedFile]) -> None:
    from fpctl.files import write_inside

    for file in (*tuned, *beside):
        write_inside(folder, file.relative, file.text, durable=False)
    output.say(f"{output.counted(len(tuned), 'rule file')} written to {folder}")
    if beside:
        output.say(f"load these first: {', '.join(f'{folder}/{file.relative}' for file in beside)}")
