"""Operators after which a row is no longer one event: aggregations, samples, rankings, series."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Record, Scalar
from fpctl.kql.binder.context import Context, barrier
from fpctl.kql.binder.expressions import evaluate, evaluate_all
from fpctl.kql.binder.outputs import Style, add_item, add_items
from fpctl.kql.binder.projection import Projection, all_grouped, carried, computed, grouped
from fpctl.kql.binder.references import column_of, result_name
from fpctl.kql.binder.rows import column_behind
from fpctl.kql.binder.scope import Column, Scope


def summarize(context: Context, node: tree.Summarize, scope: Scope) -> Scope:
    """`summarize`: the keys, then the aggregates."""
    types = evaluate_all(context, node.by)
    keys = [column for item in node.by if (column := column_behind(context, item)) is not None]
    outer, context.keys = context.keys, frozenset(map(id, keys))
    context.aggregating = True
    aggregate_types = evaluate_all(context, node.aggregates)
    output = Projection()
    context.aggregating = False
    add_items(context, output, node.by, types)
    output.block(output.columns.values())
    context.aggregating = True
    add_items(context, output, node.aggregates, aggregate_types, Style.SUMMARIZE)
    context.aggregating, context.keys = False, outer
    stars = any(isinstance(part, tree.Star) for item in node.aggregates for part in tree.walk(item))
    return barrier(scope, all_grouped(output.columns), is_open=scope.open and stars)


def distinct(context: Context, node: tree.Distinct, scope: Scope) -> Scope:
    """`distinct`: the listed columns, each combination once."""
    types = evaluate_all(context, node.items)
    output = Projection()
    add_items(context, output, node.items, types)
    stars = any(isinstance(item, tree.Star) for item in node.items)
    return barrier(scope, all_grouped(output.columns), is_open=scope.open and stars)


def count(context: Context, node: tree.Count, scope: Scope) -> Scope:
    """`count`: one row, one column."""
    name = node.alias.value if node.alias is not None else "Count"
    return barrier(scope, {name: Column(name, "long", "derived")})


def sample_distinct(context: Context, node: tree.SampleDistinct, scope: Scope) -> Scope:
    """`sample-distinct N of x`: some values of a column."""
    _, type_ = evaluate_all(context, (node.count, node.item))
    column = _column_for(context, node.item, type_, None, "Column1")
    return barrier(scope, {column.name: grouped(column)})


def top_hitters(context: Context, node: tree.TopHitters, scope: Scope) -> Scope:
    """`top-hitters N of x [by y]`: the values met most, and how much of them."""
    items = (node.count, node.item) if node.by is None else (node.count, node.item, node.by)
    types = evaluate_all(context, items)
    output = Projection()
    add_item(context, output, node.item, types[1], Style.PROJECT)
    if node.by is None:
        name = f"approximate_count_{result_name(context, node.item, '')}"
        output.add(Column(name, "long", "derived"))
    else:
        output.add(Column(f"approximate_sum_{result_name(context, node.by, '')}", types[2], "derived"))
    return barrier(scope, all_grouped(output.columns))


def top_nested(context: Context, node: tree.TopNested, scope: Scope) -> Scope:
    """`top-nested`: for each level the value, and what it was ranked by."""
    columns: dict[str, Column] = {}
    for clause in node.clauses:
        others = [expr for expr in (clause.count, clause.others) if expr is not None]
        evaluate_all(context, others)
        (type_,) = evaluate_all(context, (clause.item,))
        context.aggregating = True
        (by_type,) = evaluate_all(context, (clause.by.value,))
        context.aggregating = False
        wanted = result_name(context, clause.item, "") or ""
        name = _free(columns, wanted)
        column = _column_for(context, clause.item, type_, name, None)
        columns[name] = grouped(column)
        by = clause.by.value
        declared = by.names[0].value if isinstance(by, tree.Named) and len(by.names) == 1 else f"aggregated_{name}"
        declared = _free(columns, declared)
        columns[declared] = computed(declared, by_type, scope.columns)
    return barrier(scope, columns)


def _free(columns: dict[str, Column], name: str) -> str:
    suffix, free = 0, name
    while free in columns:
        suffix += 1
        free = f"{name}{suffix}"
    return free


def _column_for(context: Context, item: tree.Expr, type_: str, name: str | None, default: str | None) -> Column:
    wanted = name if name is not None else result_name(context, item, default) or ""
    column = column_of(context, item)
    if column is None and isinstance(item, tree.Named):
        column = column_of(context, item.value)
    return carried(column, wanted) if column is not None else computed(wanted, type_, context.row.columns)


def reduce(context: Context, node: tree.Reduce, scope: Scope) -> Scope:
    """`reduce by x`: patterns of a column's values."""
    evaluate_all(context, (node.item,))
    columns = dict(context.visible().columns) if context.parameter_text(node.parameters, "kind") == "source" else {}
    for name, type_ in (("Pattern", "string"), ("Count", "long"), ("Representative", "string")):
        columns[name] = Column(name, type_, "derived")
    return barrier(scope, columns)


def make_series(context: Context, node: tree.MakeSeries, scope: Scope) -> Scope:
    """`make-series`: the keys, then a dynamic array for each aggregate, and for what it runs along."""
    context.aggregating = True
    aggregate_types = evaluate_all(context, [item.value for item in node.aggregates])
    context.aggregating = False
    (on_type,) = evaluate_all(context, (node.on,))
    evaluate_all(context, [expr for expr in (node.low, node.high, node.step) if expr is not None])
    types = evaluate_all(context, node.by)
    output = Projection()
    add_items(context, output, node.by, types)
    keys = all_grouped(output.columns)
    context.aggregating = True
    for item, type_ in zip(node.aggregates, aggregate_types, strict=True):
        add_item(context, output, item.value, type_, Style.SUMMARIZE, as_type="dynamic")
    context.aggregating = False
    add_item(context, output, node.on, on_type, Style.PROJECT, as_type="dynamic")
    return barrier(scope, {**output.columns, **keys})


def partition(context: Context, node: tree.Partition, scope: Scope) -> Scope:
    """`partition by key (body)`: what the body gives for each key."""
    evaluate_all(context, (node.by,))
    names, context.names = context.names, context.names.child()
    key = column_of(context, node.by)
    if key is not None:
        context.names[key.name] = Scalar(key.type)
    body = context.pipeline(node.body, context.numbered("partition"), context.visible())
    context.names = names
    return barrier(body, body.columns, is_open=body.open)


def fork(context: Context, node: tree.Fork, scope: Scope) -> Scope:
    """`fork`: several results; nothing can follow."""
    for leg in node.legs:
        context.pipeline(leg.body, context.numbered("fork"), scope)
    return barrier(scope, {})


def facet(context: Context, node: tree.Facet, scope: Scope) -> Scope:
    """`facet by`: several results; nothing can follow."""
    evaluate_all(context, node.by)
    if node.body is not None:
        context.pipeline(node.body, context.numbered("facet"), scope)
    return barrier(scope, {})


def scan(context: Context, node: tree.Scan, scope: Scope) -> Scope:
    """`scan`: the row's columns, the declared ones, and the number of the match."""
    evaluate_all(context, [item.value for item in node.order_by])
    evaluate_all(context, node.partition_by)
    names, context.names = context.names, context.names.child()
    declared = {column.name: Column(column.name, column.type or "string", "derived") for column in node.declare}
    visible = context.visible()
    for name, column in declared.items():
        context.names[name] = Scalar(column.type)
    for step in node.steps:
        context.names[step.name.value] = Record({**visible.columns, **declared}, scope.open)
    for step in node.steps:
        evaluate(context, step.condition)
        _assignments(context, step.assignments)
    context.names = names
    match = context.parameter_text(node.parameters, "with_match_id") or "match_id"
    columns = {**context.visible().columns, **declared}
    columns.setdefault(match, Column(match, "long", "derived"))
    return barrier(scope, columns, is_open=scope.open)


def _assignments(context: Context, assignments: Sequence[tree.Named]) -> None:
    for assignment in assignments:
        evaluate(context, assignment.value)
