"""`fpctl diff`: where the workspace is not what the rules say."""

from __future__ import annotations

from typing import Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK


def command(
    rule: options.Rules = None,
    deployed: Annotated[
        bool, typer.Option("--deployed", help="Compare with the Sentinel workspace of [deploy].")
    ] = False,
    credential: options.Credential = None,
    rules: options.RulesFolder = None,
    exclusions: options.ExclusionsFolder = None,
    config: options.ConfigFile = None,
    format: options.TextFormat = "text",
) -> int:
    """Show what the exclusions change in the rules; with --deployed, where the workspace differs.

    With --deployed each difference says who moved, as far as deployments recorded here tell: the rule files,
    somebody in the portal, or both. Exit code 1: there is a difference. 2: a rule could not be planned.
    """
    if not deployed:
        from fpctl.cli.rules.apply import command as apply

        return apply(rule, rules, exclusions, diff=True, config=config, format=format)
    from fpctl.cli.shared.deploy_plan import planned_changes
    from fpctl.deployment.drift import rule_drifts
    from fpctl.deployment.record import FOLDER, deployments, last_known
    from fpctl.deployment.workspace.connection import connect
    from fpctl.settings import load_settings

    settings = load_settings(config)
    workspace = connect(settings, credential)
    try:
        planned = planned_changes(workspace, config, rules, exclusions, rule or [], None)
    finally:
        workspace.close()
    known = last_known(deployments(settings.paths.root / FOLDER), workspace.resource_id)
    found = rule_drifts(planned.changes, planned.there, known, whole=not rule)
    differing = [drift for drift in found if drift.finding]
    if format == "json":
        output.show_json({"rules": [drift.to_dict() for drift in found]})
    else:
        for drift in differing:
            output.write(f"{drift.state}: {output.visible(drift.name)} ({drift.path or drift.guid})\n")
            if drift.change is not None and drift.change.action in ("create", "update"):
                for line in drift.change.diff() if drift.change.action == "update" else ():
                    style = "added" if line.startswith("+") else "removed" if line.startswith("-") else None
                    shown = output.visible_lines(line)
                    output.write((output.coloured(shown, style) if style else shown) + "\n")
    planned.say(None)
    output.say(f"{output.counted(len(differing), 'rule')} of {len(found):,} not as the files say")
    if planned.broken:
        return EXIT_ERROR
    return EXIT_FINDINGS if differing or planned.findings else EXIT_OK
