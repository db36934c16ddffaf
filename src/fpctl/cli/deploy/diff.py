"""`fpctl diff`: what clauses change in the rules, or where the workspace differs from the files."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.deploy_plan import DeployOptions, plan_deployment
from fpctl.cli.shared.outcomes import show_diff_lines
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK


def command(
    files: options.RepositoryFiles,
    where: DeployOptions,
    rule: options.Rules = None,
    deployed: Annotated[bool, typer.Option("--deployed", help="Compare with the deployed rules.")] = False,
    format: options.TextFormat = "text",
) -> int:
    """Show what the exclusions change in the rules; with --deployed, how the workspace differs.

    With --deployed, each difference says where it comes from, as far as recorded deployments show: a change in the
    rule files, in the portal, or in both. Exit code 1: there is a difference. 2: a rule could not be planned.
    """
    files = replace(files, target=where.target)
    if not deployed:
        from fpctl.cli.rules.apply import PlanOptions, TargetOptions
        from fpctl.cli.rules.apply import command as apply

        return apply(files, PlanOptions(), TargetOptions(diff=True), rule, format=format)
    from fpctl.deployment.connection import connect
    from fpctl.deployment.drift import rule_drifts
    from fpctl.deployment.record import FOLDER, DeploymentRecords

    context = AppContext(files)
    workspace = connect(context.settings, where.credential, target=context.settings.service)
    try:
        plan = plan_deployment(workspace, context, where, rule or [], None)
    finally:
        workspace.close()
    records = DeploymentRecords(context.root / FOLDER)
    wanted = [(change.artifact.resource, change.artifact.guid) for change in plan.changes]
    known = records.last_known(workspace.id, wanted)
    output.show_problems(records.problems)
    found = rule_drifts(plan.changes, plan.there, known, whole=not rule)
    differing = [drift for drift in found if drift.finding]
    if format == "json":
        output.show_json({"rules": [drift.to_dict() for drift in found]}, [*records.problems, *plan.problems])
    else:
        for drift in differing:
            output.write(output.visible(f"{drift.state}: {drift.name} ({drift.path or drift.guid})") + "\n")
            if drift.change is not None and drift.change.action == "update":
                show_diff_lines(drift.change.diff())
    plan.report()
    output.say(f"{output.counted(len(differing), 'rule')} of {len(found):,} differ from the files")
    if plan.broken:
        return EXIT_ERROR
    return EXIT_FINDINGS if differing or plan.findings else EXIT_OK
