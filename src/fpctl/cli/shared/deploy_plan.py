"""What `deploy` and `diff --deployed` share: the rules as they are to be, compared with the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import report_outcomes
from fpctl.cli.shared.test_guard import Guarded, guard_outcomes
from fpctl.errors import Problem

if TYPE_CHECKING:
    from fpctl.deployment.change import Change
    from fpctl.deployment.target import DeployedResources, DeploymentTarget


_MEANT = {"sentinel": ("scheduled", "nrt", "hunting"), "defender": ("defender-custom-detection",)}


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """Where rules are deployed, and how."""

    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="NAME",
            help="sentinel (the workspace in the settings), defender (custom detections), or one of [deploy.targets].",
            show_default="FPCTL_TARGET, or sentinel",
        ),
    ] = None
    lists: options.ListStore = "function"
    credential: options.Credential = None


@dataclass(frozen=True, slots=True)
class DeployPlan:
    """The rules compared with the workspace: what is to change, what is there, and what was left out."""

    context: AppContext
    guarded: Guarded
    changes: list[Change]
    there: DeployedResources

    @property
    def broken(self) -> bool:
        """Whether a file could not be read or a rule not planned."""
        failed = any(outcome.status == "error" for outcome in self.guarded.outcomes)
        return self.context.repository.broken or failed

    @property
    def findings(self) -> bool:
        """Whether a rule or an exclusion was refused."""
        refused = any(change.action == "refused" for change in self.changes)
        return refused or any(outcome.findings for outcome in self.guarded.outcomes)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the files, and with rules as they are to be deployed."""
        own = [problem for change in self.changes for problem in change.artifact.problems]
        return [*self.context.repository.problems, *own]

    def report(self) -> None:
        """Report on stderr what was left out, and what to know."""
        output.show_problems(self.problems)
        for change in self.changes:
            if change.action == "refused" and change.artifact.ready:
                output.say(output.visible_lines(f"{change.artifact.rule.path}: refused: {change.reason}"))
        self.guarded.report()
        report_outcomes(self.guarded.outcomes)


def plan_deployment(
    workspace: DeploymentTarget, context: AppContext, where: DeployOptions, patterns: Sequence[str], force: str | None
) -> DeployPlan:
    """Plan the rules of today and compare them with the workspace.

    Without a pattern only rules of kinds that are meant for the target are deployed: to Sentinel no bare query and
    no custom detection, to Defender nothing but custom detections.

    Raises:
        FpctlError: something cannot be read, or the workspace cannot be reached.
    """
    from fpctl.deployment.artifacts.rule_artifact import for_defender, rule_artifacts
    from fpctl.deployment.change import changes
    from fpctl.repository.apply import tune
    from fpctl.rewrite.plan.size_fit import ANY_LENGTH, ClauseStyle

    repository, service = context.repository, context.settings.service
    context.audit_log.glance()
    chosen = context.select(patterns)
    if not patterns:
        chosen = tuple(one for one in chosen if one.rule.kind in _MEANT[service])
    if service == "defender":
        chosen = tuple(map(for_defender, chosen))
    active, planner = repository.active(), context.planner()
    with output.progress("Rewriting rules", len(chosen)) as update:
        style = ClauseStyle(fits=True, store=where.lists) if service == "sentinel" else ANY_LENGTH
        outcomes = list(tune(chosen, active, planner, style=style, progress=lambda done, _: update(done)))
    guarded = guard_outcomes(outcomes, active, planner, force)
    with output.progress("Reading the workspace"):
        there = workspace.all()
    made = rule_artifacts(guarded.outcomes, service)
    return DeployPlan(context, guarded, changes(made, there), there)
