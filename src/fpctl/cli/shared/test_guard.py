"""The true-positive guard as `apply` and `run` use it: what suppresses a must-fire event does not go in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpctl.cli.shared import output
from fpctl.errors import Problem

if TYPE_CHECKING:
    from fpctl.cli.shared.context import Workspace
    from fpctl.exclusions.model import Exclusion
    from fpctl.repository.apply import RuleOutcome
    from fpctl.rewrite.plan.planner import Planner
    from fpctl.tuning.guard import CaseOutcome

Force = Annotated[
    str | None,
    typer.Option(
        "--force",
        metavar="REASON",
        help="Also put in exclusions that take out events which must fire; the reason is recorded.",
    ),
]


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcomes without what suppresses an attack (unless forced), and what the guard has to say."""

    outcomes: list[RuleOutcome]
    suppressing: tuple[CaseOutcome, ...] = ()
    problems: tuple[Problem, ...] = ()

    def with_more(self, more: Checked) -> Checked:
        """Return these and more, for rules that are checked a few at a time."""
        problems = tuple(dict.fromkeys((*self.problems, *more.problems)))
        return Checked([*self.outcomes, *more.outcomes], (*self.suppressing, *more.suppressing), problems)

    def forced(self) -> list[str]:
        """Return the ids of the exclusions that suppress an event that must fire, sorted."""
        return sorted({one.exclusion for case in self.suppressing for one in case.suppressed})


def checked(
    outcomes: Sequence[RuleOutcome], exclusions: Sequence[Exclusion], planner: Planner, force: str | None
) -> Checked:
    """Run the must-fire tests of the rules that clauses went into.

    Raises:
        typer.BadParameter: `--force` without a reason.
    """
    from fpctl.rules.test_cases import RuleTestCache

    if force is not None and not force.strip():
        raise typer.BadParameter("--force needs a reason: --force 'accepted in CHG0012345'")
    shelf = RuleTestCache()
    tested = [o for o in outcomes if o.tuned is not None and o.tuned.edits and shelf.cases_of(o.loaded).must_fire()]
    if not tested:
        # The engine is not even loaded.
        return Checked(list(outcomes))
    from fpctl.tuning.guard import guard

    with output.progress("Checking that known attacks still fire"):
        found = guard(outcomes, exclusions, planner, shelf.cases_of, force=force is not None)
    return Checked(list(found.outcomes), found.suppressing, found.problems)


def record(found: Checked, force: str | None, workspace: Workspace, exclusions: Path | None, now: datetime) -> None:
    """Record in the audit trail what was forced, with the reason; nothing where nothing was.

    Args:
        exclusions: the folder that was asked for, None for that of the settings.

    Raises:
        FpctlError: the trail cannot be written: then nothing may be forced.
    """
    if force is None or not found.forced():
        return
    from fpctl.cli.shared.audit_log import noted

    noted(
        "forced",
        found.forced(),
        force.strip(),
        known=workspace.repository.exclusions,
        folder=exclusions or workspace.settings.paths.exclusions,
        settings=workspace.settings,
        now=now,
    )


def say(found: Checked, force: str | None) -> None:
    """Say on stderr what was forced, and what is wrong in the tests."""
    for case in found.suppressing if force is not None else ():
        for one in case.suppressed:
            word = f"{one.exclusion} takes out an event that must fire: {case.case.name} ({case.case.at})"
            output.say(output.visible_lines(f"{case.rule.path}: forced: {word}"))
    output.show_problems(found.problems)
