"""A check: what is looked for, why, and what to do about it. Its texts are the pages of docs/findings.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpctl.audit.finding import Finding
from fpctl.errors import Location
from fpctl.policy import Level

if TYPE_CHECKING:
    from fpctl.audit.context import AuditContext


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        code: `FP` and three digits; the first digit is the family.
        slug: the same in words.
        severity: the default.
        title: what a finding says, in a few words.
        why: why it matters and what exactly is looked for, in Markdown.
        remedy: what to do, in Markdown.
        run: yields the findings of an audit.
        policy: keys of the settings that steer it.
        example: a message as it is printed.
    """

    code: str
    slug: str
    severity: Level
    title: str
    why: str
    remedy: str
    run: Callable[[AuditContext, Check], Iterable[Finding]]
    policy: tuple[str, ...] = ()
    example: str = ""

    def finding(
        self,
        at: Location,
        message: str,
        *,
        exclusion: str | None = None,
        rule: str | None = None,
        fix: str | None = None,
        subject: str = "",
        related: Location | None = None,
    ) -> Finding:
        """Return a finding of this check, with its default severity."""
        return Finding(self.code, self.slug, self.severity, at, message, exclusion, rule, fix, subject, related)
