"""A rule's plan explained: the pipeline with its insertion points and columns, each clause and why it is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fpctl.kql.binder import PipelineColumns
from fpctl.kql.binder.scope import Column, InsertionPoint
from fpctl.repository.apply import RuleOutcome
from fpctl.rewrite.plan.model import Insertion
from fpctl.text.source import SourceText

WIDTH = 100
SHOWN_COLUMNS = 8
"""The most column names per line of a picture; `--columns` and JSON give all."""


def outcome_to_dict(outcome: RuleOutcome) -> dict[str, Any]:
    """Return the part of the documented JSON that `apply` and `explain` share."""
    plan = outcome.tuned.plan if outcome.tuned else None
    warnings: list[dict[str, Any]] = []
    if plan is not None:
        warnings = [
            {"code": w.code, "message": w.message, "line": w.line, "exclusion": w.exclusion} for w in plan.warnings
        ]
    return {
        "insertions": [insertion_to_dict(i) for i in plan.insertions] if plan else [],
        "skips": [
            {
                "exclusion": s.exclusion,
                "reason": s.reason,
                "message": s.message,
                "line": s.line,
                "hint": s.hint,
                "finding": s.finding,
            }
            for s in (plan.skips if plan else ())
        ],
        "warnings": warnings,
    }


def apply_to_dict(outcome: RuleOutcome) -> dict[str, Any]:
    """Return the documented JSON of `fpctl apply` for one rule."""
    return {
        "rule": outcome.rule.id,
        "name": outcome.rule.name,
        "path": outcome.rule.path,
        "status": outcome.status,
        "error": str(outcome.error) if outcome.error else None,
        **outcome_to_dict(outcome),
    }


def insertion_to_dict(insertion: Insertion) -> dict[str, Any]:
    """Return the documented JSON of one clause. `line` is the base-query line of the operator it follows."""
    return {
        "exclusions": list(insertion.exclusions),
        "line": insertion.line,
        "clause": insertion.clause,
        "position": insertion.position,
        "offset": insertion.offset,
        "pipeline": insertion.pipeline,
    }


def explanation_to_dict(outcome: RuleOutcome) -> dict[str, Any]:
    """Return the documented JSON of `fpctl explain` for one rule."""
    pipelines = outcome.tuned.analysis.pipelines if outcome.tuned else ()
    return {
        "rule": outcome.rule.id,
        "name": outcome.rule.name,
        "path": outcome.rule.path,
        "status": outcome.status,
        "error": str(outcome.error) if outcome.error else None,
        "pipelines": [
            {"path": p.path, "insertion_points": [_point_to_dict(point) for point in p.points]} for p in pipelines
        ],
        **outcome_to_dict(outcome),
    }


def _point_to_dict(point: InsertionPoint) -> dict[str, Any]:
    return {
        "offset": point.offset,
        "after": point.after,
        "open": point.scope.open,
        "rowwise": point.scope.rowwise,
        "columns": {name: {"type": c.type, "origin": c.describe()} for name, c in point.scope.columns.items()},
    }


# --------------------------------------------------------------------------- the picture


def picture(outcome: RuleOutcome, *, all_columns: bool = False) -> Iterator[str]:
    """Yield the lines of the picture of one rule."""
    rule = outcome.rule
    yield f"{rule.name}"
    yield f"  id {rule.id}, file {rule.path}"
    if outcome.tuned is None:
        yield ""
        yield f"  not read: {outcome.error}"
        return
    tuned = outcome.tuned
    source = SourceText(tuned.base, rule.path)
    by_point: dict[int, list[Insertion]] = {}
    for insertion in tuned.plan.insertions:
        by_point.setdefault(insertion.offset, []).append(insertion)
    for pipeline in tuned.analysis.pipelines:
        yield ""
        yield from _pipeline(pipeline, source, by_point, all_columns)
    yield ""
    yield from _words(outcome)


def _pipeline(
    pipeline: PipelineColumns, source: SourceText, by_point: Mapping[int, list[Insertion]], all_columns: bool
) -> Iterator[str]:
    yield f"  {pipeline.path}"
    node = pipeline.node
    parts = ([node.source] if node.source is not None else []) + list(node.operators)
    points = pipeline.points[-len(parts) :] if parts else ()
    before: Mapping[str, Column] | None = None
    rowwise = True
    for index, (part, point) in enumerate(zip(parts, points, strict=True)):
        line = source.line_column(part.start)[0]
        text = " ".join(source.text[part.start : part.end].split())
        lead = "" if index == 0 and node.source is not None else "| "
        yield f"  {line:>5}  {_cut(lead + text, WIDTH - 10)}"
        if rowwise and not point.scope.rowwise:
            yield "         ^ from here on a row is no longer one event"
            rowwise = False
        change = _change(before, point, all_columns)
        if change:
            yield f"         {change}"
        before = point.scope.columns
        for insertion in by_point.get(point.offset, ()):
            yield f"    ==>  {insertion.clause}"
            yield f"         {', '.join(insertion.exclusions)}: {_why(pipeline, point)}"


def _why(pipeline: PipelineColumns, point: InsertionPoint) -> str:
    following = next((later for later in pipeline.points if later.index == point.index + 1), None)
    if following is None:
        return "the end of this pipeline; every field is still the table's own column here"
    if not following.scope.rowwise:
        return f"the last place before `{following.after}` turns events into groups"
    return f"the last place at which every field is the table's own column (`{following.after}` follows)"


def _change(before: Mapping[str, Column] | None, point: InsertionPoint, all_columns: bool) -> str:
    columns = point.scope.columns
    more = ", and unknown columns" if point.scope.open else ""
    if before is None:
        shown = f": {_list(columns, all_columns)}" if all_columns or 0 < len(columns) <= SHOWN_COLUMNS else ""
        return f"{len(columns)} columns{more}{shown}"
    if columns is before:
        return ""
    added = [name for name in columns if name not in before]
    gone = [name for name in before if name not in columns]
    changed = [name for name, column in columns.items() if name in before and before[name].kind != column.kind]
    if all_columns or len(gone) > len(columns):
        return f"leaves {len(columns)} columns{more}: {_list(columns, all_columns)}"
    parts = []
    if added:
        parts.append(f"adds {_list(added, all_columns)}")
    if changed:
        parts.append(f"changes {_list(changed, all_columns)}")
    if gone:
        parts.append(f"drops {_list(gone, all_columns)}")
    return "; ".join(parts)


def _list(names: Mapping[str, Column] | list[str], everything: bool) -> str:
    listed = list(names)
    if everything or len(listed) <= SHOWN_COLUMNS:
        return ", ".join(listed)
    return ", ".join(listed[:SHOWN_COLUMNS]) + f" and {len(listed) - SHOWN_COLUMNS} more"


def _words(outcome: RuleOutcome) -> Iterator[str]:
    assert outcome.tuned is not None
    plan = outcome.tuned.plan
    if not plan.insertions and not plan.skips:
        yield "  No exclusion selects this rule."
    for skip in plan.skips:
        at = f" (line {skip.line})" if skip.line else ""
        yield f"  {'refused' if skip.finding else 'not applied'}: {skip.exclusion} [{skip.reason}]{at}: {skip.message}"
        if skip.hint:
            yield f"      hint: {skip.hint}"
    for warning in plan.warnings:
        at = f" (line {warning.line})" if warning.line else ""
        about = f"{warning.exclusion} " if warning.exclusion else ""
        yield f"  warning: {about}[{warning.code}]{at}: {warning.message}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."
