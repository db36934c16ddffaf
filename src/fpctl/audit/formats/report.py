"""What every format is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from fpctl.audit.finding import Finding
from fpctl.policy import LEVELS


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an audit.

    Attributes:
        findings: those to show, in order.
        today: the day of the audit.
        known: how many findings of the baseline were left out.
        gone: how many findings of the baseline are there no more.
        exclusions: how many exclusions were looked at.
        rules: how many rules.
        usage: whether there was a history to look at.
    """

    findings: Sequence[Finding]
    today: date
    known: int = 0
    gone: int = 0
    exclusions: int = 0
    rules: int = 0
    usage: bool = False

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {level: found[level] for level in LEVELS}

    def summary(self) -> str:
        """Return one line: `2 errors, 1 warning` or `no findings`."""
        words = [f"{count:,} {level}{'' if count == 1 else 's'}" for level, count in self.counts().items() if count]
        return ", ".join(words) or "no findings"
