"""Runs as JSON."""

from __future__ import annotations

from typing import Any

from fpctl.execution.run import RunResult
from fpctl.repository.apply import RuleOutcome
from fpctl.rewrite.plan.tables_read import tables_read
from fpctl.rewrite.plan.tuned_rule import TunedRule


def run_to_dict(result: RunResult) -> dict[str, Any]:
    """Return the documented JSON of one run. A count that is not known is null, never 0."""
    rows = result.result
    return {
        "rule": result.rule.id,
        "name": result.rule.name,
        "path": result.rule.path,
        "status": result.status,
        "engine": result.engine,
        "from": result.span.start if result.span is not None and result.span.start.year > 1 else None,
        "to": result.span.end if result.span is not None else None,
        "rows_before": result.rows_before,
        "rows_suppressed": result.rows_suppressed,
        "result_rows": rows.count if rows is not None and rows.partial is None else None,
        "base_result_rows": result.base_rows,
        "scanned_rows": result.scanned_rows,
        "connectors": [connector.to_dict() for connector in result.connectors],
        "hits": [
            {"exclusion": h.exclusion, "rows": h.rows, "unique": h.unique, "first": h.first, "last": h.last}
            for h in result.hits
        ],
        "shadow": [
            {
                "exclusion": h.exclusion,
                "rows": h.rows,
                "unique": h.unique,
                "first": h.first,
                "last": h.last,
                "result_rows": h.tagged,
                "untagged": h.untagged,
            }
            for h in result.shadow
        ],
        "drift": [
            {"exclusion": d.exclusion, "kind": d.kind, "code": d.code, "message": d.message} for d in result.drift
        ],
        "error": result.error,
        "at": {"path": result.at.path, "line": result.at.line, "column": result.at.column} if result.at else None,
        "notes": list(result.notes),
    }


def planned_to_dict(outcome: RuleOutcome, tuned: TunedRule, engine: str) -> dict[str, Any]:
    """Return the documented JSON of a run that `--dry-run` shows and does not do."""
    return {
        "rule": outcome.rule.id,
        "name": outcome.rule.name,
        "path": outcome.rule.path,
        "status": "planned",
        "engine": engine,
        "tables": tables_read(tuned),
        "exclusions": sorted({clause.exclusion for clause in tuned.clauses}),
        "queries": 1 + sum(query.text is not None for query in tuned.counting_queries()),
    }


def unplanned_to_dict(outcome: RuleOutcome, engine: str) -> dict[str, Any]:
    """Return the documented JSON of a rule that could not be planned, and so did not run."""
    return {
        "rule": outcome.rule.id,
        "name": outcome.rule.name,
        "path": outcome.rule.path,
        "status": "failed",
        "engine": engine,
        "rows_before": None,
        "rows_suppressed": None,
        "result_rows": None,
        "base_result_rows": None,
        "hits": [],
        "shadow": [],
        "drift": [],
        "error": str(outcome.error),
        "at": None,
        "notes": [],
    }
