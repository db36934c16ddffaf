"""JSON: the documented shape (docs/audit.md)."""

from __future__ import annotations

from typing import Any

from fpctl.audit.formats.report import Report


def document(report: Report) -> dict[str, Any]:
    """Return the document."""
    return {
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
