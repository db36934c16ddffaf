"""What every format is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from fpctl.audit.finding import Finding
from fpctl.exclusions.risk.score import Risk
from fpctl.policy import LEVELS

RISKIEST = 5
"""How many high-risk exclusions are named in a line."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an audit.

    Attributes:
        findings: those to show, in order.
        today: the day of the audit.
        baseline: findings that the baseline accepts and that are not shown.
        removed: findings of the baseline that no longer occur.
        exclusions: how many exclusions were looked at.
        rules: how many rules.
        usage: whether there was a history to look at.
        risks: the risk score of each exclusion that was looked at, by id.
    """

    findings: Sequence[Finding]
    today: date
    baseline: int = 0
    removed: int = 0
    exclusions: int = 0
    rules: int = 0
    usage: bool = False
    risks: Mapping[str, Risk] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Return how many findings there are of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {level: found[level] for level in LEVELS}

    def summary(self) -> str:
        """Return one line: `2 errors, 1 warning` or `no findings`."""
        words = [f"{count:,} {level}{'' if count == 1 else 's'}" for level, count in self.counts().items() if count]
        return ", ".join(words) or "no findings"

    def risk_summary(self) -> str:
        """Return one line: `2 high (fp-1 82, fp-9 61), 3 medium, 10 low`, the riskiest first; empty for none."""
        words: list[str] = []
        for level in ("high", "medium", "low"):
            found = sorted(((risk.score, id) for id, risk in self.risks.items() if risk.level == level), reverse=True)
            named = ", ".join(f"{id} {score}" for score, id in found[:RISKIEST]) if level == "high" else ""
            more = ", ..." if named and len(found) > RISKIEST else ""
            if found:
                words.append(f"{len(found):,} {level}{f' ({named}{more})' if named else ''}")
        return ", ".join(words)
