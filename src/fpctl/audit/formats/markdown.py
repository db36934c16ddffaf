"""Markdown for a comment on a pull request. Nothing in a finding can become markup or a mention."""

from __future__ import annotations

import html
import re

from fpctl.audit.finding import Finding
from fpctl.audit.formats.report import Report
from fpctl.text.visible import visible_lines

MOST = 200
"""How many findings are written out: a comment on GitHub holds 65,536 characters."""

_SIGNS = {"error": "🔴", "warning": "🟠", "note": "🔵"}
_MARKUP = {ord(character): f"&#{ord(character)};" for character in "|@\\*_~[]#!:\n\r"}


def render(report: Report) -> str:
    """Return a heading, a line of counts, and a table of the findings."""
    lines = ["### fpctl audit", "", f"{report.summary()} on {report.today}{_known(report)}."]
    if any(risk.level != "low" for risk in report.risks.values()):
        lines += ["", f"Risk: {_plain(report.risk_summary())}."]
    if report.findings:
        lines += ["", "| | finding | place | fix |", "|---|---|---|---|"]
        lines += [_row(finding) for finding in report.findings[:MOST]]
    more = len(report.findings) - MOST
    if more > 0:
        lines += ["", f"{more:,} more: run `fpctl audit`."]
    return "\n".join(lines) + "\n"


def _known(report: Report) -> str:
    return f" ({report.baseline:,} known ones left out)" if report.baseline else ""


def _row(finding: Finding) -> str:
    fix = f"<code>{_plain(finding.fix)}</code>" if finding.fix else ""
    title = f"{_SIGNS[finding.severity]} {finding.code}"
    return f"| {title} | {_text(finding.message)} | <code>{_plain(str(finding.at))}</code> | {fix} |"


def _text(message: str) -> str:
    """Return a message with the text between backticks as code."""
    parts = re.split(r"`([^`]*)`", message)
    return "".join(_plain(part) if at % 2 == 0 else f"<code>{_plain(part)}</code>" for at, part in enumerate(parts))


def _plain(text: str) -> str:
    return html.escape(visible_lines(text), quote=False).replace("`", "&#96;").translate(_MARKUP)
