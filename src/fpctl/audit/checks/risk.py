"""FP613: exclusions whose risk score is high."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.audit.check import Check
from fpctl.audit.context import AuditContext
from fpctl.audit.finding import Finding

TOLD = 3
"""How many of the heaviest factors a finding names."""


def _high(context: AuditContext, check: Check) -> Iterator[Finding]:
    for loaded in context.kept:
        risk = context.risks[loaded.id]
        if risk.level == "high":
            points = ", ".join(f"{one.message} ({one.points:+})" for one in risk.factors[:TOLD])
            yield check.finding(
                loaded.at,
                f"the risk of {loaded.id} is {risk.score} of 100: {points}",
                exclusion=loaded.id,
                fix=f"fpctl show {loaded.id}",
            )


CHECKS = (
    Check(
        "FP613", "high-risk", "warning", "The risk score is high",
        "The score adds up what makes an exclusion dangerous: what it matches on and who can choose that, the "
        "rules that it applies to, how long it is valid, and whether tests with known attacks protect them "
        "([risk](tuning.md#risk)). It is high from `high` in `[risk]` on, which is 60 by default. An audit "
        "does not look at events, so the share of events and devices adds nothing here; `fpctl preview` measures "
        "it.",
        "`fpctl show ID` lists every factor. Name a device, URL or hash, pin the program, shorten the lifetime, "
        "or write a test with an attack that must fire.",
        _high, (),
        "the risk of fp-2026-0007 is 66 of 100: no device, URL or hash is named (+35), it never expires (+20), "
        "RMM connection is of high severity (+10)",
    ),
)  # fmt: skip
