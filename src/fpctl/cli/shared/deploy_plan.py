"""What `deploy` and `diff --deployed` share: the rules as they are to be, against the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.cli.shared import options, output
from fpctl.cli.shared import test_guard as guarding

if TYPE_CHECKING:
    from fpctl.cli.shared.context import Workspace
    from fpctl.deployment.change import Change, DeployedResources
    from fpctl.deployment.workspace.workspace import SentinelWorkspace
    from fpctl.repository.model import Repository


@dataclass(frozen=True, slots=True)
class Planned:
    """The rules against the workspace: what is to change, what is there, and what there is to say."""

    opened: Workspace
    exclusions: Path | None
    checked: guarding.Checked
    changes: list[Change]
    there: DeployedResources

    @property
    def repository(self) -> Repository:
        """The rules and exclusions."""
        return self.opened.repository

    @property
    def broken(self) -> bool:
        """Whether a file could not be read or a rule not planned."""
        return self.repository.broken or any(outcome.status == "error" for outcome in self.checked.outcomes)

    @property
    def findings(self) -> bool:
        """Whether a rule or an exclusion was refused."""
        refused = any(change.action == "refused" for change in self.changes)
        return refused or any(outcome.findings for outcome in self.checked.outcomes)

    def record(self, force: str | None) -> None:
        """Record in the audit trail what is forced. Raises FpctlError where that cannot be: then nothing may be."""
        guarding.record(self.checked, force, self.opened, self.exclusions, options.now())

    def say(self, force: str | None) -> None:
        """Say on stderr what was left out, and what to know."""
        from fpctl.cli.shared.outcomes import talk

        problems = [problem for change in self.changes for problem in change.artifact.problems]
        output.show_problems([*self.repository.problems, *problems])
        for change in self.changes:
            if change.action == "refused" and change.artifact.ready:
                output.say(output.visible_lines(f"{change.artifact.rule.path}: refused: {change.reason}"))
        guarding.say(self.checked, force)
        talk(self.checked.outcomes)


def planned_changes(
    workspace: SentinelWorkspace,
    config: Path | None,
    rules: Path | None,
    exclusions: Path | None,
    patterns: Sequence[str],
    force: str | None,
) -> Planned:
    """Plan the rules of today and compare them with the workspace.

    A bare query and a Defender detection go out only where a pattern asks for rules: neither says that it is
    meant for the workspace.

    Raises:
        FpctlError: something cannot be read, or the workspace cannot be reached.
    """
    from fpctl.cli.shared.audit_log import glanced
    from fpctl.cli.shared.context import open_workspace
    from fpctl.deployment.artifacts.rule_artifact import rule_artifacts
    from fpctl.deployment.change import changes, published_there
    from fpctl.repository.apply import tune
    from fpctl.rewrite.plan.size_fit import ClauseStyle

    opened = open_workspace(config, rules, exclusions)
    repository = opened.repository
    glanced(repository.exclusions, exclusions, opened.settings, options.now())
    chosen = repository.rules.select(patterns)
    if not patterns:
        chosen = tuple(one for one in chosen if one.rule.kind in ("scheduled", "nrt", "hunting"))
    active, planner = repository.active(), repository.planner(options.now().date())
    with output.progress("Rewriting rules", len(chosen)) as update:
        style = ClauseStyle(fits=True, store="function")
        outcomes = list(tune(chosen, active, planner, style=style, progress=lambda done, _: update(done)))
    checked = guarding.checked(outcomes, active, planner, force)
    with output.progress("Reading the workspace"):
        there = workspace.all()
    made = rule_artifacts(checked.outcomes, "sentinel", published_there(there))
    return Planned(opened, exclusions, checked, changes(made, there), there)
