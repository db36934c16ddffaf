"""What commands that plan rules report about them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpctl.cli.shared import output
from fpctl.errors import EXIT_ERROR, EXIT_FINDINGS, EXIT_OK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from fpctl.repository.apply import RuleOutcome
    from fpctl.repository.model import Repository

WORDS = {"rewritten": "rewritten", "unchanged": "unchanged", "refused": "refused", "error": "in error"}


def planned(repository: Repository, day: date) -> Iterator[RuleOutcome]:
    """Return the outcome of planning for each rule on a day, to be looked at: nothing of it is written or run.

    Other processes begin at once, where there are any; the outcomes are for whoever asks for them later.
    """
    from fpctl.repository.parallel import Planning, tune_in_parallel

    rules = repository.rules.rules
    begun = tune_in_parallel(rules, Planning(repository.active(), repository.planner(day), verified=False))

    def outcomes() -> Iterator[RuleOutcome]:
        with output.progress("Planning rules", len(rules)) as update:
            for done, outcome in enumerate(begun, 1):
                yield outcome
                update(done)

    return outcomes()


def show_diff(outcome: RuleOutcome) -> None:
    """Print the unified diff of one rule to stdout, in colour on a terminal."""
    from fpctl.report.diff import clause_diff

    show_diff_lines(clause_diff(outcome))


def show_diff_lines(lines: Iterable[str]) -> None:
    """Print the lines of a unified diff to stdout, in colour on a terminal."""
    for line in lines:
        style = "added" if line.startswith("+") else "removed" if line.startswith("-") else None
        shown = output.visible_lines(line)
        output.write((output.coloured(shown, style) if style else shown) + "\n")


def report_outcomes(outcomes: Sequence[RuleOutcome]) -> None:
    """Report on stderr what was left out, what to know, and what became of how many rules."""
    for outcome in outcomes:
        report_outcome(outcome)
    say_drafts(outcomes)
    statuses = [outcome.status for outcome in outcomes]
    counts = [f"{statuses.count(status):,} {word}" for status, word in WORDS.items() if status in statuses]
    output.say(f"{output.counted(len(statuses), 'rule')}: {', '.join(counts)}" if statuses else "no rules")


def say_drafts(outcomes: Iterable[RuleOutcome]) -> None:
    """Report in one line that drafts are not in the rules, and the command that shows them."""
    ids = {
        skip.exclusion
        for outcome in outcomes
        if outcome.tuned is not None
        for skip in outcome.tuned.plan.skips
        if skip.reason == "draft"
    }
    if ids:
        are = "is a draft and was" if len(ids) == 1 else "are drafts and were"
        output.say(f"{output.counted(len(ids), 'exclusion')} {are} not applied: fpctl list --status draft")


def report_outcome(outcome: RuleOutcome, *, of_rule: bool = True) -> None:
    """Report on stderr what was left out of one rule, and what to know.

    Args:
        of_rule: also what is not about an exclusion; False where one exclusion is looked at, whose id is known.
    """
    if outcome.error is not None:
        output.say(output.visible_lines(str(outcome.error)))
    if outcome.tuned is None:
        return
    for skip in outcome.tuned.plan.skips:
        if of_rule and skip.reason in ("retired", "draft"):
            continue  # nobody who looks at a rule asks for what is over; drafts are reported once for all rules
        word = output.coloured("refused", "error", sys.stderr) if skip.finding else "not applied"
        which = f"{skip.exclusion} " if of_rule else ""
        output.say(f"{_place(outcome, skip.line)}: {word}: {output.visible(f'{which}[{skip.reason}] {skip.message}')}")
        if skip.hint:
            output.say(f"  hint: {output.visible(skip.hint)}")
    for warning in outcome.tuned.plan.warnings:
        if of_rule or warning.exclusion is not None:
            word = output.coloured("warning", "warning", sys.stderr)
            which = f"{warning.exclusion} " if of_rule and warning.exclusion else ""
            text = output.visible(f"{which}[{warning.code}] {warning.message}")
            output.say(f"{_place(outcome, warning.line)}: {word}: {text}")


def _place(outcome: RuleOutcome, line: int | None) -> str:
    return output.visible(outcome.rule.path) + (f":{line}" if line else "")


def exit_code(outcomes: Sequence[RuleOutcome], *, broken: bool, findings: bool = False) -> int:
    """Return the exit code: 2 where a file or rule could not be read, 1 where an exclusion was refused.

    Args:
        broken: a file of the repository could not be read.
        findings: the command has findings of its own.
    """
    if broken or any(outcome.status == "error" for outcome in outcomes):
        return EXIT_ERROR
    return EXIT_FINDINGS if findings or any(outcome.findings for outcome in outcomes) else EXIT_OK
