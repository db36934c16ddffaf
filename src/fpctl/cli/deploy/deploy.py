"""`fpctl deploy`: deploy tuned rules to Sentinel or Defender, and roll back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import options, output, terminal
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.deploy_plan import DeployOptions, plan_deployment
from fpctl.cli.shared.outcomes import show_diff_lines
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.cli.shared.deploy_plan import DeployPlan
    from fpctl.deployment.change import Change
    from fpctl.deployment.record import Deployment
    from fpctl.deployment.target import DeploymentTarget


@dataclass(frozen=True, slots=True)
class RollbackOptions:
    """What to roll back."""

    rollback: Annotated[bool, typer.Option("--rollback", help="Restore what was there before a deployment.")] = False
    deployment: Annotated[
        str | None,
        typer.Option("--deployment", metavar="ID", help="Which deployment to roll back.", show_default="the latest"),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also roll back rules that were changed since the deployment.")
    ] = False


def command(
    files: options.RepositoryFiles,
    undo: RollbackOptions,
    where: DeployOptions,
    rule: options.Rules = None,
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    force: options.Force = None,
    format: options.TextFormat = "text",
) -> int:
    """Deploy tuned rules to a Sentinel workspace, or as custom detections to Defender XDR.

    Compares each rule with the deployed one, shows the differences, asks for confirmation, and changes only what
    differs. Properties that a rule's file does not set keep their deployed values. The previous state is saved in
    .fpctl/deployments, and every deployed rule is recorded in the audit trail (fpctl log). Exit code 1: a rule was
    refused, or nothing was deployed because nobody confirmed. 2: a rule failed.
    """
    context = AppContext(replace(files, target=where.target))
    if undo.rollback:
        if rule or dry_run:
            raise typer.BadParameter("--rollback rolls back a whole deployment: do not give rules or --dry-run")
        return _roll_back(context, undo, where, yes, format)
    if undo.deployment or undo.overwrite:
        raise typer.BadParameter("--deployment and --overwrite go with --rollback")
    with _connected(context, where) as workspace:
        plan = plan_deployment(workspace, context, where, rule or [], force)
        if format == "text":
            show_changes(plan.changes)
        plan.report()
        done = _deployed(context, plan, workspace, yes) if not dry_run else None
    return _outcome(plan, done, dry_run=dry_run, format=format)


@contextmanager
def _connected(context: AppContext, where: DeployOptions) -> Iterator[DeploymentTarget]:
    from fpctl.deployment.connection import connect

    workspace = connect(context.settings, where.credential, target=context.settings.service)
    try:
        yield workspace
    finally:
        workspace.close()


def _todo(plan: DeployPlan) -> list[Change]:
    return [change for change in plan.changes if change.action in ("create", "update")]


def _deployed(context: AppContext, plan: DeployPlan, workspace: DeploymentTarget, yes: bool) -> Deployment | None:
    """Deploy what differs if that is agreed, and return the deployment."""
    from fpctl.cli.shared.audit_log import DeploymentLog
    from fpctl.deployment.deployer import deploy
    from fpctl.deployment.record import FOLDER

    todo = _todo(plan)
    what = f"change {output.counted(len(todo), 'rule')} of {workspace.id.rpartition('/')[2]}"
    if not todo or not terminal.agreed(yes, what, f"{what[0].upper()}{what[1:]}?"):
        return None
    with output.progress("Deploying rules", len(todo)) as update:
        plan.guarded.record(context.audit_log)
        try:
            with DeploymentLog(context.settings, options.now) as log:
                return deploy(
                    todo,
                    workspace,
                    context.root / FOLDER,
                    options.now(),
                    lambda number: update(number),
                    who=log.who,
                    settled=log.sent,
                )
        except KeyboardInterrupt:
            output.say("interrupted partway: `fpctl deploy` continues, `fpctl deploy --rollback` undoes")
            raise


def _outcome(plan: DeployPlan, done: Deployment | None, *, dry_run: bool, format: str) -> int:
    """Show what became of the plan, and return the exit code."""
    todo = _todo(plan)
    if format == "json":
        output.show_json(_to_dict(plan.changes, done), plan.problems)
    failed = _say_outcome(done) if done is not None else 0
    if not todo:
        output.say("the workspace is up to date")
    elif dry_run:
        output.say(f"{output.counted(len(todo), 'rule')} would change")
    if failed or plan.broken:
        return EXIT_ERROR
    undone = bool(todo) and done is None and not dry_run
    return EXIT_FINDINGS if undone or plan.findings else EXIT_OK


def show_changes(changes: list[Change]) -> None:
    """Show what changes, as a diff of each rule."""
    for change in changes:
        if change.action in ("create", "update"):
            word = "new rule" if change.action == "create" else f"changes {', '.join(change.fields)}"
            output.write(f"{output.visible(change.artifact.title)}: {word}\n")
            show_diff_lines(change.diff())


def _say_outcome(deployment: Deployment) -> int:
    """Say what became of the rules, and return how many failed."""
    failed = [step for step in deployment.steps if step.status == "failed"]
    for step in failed:
        output.say(output.visible_lines(f"{step.path}: not deployed: {step.error}"))
    done = sum(step.status == "done" for step in deployment.steps)
    tail = f", {len(failed):,} failed" if failed else ""
    output.say(f"{output.counted(done, 'rule')} deployed{tail}: deployment {deployment.id}")
    if done:
        output.say(f"  hint: `fpctl deploy --rollback --deployment {deployment.id}` restores what was there")
    return len(failed)


def _to_dict(changes: list[Change], deployment: Deployment | None) -> dict[str, Any]:
    steps = {(step.resource, step.guid): step for step in deployment.steps} if deployment else {}
    lines = []
    for change in changes:
        step = steps.get((change.artifact.resource, change.artifact.guid))
        lines.append(
            {
                "rule": change.artifact.rule.id,
                "name": change.artifact.title,
                "path": change.artifact.rule.path,
                "guid": change.artifact.guid,
                "action": change.action,
                "fields": list(change.fields),
                "version": change.artifact.version,
                "reason": change.reason,
                "status": step.status if step else None,
                "error": step.error if step else None,
            }
        )
    return {"deployment": deployment.id if deployment else None, "changes": lines}


def _roll_back(context: AppContext, undo: RollbackOptions, where: DeployOptions, yes: bool, format: str) -> int:
    from fpctl.cli.shared.audit_log import DeploymentLog
    from fpctl.deployment.deployer import roll_back
    from fpctl.deployment.record import FOLDER, UNDOABLE, DeploymentRecords
    from fpctl.deployment.undo import check_same_workspace, deployment_to_undo

    records = DeploymentRecords(context.root / FOLDER)
    with _connected(context, where) as workspace:
        chosen = deployment_to_undo(records, undo.deployment, workspace.id if context.settings.target else None)
        output.show_problems(records.problems)
        check_same_workspace(chosen, workspace.id)
        workspace.all()  # a workspace that cannot be read must not look like one that is empty
        steps = [step for step in chosen.steps if step.status in UNDOABLE]
        what = f"restore {output.counted(len(steps), 'rule')} as before deployment {chosen.id}"
        if not terminal.agreed(yes, what, f"{what[0].upper()}{what[1:]}?"):
            return EXIT_FINDINGS
        with (
            DeploymentLog(context.settings, options.now) as log,
            output.progress("Rolling back", len(chosen.steps)) as update,
        ):
            roll_back(
                chosen,
                workspace,
                force=undo.overwrite,
                progress=lambda number: update(number),
                settled=log.taken_back,
            )
    left = [step for step in steps if step.status != "rolled-back"]
    if format == "json":
        lines = [{"rule": s.rule, "path": s.path, "guid": s.guid, "status": s.status, "error": s.error} for s in steps]
        output.show_json({"deployment": chosen.id, "rules": lines}, records.problems)
    for step in left:
        output.say(output.visible_lines(f"{step.path}: not rolled back: {step.error}"))
    output.say(f"{output.counted(len(steps) - len(left), 'rule')} as before deployment {chosen.id}")
    if left:
        output.say("  hint: --overwrite also restores rules that were changed since")
    return EXIT_ERROR if left else EXIT_OK
