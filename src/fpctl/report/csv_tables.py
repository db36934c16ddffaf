"""An estate as CSV files, a table each: what the page may have to cut short is whole here."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from fpctl.report.estate import Estate
from fpctl.text.visible import csv_cell


def tables(estate: Estate) -> dict[str, str]:
    """Return the text of each CSV file by its name."""
    return {
        "rules.csv": _csv(
            ("rule", "name", "path", "exclusions", "events", "suppressed", "left_over", "result_rows", "last_run"),
            (
                (
                    one.rule, one.name, one.path, one.exclusions, one.events, one.suppressed, one.remaining,
                    one.results, one.last.isoformat() if one.last else None,
                )
                for one in estate.rules
            ),
        ),
        "exclusions.csv": _csv(
            ("exclusion", "title", "state", "owner", "expires", "rules", "hits", "unique", "risk", "risk_level"),
            (
                (
                    entry.loaded.id, entry.loaded.exclusion.title, entry.state, entry.loaded.exclusion.owner,
                    entry.loaded.exclusion.expires, entry.rules, entry.hits.rows if entry.hits else None,
                    entry.hits.unique if entry.hits else None, entry.risk.score, entry.risk.level,
                )
                for entry in estate.overview.entries
            ),
        ),
        "hits.csv": _csv(
            ("rule", "exclusion", "hits"), ((cell.rule, cell.exclusion, cell.rows) for cell in estate.cells)
        ),
        "daily.csv": _csv(
            ("day", *(one.name for one in estate.series)),
            ((day, *(one.values[n] for one in estate.series)) for n, day in enumerate(estate.days)),
        ),
        "decisions.csv": _csv(
            ("kind", "exclusion", "title", "why", "fix"),
            ((one.kind, one.exclusion, one.title, one.message, one.command) for one in estate.decisions),
        ),
        "findings.csv": _csv(
            ("severity", "code", "exclusion", "rule", "place", "message", "fix"),
            (
                (one.severity, one.code, one.exclusion, one.rule, str(one.at), one.message, one.fix)
                for one in estate.findings
            ),
        ),
    }  # fmt: skip


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return text.getvalue()
