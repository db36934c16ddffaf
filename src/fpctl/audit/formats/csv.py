"""CSV (RFC 4180): the keys of the JSON as columns."""

from __future__ import annotations

import csv
import io

from fpctl.audit.formats.report import Report
from fpctl.text.visible import csv_cell

COLUMNS = (
    "severity", "code", "name", "path", "line", "column", "exclusion", "rule", "message", "fix", "fingerprint",
)  # fmt: skip


def render(report: Report) -> str:
    """Return a header and a line for each finding; what is not known is an empty field."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for finding in report.findings:
        values = finding.to_dict()
        writer.writerow([csv_cell(values[column]) for column in COLUMNS])
    return text.getvalue()
