"""Files that could not be read: what is in them suppresses nothing, and nothing else was checked in them."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext
from fpctl.audit.finding import Finding

KNOWN_ELSEWHERE = frozenset({"unknown-rule"})
"""Codes of problems that another check reports."""


def _unreadable(context: AuditContext, check: Check) -> Iterator[Finding]:
    for problem in context.repository.problems:
        if problem.severity == "error" and problem.code not in KNOWN_ELSEWHERE:
            subject = f"{problem.at.path}:{problem.code}:{problem.message}"
            message = f"{problem.message} [{problem.code}]"
            yield check.finding(problem.at, message, fix=None, subject=subject)


CHECKS = (
    Check(
        "FP901",
        "unreadable",
        "error",
        "A file or part of it cannot be read",
        "A rule, exclusion, list or table that cannot be read is skipped: the exclusion suppresses nothing, the "
        "rule is not rewritten, and no other check has looked at it. Without this finding, a report could "
        "wrongly say that all is well. The exit code is 2 as well.",
        "Correct what the message says; `fpctl audit` prints the position and a hint. `fpctl edit ID` opens an "
        "exclusion and checks it before saving.",
        _unreadable,
        example="error   FP901  exclusions/fp-2026-0007.yaml:3:1  unknown key `reson` [unknown-key]",
    ),
)
