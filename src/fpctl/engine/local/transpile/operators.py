"""Tabular operators that duckdb-kql lacks, said with those that it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.literals import bracket_name

Rule = Callable[[Draft, Any], Iterator[Edit]]


def edits(draft: Draft) -> Iterator[Edit]:
    """Yield the lowering of every operator that needs one."""
    for node in draft.nodes:
        rule = _RULES.get(type(node))
        if rule is not None:
            yield from rule(draft, node)


def _listed(draft: Draft, node: tree.ProjectReorder | tree.ProjectAway | tree.ProjectByNames) -> Iterator[Edit]:
    """Name the columns that are left, in their order."""
    if isinstance(node, tree.ProjectAway) and node.keyword == "project-away" and not _has_pattern(node.items):
        return
    columns = draft.columns_after(node)
    if columns is None:
        if isinstance(node, tree.ProjectReorder):  # only the order of columns is lost
            draft.notes.add(node.keyword)
            yield Edit(node.start, node.end, "where true")
        return
    draft.notes.add(node.keyword)
    yield Edit(node.start, node.end, f"project {_names(columns)}")


def _distinct(draft: Draft, node: tree.Distinct) -> Iterator[Edit]:
    if len(node.items) == 1 and isinstance(node.items[0], tree.Star):
        columns = draft.columns_after(node)
        if columns:
            draft.notes.add("distinct *")
            yield Edit(node.items[0].start, node.items[0].end, _names(columns))


def _pipeline(draft: Draft, node: tree.Pipeline) -> Iterator[Edit]:
    """`(T | a) | b` is `T | a | b`."""
    inner = node.source
    if isinstance(inner, tree.Subquery) and draft.text[inner.start] == "(":
        yield Edit(inner.start, inner.start + 1, " ")
        yield Edit(inner.end - 1, inner.end, " ")


def _top(draft: Draft, node: tree.Top) -> Iterator[Edit]:
    """`top N` wants its number as a literal."""
    if isinstance(node.count, tree.Name):
        literal = draft.literal(node.count)
        if literal is not None:
            yield Edit(node.count.start, node.count.end, draft.source(literal))


def _top_nested(draft: Draft, node: tree.TopNested) -> Iterator[Edit]:
    columns = draft.columns_after(node)
    clause = node.clauses[0]
    if len(node.clauses) != 1 or clause.others is not None or clause.by.nulls or columns is None or len(columns) != 2:
        return
    item, by = clause.item, clause.by.value
    names = [bracket_name(name) for name in columns]
    text = f"summarize {names[1]} = {_value(draft, by)} by {names[0]} = {_value(draft, item)}"
    if clause.count is not None:
        text += f" | top {draft.source(clause.count)} by {names[1]} {clause.by.order or 'desc'}"
    draft.notes.add(node.keyword)
    yield Edit(node.start, node.end, text)


def _top_hitters(draft: Draft, node: tree.TopHitters) -> Iterator[Edit]:
    columns = draft.columns_after(node)
    if columns is None or len(columns) != 2:
        return
    item, weight = (bracket_name(name) for name in columns)
    total = "count()" if node.by is None else f"sum({_value(draft, node.by)})"
    draft.notes.add(node.keyword)
    yield Edit(
        node.start,
        node.end,
        f"summarize {weight} = {total} by {item} = {_value(draft, node.item)} "
        f"| top {draft.source(node.count)} by {weight} desc",
    )


def _sample(draft: Draft, node: tree.Sample) -> Iterator[Edit]:
    """Any rows are a sample; the first ones are the same on every run."""
    draft.notes.add(node.keyword)
    yield Edit(node.start, node.end, f"take {draft.source(node.count)}")


def _sample_distinct(draft: Draft, node: tree.SampleDistinct) -> Iterator[Edit]:
    draft.notes.add(node.keyword)
    yield Edit(node.start, node.end, f"distinct {draft.source(node.item)} | take {draft.source(node.count)}")


def _count(draft: Draft, node: tree.Count) -> Iterator[Edit]:
    if node.alias is not None:
        yield Edit(node.start, node.end, f"count | project-rename {draft.source(node.alias)} = Count")


def _as(draft: Draft, node: tree.As) -> Iterator[Edit]:
    """A name that nothing else uses is dropped; else what comes before it becomes a `let`."""
    named = sum(isinstance(other, tree.Name) and other.value == node.name.value for other in draft.nodes)
    if named == 1:
        draft.notes.add(node.keyword)
        yield Edit(node.start, node.end, "where true")
        return
    for statement in draft.query.results():
        pipeline = statement.pipeline
        position = next((at for at, operator in enumerate(pipeline.operators) if operator is node), None)
        if position is not None and pipeline.source is not None:
            draft.notes.add(node.keyword)
            name = draft.source(node.name)
            last = pipeline.operators[position - 1] if position else pipeline.source
            before = draft.text[pipeline.start : last.end]
            yield Edit(pipeline.start, node.end, f"let {name} = materialize({before}\n);\n{name}")


def _serialize(draft: Draft, node: tree.Serialize) -> Iterator[Edit]:
    draft.notes.add(node.keyword)
    if node.items:
        yield Edit(node.start, node.start + len(node.keyword), "extend")
    else:
        yield Edit(node.start, node.end, "where true")


def _mv_expand(draft: Draft, node: tree.MvExpand) -> Iterator[Edit]:
    """An unnamed expression gets the name that Kusto gives it: a new one, or of the column it is made of."""
    points = draft.points.get(id(node))
    if points is None or len(node.items) != 1 or isinstance(node.items[0].value, tree.Named | tree.Name):
        return
    before = points[0].scope.columns
    new = [name for name, column in points[1].scope.columns.items() if before.get(name) != column]
    if len(new) == 1:
        draft.notes.add("mv-expand of an expression")
        yield Edit(node.items[0].start, node.items[0].start, f"{bracket_name(new[0])} = ")


def _index(draft: Draft, node: tree.Index) -> Iterator[Edit]:
    """`a.[0]` is `a[0]`."""
    dot = re.compile(r"\s*\.\s*(?=\[)").match(draft.text, node.base.end)
    if dot:
        yield Edit(dot.start(), dot.end(), "")


def _has_pattern(items: tuple[tree.Expr, ...]) -> bool:
    return any(isinstance(item, tree.Wildcard | tree.Star) for item in items)


def _names(columns: list[str]) -> str:
    return ", ".join(bracket_name(name) for name in columns)


def _value(draft: Draft, node: tree.Expr) -> str:
    return draft.source(node.value if isinstance(node, tree.Named) else node)


_RULES: Mapping[type, Rule] = MappingProxyType(
    {
        tree.ProjectReorder: _listed,
        tree.ProjectAway: _listed,
        tree.ProjectByNames: _listed,
        tree.Distinct: _distinct,
        tree.Pipeline: _pipeline,
        tree.Top: _top,
        tree.TopNested: _top_nested,
        tree.TopHitters: _top_hitters,
        tree.Sample: _sample,
        tree.SampleDistinct: _sample_distinct,
        tree.Count: _count,
        tree.As: _as,
        tree.Serialize: _serialize,
        tree.MvExpand: _mv_expand,
        tree.Index: _index,
    }
)
