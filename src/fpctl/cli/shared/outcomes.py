"""What the verbs that plan rules say about them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from fpctl.cli.shared import output
from fpctl.report.diff import clause_diff
from fpctl.repository.apply import RuleOutcome


def show_diff(outcome: RuleOutcome) -> None:
    """Print the unified diff of one rule to stdout, in colour on a terminal."""
    for line in clause_diff(outcome):
        style = "added" if line.startswith("+") else "removed" if line.startswith("-") else None
        shown = output.visible_lines(line)
        output.write((output.coloured(shown, style) if style else shown) + "\n")


def talk(outcomes: Sequence[RuleOutcome]) -> None:
    """Say on stderr what was left out, what to know, and how many rules came to what."""
    for outcome in outcomes:
        where = outcome.rule.path
        if outcome.error is not None:
            output.say(output.visible_lines(f"{outcome.error}"))
        if outcome.tuned is None:
            continue
        for skip in outcome.tuned.plan.skips:
            line = f":{skip.line}" if skip.line else ""
            word = output.coloured("refused", "error", sys.stderr) if skip.finding else "not applied"
            output.say(output.visible_lines(f"{where}{line}: {word}: {skip.exclusion} [{skip.reason}] {skip.message}"))
            if skip.hint:
                output.say(f"  hint: {skip.hint}")
        for warning in outcome.tuned.plan.warnings:
            line = f":{warning.line}" if warning.line else ""
            about = f"{warning.exclusion} " if warning.exclusion else ""
            word = output.coloured("warning", "warning", sys.stderr)
            output.say(output.visible_lines(f"{where}{line}: {word}: {about}[{warning.code}] {warning.message}"))
    statuses = [outcome.status for outcome in outcomes]
    told = ", ".join(
        f"{statuses.count(status):,} {word}"
        for status, word in (
            ("rewritten", "rewritten"),
            ("unchanged", "unchanged"),
            ("refused", "refused"),
            ("error", "in error"),
        )
        if status in statuses
    )
    output.say(f"{output.counted(len(statuses), 'rule')}: {told}" if statuses else "no rules")
