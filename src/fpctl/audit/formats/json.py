"""JSON: the documented shape (docs/audit.md)."""

from __future__ import annotations

from fpctl.audit.formats.report import Report
from fpctl.text.visible import json_text


def render(report: Report) -> str:
    """Return the document."""
    document = {
        "version": 1,
        "on": report.today.isoformat(),
        "exclusions": report.exclusions,
        "rules": report.rules,
        "usage": report.usage,
        "counts": report.counts(),
        "baseline": report.baseline,
        "removed": report.removed,
        "risks": [{"exclusion": id, **risk.to_dict()} for id, risk in sorted(report.risks.items())],
        "findings": [finding.to_dict() for finding in report.findings],
    }
    return json_text(document) + "\n"
