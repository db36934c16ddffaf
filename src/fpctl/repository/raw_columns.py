"""Which columns rules have, for those who write conditions on them or read their output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from fpctl.errors import KqlSyntaxError
from fpctl.fields.registry import FIELDS
from fpctl.kql.analysis import Analysis
from fpctl.kql.literals import bracket_name
from fpctl.rewrite.plan.planner import Planner
from fpctl.rules.formats.registry import LoadedRule


def raw_columns(rules: Sequence[LoadedRule], planner: Planner) -> Callable[[str], Sequence[str]]:
    """Return a function from a field to the columns that hold its text in the rules' table.

    It answers with nothing where the rules read several tables, or the column is not plain text: then no
    raw condition says the same for every row.
    """
    tables = {table for loaded in rules for table in _tables(loaded, planner)}

    def columns(field: str) -> Sequence[str]:
        role = FIELDS[field].verbatim
        if len(tables) != 1 or role is None:
            return ()
        (table,) = tables
        found = planner.fields.columns(table, field)
        if not found or any(column.members or column.parse or column.role != role for column in found):
            return ()
        return tuple(bracket_name(column.column) for column in found)

    return columns


def result_origins(rules: Iterable[LoadedRule], planner: Planner) -> dict[str, list[tuple[str, str]]]:
    """Return, for each column that the rules put out, the (table, column) pairs that it carries unchanged."""
    found: dict[str, list[tuple[str, str]]] = {}
    for loaded in rules:
        analysis = _analysis(loaded, planner)
        if analysis is None:
            continue
        for pipeline in analysis.pipelines:
            if pipeline.path == "main" and pipeline.points:
                for name, column in pipeline.points[-1].scope.columns.items():
                    pairs = [(origin.table, origin.column) for origin in column.origins]
                    found.setdefault(name, []).extend(pair for pair in pairs if pair not in found.get(name, ()))
    return found


def _tables(loaded: LoadedRule, planner: Planner) -> set[str]:
    analysis = _analysis(loaded, planner)
    pipelines = analysis.pipelines if analysis is not None else ()
    return {
        table
        for pipeline in pipelines
        for point in pipeline.points[:1]
        for names in point.scope.branches.values()
        for table in names
    }


def _analysis(loaded: LoadedRule, planner: Planner) -> Analysis | None:
    """Return the analysis of a rule's query; None for one that cannot be parsed, which planning reports."""
    try:
        return planner.read(loaded.rule).analysis
    except KqlSyntaxError:
        return None
