"""The must-fire tests as a gate for `apply`, `run`, `export` and `deploy`: what suppresses one does not go in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from fpctl.cli.shared import output
from fpctl.errors import Problem

if TYPE_CHECKING:
    from fpctl.cli.shared.audit_log import AuditLog
    from fpctl.exclusions.model import Exclusion
    from fpctl.repository.apply import RuleOutcome
    from fpctl.rewrite.plan.planner import Planner
    from fpctl.tuning.guard import CaseOutcome


@dataclass(frozen=True, slots=True)
class Guarded:
    """The outcomes without what suppresses a must-fire event (unless forced), and what the tests found.

    Attributes:
        force: the reason to let such exclusions in, None for none.
    """

    outcomes: list[RuleOutcome]
    force: str | None = None
    suppressing: tuple[CaseOutcome, ...] = ()
    problems: tuple[Problem, ...] = ()

    def with_more(self, more: Guarded) -> Guarded:
        """Return these and more, for rules that are checked a few at a time."""
        problems = tuple(dict.fromkeys((*self.problems, *more.problems)))
        return Guarded([*self.outcomes, *more.outcomes], self.force, (*self.suppressing, *more.suppressing), problems)

    def record(self, log: AuditLog) -> None:
        """Record in the audit trail what was forced, with the reason; nothing where nothing was.

        Raises:
            FpctlError: the trail cannot be written: then nothing may be forced.
        """
        forced = sorted({one.exclusion for case in self.suppressing for one in case.suppressed})
        if self.force is not None and forced:
            log.note("forced", forced, self.force.strip())

    def report(self) -> None:
        """Report on stderr what was forced, and what is wrong with the tests."""
        for case in self.suppressing if self.force is not None else ():
            for one in case.suppressed:
                text = f"{one.exclusion} suppresses an event that must fire: {case.case.name} ({case.case.at})"
                output.say(output.visible_lines(f"{case.rule.path}: forced: {text}"))
        output.show_problems(self.problems)


def guard_outcomes(
    outcomes: Sequence[RuleOutcome], exclusions: Sequence[Exclusion], planner: Planner, force: str | None
) -> Guarded:
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
        return Guarded(list(outcomes), force)
    from fpctl.tuning.guard import guard

    with output.progress("Checking that known attacks still fire"):
        found = guard(outcomes, exclusions, planner, shelf.cases_of, force=force is not None)
    return Guarded(list(found.outcomes), force, found.suppressing, found.problems)
