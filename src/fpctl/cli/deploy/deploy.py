"""`fpctl deploy`: tuned rules into a Sentinel workspace, and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared import test_guard as guarding
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from fpctl.deployment.change import Change
    from fpctl.deployment.record import Deployment
    from fpctl.settings import Settings


def command(
    rule: options.Rules = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put back what was there before a deployment.")] = False,
    deployment: Annotated[
        str | None,
        typer.Option("--deployment", metavar="ID", help="Which deployment to roll back.", show_default="the last one"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Roll back rules too that somebody has changed since.")
    ] = False,
    credential: options.Credential = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    force: guarding.Force = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Deploy tuned rules to a Sentinel workspace.

    Compares each rule with the workspace, shows the difference, asks, and changes what differs; what a rule's
    file does not state stays as it is there. What was there before is kept in .fpctl/deployments, and each rule
    that went out is in the audit trail (fpctl log). Exit code 1: a rule was refused, or nothing was done because
    nobody agreed. 2: a rule failed.
    """
    if rollback:
        if rule or dry_run:
            raise typer.BadParameter("--rollback takes back a whole deployment: give neither rules nor --dry-run")
        return _roll_back(config, deployment, yes, overwrite, credential, format)
    if deployment or overwrite:
        raise typer.BadParameter("--deployment and --overwrite go with --rollback")
    return _deploy(rule, yes, dry_run, credential, rules, exclusions, force, config, format)


def _deploy(
    patterns: options.Rules,
    yes: bool,
    dry_run: bool,
    credential: str | None,
    rules: options.RulesFolder,
    exclusions: options.ExclusionsFolder,
    force: str | None,
    config: options.ConfigFile,
    format: str,
) -> int:
    from fpctl.cli.shared.audit_log import Deploying
    from fpctl.cli.shared.deploy_plan import planned_changes
    from fpctl.cli.shared.exclusion_commands import agreed
    from fpctl.deployment.deployer import deploy
    from fpctl.deployment.record import FOLDER
    from fpctl.deployment.workspace.connection import connect
    from fpctl.settings import load_settings

    settings = load_settings(config)
    workspace = connect(settings, credential)
    try:
        planned = planned_changes(workspace, config, rules, exclusions, patterns or [], force)
        todo = [change for change in planned.changes if change.action in ("create", "update")]
        if format == "text":
            show_changes(planned.changes)
        planned.say(force)
        done: Deployment | None = None
        what = f"change {output.counted(len(todo), 'rule')} of {workspace.resource_id.rpartition('/')[2]}"
        willing = bool(todo) and not dry_run and agreed(yes, what, f"{what[0].upper()}{what[1:]}?")
        if willing:
            with output.progress("Deploying rules", len(todo)) as update:
                planned.record(force)
                folder = settings.paths.root / FOLDER
                try:
                    with Deploying(settings, options.now) as ledger:
                        done = deploy(
                            todo, workspace, folder, options.now(), lambda number: update(number),
                            who=ledger.who, settled=ledger.sent,
                        )  # fmt: skip
                except KeyboardInterrupt:
                    output.say("stopped in the middle: `fpctl deploy` goes on, `fpctl deploy --rollback` takes back")
                    raise
    finally:
        workspace.close()
    if format == "json":
        output.show_json(_to_dict(planned.changes, done))
    failed = _say_outcome(done) if done is not None else 0
    if not todo:
        output.say("the workspace has what the rules say")
    elif dry_run:
        output.say(f"{output.counted(len(todo), 'rule')} would change")
    if failed or planned.broken:
        return EXIT_ERROR
    undone = bool(todo) and done is None and not dry_run
    return EXIT_FINDINGS if undone or planned.findings else EXIT_OK


def show_changes(changes: list[Change]) -> None:
    """Show what changes, as a diff of each rule."""
    for change in changes:
        if change.action not in ("create", "update"):
            continue
        word = "new rule" if change.action == "create" else f"changes {', '.join(change.fields)}"
        output.write(f"{output.visible(change.artifact.title)}: {word}\n")
        for line in change.diff():
            style = "added" if line.startswith("+") else "removed" if line.startswith("-") else None
            shown = output.visible_lines(line)
            output.write((output.coloured(shown, style) if style else shown) + "\n")


def _say_outcome(deployment: Deployment) -> int:
    """Say what became of the rules, and return how many failed."""
    failed = [step for step in deployment.steps if step.status == "failed"]
    for step in failed:
        output.say(output.visible_lines(f"{step.path}: not deployed: {step.error}"))
    done = sum(step.status == "done" for step in deployment.steps)
    tail = f", {len(failed):,} failed" if failed else ""
    output.say(f"{output.counted(done, 'rule')} deployed{tail}: deployment {deployment.id}")
    if done:
        output.say(f"  hint: `fpctl deploy --rollback --deployment {deployment.id}` puts back what was there")
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


def _roll_back(
    config: options.ConfigFile, wanted: str | None, yes: bool, overwrite: bool, credential: str | None, format: str
) -> int:
    from fpctl.cli.shared.audit_log import Deploying
    from fpctl.cli.shared.exclusion_commands import agreed
    from fpctl.deployment.deployer import roll_back
    from fpctl.deployment.record import UNDOABLE
    from fpctl.deployment.workspace.connection import connect
    from fpctl.settings import load_settings

    settings = load_settings(config)
    chosen = _chosen(settings, wanted)
    workspace = connect(settings, credential)
    try:
        _same_workspace(chosen, workspace.resource_id)
        workspace.all()  # a workspace that cannot be read must not look like one that is empty
        steps = [step for step in chosen.steps if step.status in UNDOABLE]
        what = f"put back {output.counted(len(steps), 'rule')} as before deployment {chosen.id}"
        if not agreed(yes, what, f"{what[0].upper()}{what[1:]}?"):
            return EXIT_FINDINGS
        with Deploying(settings, options.now) as ledger, output.progress("Rolling back", len(chosen.steps)) as update:
            roll_back(
                chosen, workspace, force=overwrite, progress=lambda number: update(number), settled=ledger.taken_back
            )
    finally:
        workspace.close()
    left = [step for step in steps if step.status != "rolled-back"]
    if format == "json":
        lines = [{"rule": s.rule, "path": s.path, "guid": s.guid, "status": s.status, "error": s.error} for s in steps]
        output.show_json({"deployment": chosen.id, "rules": lines})
    for step in left:
        output.say(output.visible_lines(f"{step.path}: not rolled back: {step.error}"))
    output.say(f"{output.counted(len(steps) - len(left), 'rule')} as before deployment {chosen.id}")
    if left:
        output.say("  hint: --overwrite puts back what was changed since, too")
    return EXIT_ERROR if left else EXIT_OK


def _chosen(settings: Settings, wanted: str | None) -> Deployment:
    from fpctl.deployment.record import FOLDER, UNDOABLE, deployments
    from fpctl.errors import FpctlError, Location
    from fpctl.spelling import did_you_mean

    folder = settings.paths.root / FOLDER
    recorded = deployments(folder)
    if wanted is not None:
        for deployment in recorded:
            if deployment.id == wanted:
                return deployment
        known = [deployment.id for deployment in recorded]
        raise FpctlError(
            f"no deployment {wanted} is recorded", Location(str(folder)), did_you_mean(wanted, known, what="deployment")
        )
    for deployment in recorded:
        if any(step.status in UNDOABLE for step in deployment.steps):
            return deployment
    raise FpctlError("no deployment is recorded that could be rolled back", Location(str(folder)))


def _same_workspace(deployment: Deployment, resource_id: str) -> None:
    from fpctl.errors import FpctlError, Location

    if deployment.workspace.lower() != resource_id.lower():
        raise FpctlError(
            f"deployment {deployment.id} went to another workspace: {deployment.workspace}",
            Location(str(deployment.path)),
            "set that one in [deploy], or FPCTL_DEPLOY_WORKSPACE",
        )
