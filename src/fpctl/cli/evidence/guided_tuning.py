"""The guided `fpctl tune`: choose a proposal, see before and after, say why, and it is recorded and applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fpctl.cli.evidence.proposal_output import show_heading
from fpctl.cli.shared import options, output
from fpctl.cli.shared.context import AppContext
from fpctl.cli.shared.impact_output import show_impact
from fpctl.cli.shared.outcomes import show_diff
from fpctl.cli.shared.risk import risk_lines
from fpctl.errors import EXIT_OK, FpctlError

if TYPE_CHECKING:
    from fpctl.cli.shared.terminal import Terminal
    from fpctl.exclusions.drafts.draft import DraftExclusion
    from fpctl.exclusions.exclusion_writer import NewExclusion
    from fpctl.rules.formats.registry import LoadedRule
    from fpctl.tuning.suggestion import Suggestion, TuningResult

USUAL_OUT = Path("tuned")


@dataclass(slots=True)
class GuidedTuning:
    """A conversation about the proposals for one rule.

    Attributes:
        draft: what every exclusion gets: the owner, the ticket and the reason that options gave.
        recorded: the exclusions that were recorded.
    """

    context: AppContext
    loaded: LoadedRule
    found: TuningResult
    engine: options.EngineOptions
    files: options.RepositoryFiles
    talk: Terminal
    draft: DraftExclusion
    recorded: list[NewExclusion]

    def run(self) -> int:
        """Ask until nothing more is wanted, and return the exit code."""
        left = list(range(1, len(self.found.suggestions) + 1))
        while left:
            chosen = self._choose(left)
            if not chosen:
                break
            for number in chosen:
                left.remove(number)
                self._decide(number, self.found.suggestions[number - 1])
        if not self.recorded:
            output.say("nothing was recorded")
            return EXIT_OK
        return self._apply()

    def _choose(self, left: Sequence[int]) -> tuple[int, ...]:
        from fpctl.exclusions.drafts.proposal import parse_choice

        which = ", ".join(map(str, left))
        question = (
            f"Which one do you want to {'look at' if not self.recorded else 'look at next'}? ({which}; empty to end)"
        )
        while answer := self.talk.ask(question).strip():
            try:
                numbers = parse_choice(answer, len(self.found.suggestions))
            except ValueError as error:
                self.talk.say(str(error))
                continue
            if wanted := tuple(number for number in numbers if number in left):
                return wanted
            self.talk.say(f"choose from {which}")
        return ()

    def _decide(self, number: int, one: Suggestion) -> None:
        """Show what a proposal does, ask why it is benign, and record it if a reason is given."""
        show_heading(number, one, self.found)
        self._show_effect(one)
        reason = self.talk.ask("Why are these events benign? (empty: do not record it)", self.draft.reason).strip()
        if not reason:
            return
        owner = self.talk.ask("Owner", self.draft.owner).strip()
        ticket = self.talk.ask("Ticket or change (empty for none)", self.draft.ticket).strip()
        self.draft = replace(self.draft, reason=reason, owner=owner or None, ticket=ticket or None)
        while True:
            who = self.talk.ask("Approved by somebody else? (empty: it stays a draft)").strip()
            try:
                return self._record(one, who)
            except FpctlError as error:
                if not who:
                    raise
                self.talk.say(str(error))

    def _show_effect(self, one: Suggestion) -> None:
        """Show the diff of the rule, events and result rows before and after, the tests and the risk."""
        from fpctl.repository.apply import applicable
        from fpctl.repository.single_exclusion import in_force, trial
        from fpctl.rules.test_cases import RuleTestCache
        from fpctl.tuning.impact import impact

        alone, span = in_force(one.exclusion), self.found.span
        for outcome in trial(one.exclusion, [self.loaded], self.context.planner()):
            show_diff(outcome)
        with self.context.engine(self.engine, span.end) as opened, output.progress("Comparing before and after"):
            others = applicable(self.loaded.rule, self.context.repository.active())
            planner = self.context.planner_for(opened, span)
            found = impact(alone, self.loaded.rule, True, others, planner, opened, span, daily_alerts=False)
        show_impact(found, brief=True)
        cases = RuleTestCache().cases_of(self.loaded).must_fire()
        fires = f"{output.counted(len(cases), 'event')} that must fire still {'fires' if len(cases) == 1 else 'fire'}"
        output.write(f"\n  Tests: {fires if cases else 'none; fpctl capture saves an attack that must still fire'}\n")
        output.write("  Risk: " + "\n        ".join(output.visible(line) for line in risk_lines(one.risk)) + "\n\n")

    def _record(self, one: Suggestion, approver: str) -> None:
        """Record a proposal.

        Raises:
            FpctlError: the approver may not approve it.
        """
        from fpctl.exclusions.completeness import lacking, words_for
        from fpctl.exclusions.exclusion_writer import write
        from fpctl.exclusions.lifecycle import check_approver
        from fpctl.repository.recording import entries_of
        from fpctl.tuning.drafts import draft_of

        check_approver(approver, self.context.settings.policy.may_approve)
        draft = replace(
            draft_of(one, self.loaded.rule.id, self.context.today),
            reason=self.draft.reason,
            owner=self.draft.owner,
            ticket=self.draft.ticket,
            approved_by=approver or None,
            status="active" if approver else "draft",
        )
        context = AppContext(self.context.files, "optional", self.context.now)
        (entry,) = entries_of([draft], context.repository, context.folder, context.today)
        context.audit_log.record(lambda: write(entry), "added", [entry.exclusion.id])
        self.recorded.append(entry)
        missing = lacking(entry.exclusion, context.settings.enforced)
        why = f": {words_for(missing)} yet" if missing else ""
        draft_words = f" as a draft{why}" if entry.exclusion.status == "draft" else ""
        output.say(f"recorded {entry.exclusion.id} in {entry.path}{draft_words}")

    def _apply(self) -> int:
        """Write the tuned rule if that is wanted; drafts are approved first."""
        drafts = [one.exclusion.id for one in self.recorded if one.exclusion.status == "draft"]
        if drafts:
            output.say(f"have {'it' if len(drafts) == 1 else 'them'} approved: fpctl approve {' '.join(drafts)}")
        if len(drafts) == len(self.recorded):
            return EXIT_OK
        out = self.context.settings.paths.out or self.context.root / USUAL_OUT
        answer = self.talk.ask(f"Write the tuned rule to {out}? (y/n)", "y").strip().casefold()
        if not answer.startswith("y"):
            output.say(f"write it later: fpctl apply --out {out}")
            return EXIT_OK
        from fpctl.cli.rules import apply

        return apply.command(self.files, apply.PlanOptions(), apply.TargetOptions(out), [self.loaded.rule.path])
