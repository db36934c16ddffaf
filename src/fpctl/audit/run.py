"""One audit: the checks that are asked for, on one context, with the severities of the policy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext
from fpctl.audit.finding import Finding, order
from fpctl.policy import Level
from fpctl.rules.formats.registry import LoadedRule

_LATE = {"FP4": 1, "FP3": 2}
"""Families of checks that look at the plans run last: other processes plan until then."""


def audit(context: AuditContext, checks: Iterable[Check], severities: Mapping[str, Level | None]) -> list[Finding]:
    """Return the findings of checks, the gravest first, then by place; checks that are turned off find nothing."""
    found: dict[tuple[str, str], Finding] = {}
    for check in sorted(checks, key=lambda check: _LATE.get(check.code[:3], 0)):
        severity = severities[check.code]
        if severity is None:
            continue
        for finding in check.run(context, check):
            graded = finding if severity == finding.severity else replace(finding, severity=severity)
            found.setdefault((graded.fingerprint, graded.message), graded)
    return sorted(found.values(), key=order)


def about(
    findings: Iterable[Finding], context: AuditContext, rules: Sequence[LoadedRule] | None, exclusions: Collection[str]
) -> list[Finding]:
    """Return the findings about rules, or exclusions that reach them, and about exclusions; None and none ask "
    "nothing."""
    kept = list(findings)
    if exclusions:
        wanted = set(exclusions)
        kept = [finding for finding in kept if finding.exclusion in wanted]
    if rules is not None:
        ids = {loaded.rule.id for loaded in rules}
        reaching = {
            loaded.id
            for loaded in context.repository.exclusions.exclusions
            if any(context.rules[index].rule.id in ids for index in context.index.rules_of(loaded.exclusion))
        }
        kept = [f for f in kept if f.rule in ids or (f.rule is None and f.exclusion in reaching)]
    return kept
