"""A table for people and for grep: one line a finding, as long as it needs, or wrapped for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.audit.formats.report import Report

HEADERS = ("severity", "code", "place", "finding", "fix")
_GAPS = 2 * (len(HEADERS) - 1)
_NARROWEST = 24


def render(report: Report, width: int | None = None) -> str:
    """Return the table, no wider than `width` characters where the words allow it; nothing without a finding.

    Where the columns do not fit, each finding is a record of lines.
    """
    from tabulate import tabulate

    if not report.findings:
        return ""
    rows = [
        (finding.severity, finding.code, str(finding.at), finding.message, finding.fix or "-")
        for finding in report.findings
    ]
    widest: list[int | None] | None = None
    if width is not None:
        left = width - _GAPS - sum(max(map(len, column)) for column in list(zip(HEADERS, *rows, strict=True))[:3])
        if left < 2 * _NARROWEST:
            return _records(rows, width)
        fix = max(left // 3, _NARROWEST)
        widest = [None, None, None, max(left - fix, _NARROWEST), fix]
    text = tabulate(rows, headers=HEADERS, tablefmt="simple", disable_numparse=True, maxcolwidths=widest)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _records(rows: Sequence[tuple[str, ...]], width: int) -> str:
    from textwrap import TextWrapper

    indent = "  "
    wrapper = TextWrapper(width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    records = []
    for severity, code, place, message, fix in rows:
        records.append([f"{severity}  {code}  {place}", *wrapper.wrap(message), *wrapper.wrap(f"fix: {fix}")])
    return "\n".join("".join(f"{line}\n" for line in record) for record in records)
