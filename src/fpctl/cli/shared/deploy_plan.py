"""What `deploy` and `diff --deployed` share: the rules as they are to be, compared with the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpctl.cli.shared import output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.outcomes import report_outcomes
from fpctl.cli.shared.test_guard import Guarded, guard_outcomes

if TYPE_CHECKING:
    from fpctl.deployment.change import Change, DeployedResources
    from fpctl.deployment.workspace.workspace import SentinelWorkspace


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

    def report(self) -> None:
        """Report on stderr what was left out, and what to know."""
        problems = [problem for change in self.changes for problem in change.artifact.problems]
        output.show_problems([*self.context.repository.problems, *problems])
        for change in self.changes:
            if change.action == "refused" and change.artifact.ready:
                output.say(output.visible_lines(f"{change.artifact.rule.path}: refused: {change.reason}"))
        self.guarded.report()
        report_outcomes(self.guarded.outcomes)


def plan_deployment(
    workspace: SentinelWorkspace, context: AppContext, patterns: Sequence[str], force: str | None
) -> DeployPlan:
    """Plan the rules of today and compare them with the workspace.

    A bare query and a Defender detection are deployed only where a pattern asks for rules: neither says that it is
    meant for the workspace.

    Raises:
        FpctlError: something cannot be read, or the workspace cannot be reached.
    """
    from fpctl.deployment.artifacts.rule_artifact import rule_artifacts
    from fpctl.deployment.change import changes, published_there
    from fpctl.repository.apply import tune
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    repository = context.repository
    context.audit_log.glance()
    chosen = context.select(patterns)
    if not patterns:
        chosen = tuple(one for one in chosen if one.rule.kind in ("scheduled", "nrt", "hunting"))
    active, planner = repository.active(), context.planner()
    with output.progress("Rewriting rules", len(chosen)) as update:
        style = ClauseStyle(fits=True, store="function")
        outcomes = list(tune(chosen, active, planner, style=style, progress=lambda done, _: update(done)))
    guarded = guard_outcomes(outcomes, active, planner, force)
    with output.progress("Reading the workspace"):
        there = workspace.all()
    made = rule_artifacts(guarded.outcomes, "sentinel", published_there(there))
    return DeployPlan(context, guarded, changes(made, there), there)
