"""A finding: one thing about an exclusion, a rule or a list that a person should look at."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fpctl.errors import Location
from fpctl.policy import LEVELS, Level


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: stable: `FP101`.
        slug: its name, as stable: `expired`.
        severity: as the policy has it.
        at: where in the exclusion, list or rule file.
        message: one sentence for people; it may change from version to version.
        exclusion: id of the exclusion it is about.
        rule: id of the rule it is about.
        fix: a command that mends it or begins to.
        subject: what distinguishes it from others of its code about the same exclusion and rule: a value, another id.
        related: another place to look at.
    """

    code: str
    slug: str
    severity: Level
    at: Location
    message: str
    exclusion: str | None = None
    rule: str | None = None
    fix: str | None = None
    subject: str = ""
    related: Location | None = None

    @property
    def fingerprint(self) -> str:
        """What stays the same when lines move and words change: 32 hexadecimal digits."""
        parts = (self.code, self.exclusion or "", self.rule or "", self.subject)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def to_dict(self) -> dict[str, object]:
        """Return the documented JSON shape of a finding."""
        return {
            "code": self.code,
            "name": self.slug,
            "severity": self.severity,
            "path": self.at.path,
            "line": self.at.line,
            "column": self.at.column,
            "exclusion": self.exclusion,
            "rule": self.rule,
            "message": self.message,
            "fix": self.fix,
            "fingerprint": self.fingerprint,
        }


def order(finding: Finding) -> tuple[object, ...]:
    """Return what findings are sorted by: the gravest first, then by file and place."""
    at = finding.at
    return (
        LEVELS.index(finding.severity), at.path or "", at.line or 0, at.column or 0, finding.code,
        finding.exclusion or "", finding.rule or "", finding.subject, finding.message,
    )  # fmt: skip


def at_least(finding: Finding, level: Level) -> bool:
    """Return whether a finding has at least the severity of a level."""
    return LEVELS.index(finding.severity) <= LEVELS.index(level)
