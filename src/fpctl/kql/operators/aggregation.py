"""Operators that make groups of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpctl.kql import tree
from fpctl.kql.binder.context import BinderContext, with_columns
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.outputs import Style, add_item, add_items
from fpctl.kql.binder.projection import (
    Projection,
    all_grouped,
    carried,
    computed,
    grouped,
)
from fpctl.kql.binder.references import column_behind, column_of, result_name
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.grammar.clauses import by_follows, ordered
from fpctl.kql.grammar.cursor import LIST_ENDS, new
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.operators.model import PLACES_ARE_FILLED, FewerRows, OperatorSpec, RowEffect
from fpctl.kql.tokens import LITERAL_TYPES, NAME

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

_REDUCE = frozenset(("threshold", "characters"))


def _parse_summarize(p: Expressions) -> tree.Summarize:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    kinds = p.kinds
    aggregates: tuple[tree.Expr, ...] = ()
    by: tuple[tree.Expr, ...] = ()
    if kinds[p.at] != "by" and kinds[p.at] not in LIST_ENDS:
        aggregates = p.named_list()
    if p.take("by"):
        by = _keys(p)
    return new(tree.Summarize, (p.starts[at], p.ends[p.at - 1], p.texts[at], found, aggregates, by))


def _keys(p: Expressions) -> tuple[tree.Expr, ...]:
    """Parse the keys after `by`; the last may be followed by `bin=1h`, the spelling from before `bin(Time, 1h)`."""
    keys: list[tree.Expr] = []
    while True:
        if _at_legacy_bin(p):
            raise p.unexpected("a key before `bin=`")
        keys.append(p.named())
        if p.kinds[p.at] != ",":
            break
        p.at += 1
    if _at_legacy_bin(p):
        at = p.at
        p.at = at + 2
        value = p.expression()
        keys.append(new(tree.Named, (p.starts[at], p.end(), (p.name_at(at, at + 1),), value)))
    return tuple(keys)


def _at_legacy_bin(p: Expressions) -> bool:
    kinds, at = p.kinds, p.at
    return kinds[at] == "bin" and kinds[at + 1] == "=" and kinds[at + 2] in LITERAL_TYPES


def _parse_distinct(p: Expressions) -> tree.Distinct:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    items: list[tree.Expr] = []
    while True:
        items.append(p.star() if p.kinds[p.at] == "*" else p.named())
        if not p.take(","):
            return new(tree.Distinct, (p.starts[at], p.end(), p.texts[at], found, tuple(items)))


def _parse_make_series(p: Expressions) -> tree.MakeSeries:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    aggregates = [_series_aggregate(p)]
    while p.take(","):
        aggregates.append(_series_aggregate(p))
    p.expect("on", "in `make-series`")
    on = p.named()
    low = high = step = None
    if p.take("in"):
        p.expect("range", "after `in`")
        p.expect("(", "after `range`")
        bounds = () if p.kinds[p.at] == ")" else p.named_list()
        p.expect(")", "to close `range(`")
        low, high, step = (*bounds, None, None, None)[:3]
    else:
        if p.kinds[p.at] not in ("from", "to", "step"):
            raise p.unexpected("`from`, `to` or `step` in `make-series`")
        if p.take("from"):
            low = p.expression()
        if p.take("to"):
            high = p.expression()
        p.expect("step", "in `make-series`")
        step = p.expression()
    by = p.named_list() if p.take("by") else ()
    span = (p.starts[at], p.end(), p.texts[at])
    return new(tree.MakeSeries, (*span, found, tuple(aggregates), on, low, high, step, by))


def _series_aggregate(p: Expressions) -> tree.SeriesAggregate:
    value = p.named()
    default = None
    if p.take("default"):
        p.expect("=", "after `default`")
        default = p.named()
    return new(tree.SeriesAggregate, (value[0], p.end(), value, default))


def _parse_reduce(p: Expressions) -> tree.Reduce:
    at = p.at
    p.at = at + 1
    found = parameters(p, _REDUCE, before_equals=False)
    p.expect("by", "after `reduce`")
    item = p.named()
    options: list[tree.Parameter] = []
    if p.take("with"):
        options += _one_option(p)
        while options and p.take(","):
            option = _one_option(p)
            if not option:
                raise p.unexpected("`threshold` or `characters`")
            options += option
    return new(tree.Reduce, (p.starts[at], p.end(), p.texts[at], found, item, tuple(options)))


def _one_option(p: Expressions) -> tuple[tree.Parameter, ...]:
    return parameters(p, _REDUCE, before_equals=False, most=1)


def _parse_top_hitters(p: Expressions) -> tree.TopHitters:
    at = p.at
    p.at = at + 1
    number = p.named()
    p.expect("of", "in `top-hitters`")
    item = p.named()
    by = p.named() if p.take("by") else None
    return new(tree.TopHitters, (p.starts[at], p.end(), p.texts[at], number, item, by))


def _parse_top_nested(p: Expressions) -> tree.TopNested:
    at = p.at
    clauses = [_top_nested_clause(p)]
    while p.take(","):
        if p.kinds[p.at] != "top-nested":
            raise p.unexpected("`top-nested` after `,`")
        clauses.append(_top_nested_clause(p))
    return new(tree.TopNested, (p.starts[at], p.end(), p.texts[at], tuple(clauses)))


def _top_nested_clause(p: Expressions) -> tree.TopNestedClause:
    at = p.at
    p.at = at + 1
    number = None
    if p.kinds[p.at] != "of" or p.kinds[p.at + 1] == "=":
        number = p.named()
    p.expect("of", "in `top-nested`")
    item = p.named()
    others = None
    if p.take("with"):
        p.expect("others", "after `with`")
        p.expect("=", "after `others`")
        others = p.literal() or p.expression()
    p.expect("by", "in `top-nested`")
    by = ordered(p)
    return new(tree.TopNestedClause, (p.starts[at], p.end(), number, item, others, by))


def _parse_count(p: Expressions) -> tree.Count:
    at = p.at
    p.at = at + 1
    if p.kinds[at + 1] == "(":
        raise p.unexpected("`|` or the end after the operator `count`")
    alias = None
    if p.take("as"):
        name = p.expect(NAME, "after `count as`")
        alias = p.name_at(name, name + 1)
    return new(tree.Count, (p.starts[at], p.end(), p.texts[at], alias))


def _parse_sample_distinct(p: Expressions) -> tree.SampleDistinct:
    at = p.at
    p.at = at + 1
    parameters(p)
    number = p.named()
    p.expect("of", "in `sample-distinct`")
    item = p.named()
    return new(tree.SampleDistinct, (p.starts[at], p.end(), p.texts[at], number, item))


def _bind_summarize(context: BinderContext, node: tree.Summarize, scope: Scope) -> Scope:
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
    return with_columns(scope, all_grouped(output.columns), is_open=scope.open and stars)


def _bind_distinct(context: BinderContext, node: tree.Distinct, scope: Scope) -> Scope:
    """`distinct`: the listed columns, each combination once."""
    types = evaluate_all(context, node.items)
    output = Projection()
    add_items(context, output, node.items, types)
    stars = any(isinstance(item, tree.Star) for item in node.items)
    return with_columns(scope, all_grouped(output.columns), is_open=scope.open and stars)


def _bind_count(context: BinderContext, node: tree.Count, scope: Scope) -> Scope:
    """`count`: one row, one column."""
    name = node.alias.value if node.alias is not None else "Count"
    return with_columns(scope, {name: Column(name, "long", "derived")}, is_open=False)


def _bind_sample_distinct(context: BinderContext, node: tree.SampleDistinct, scope: Scope) -> Scope:
    """`sample-distinct N of x`: some values of a column."""
    _, type_ = evaluate_all(context, (node.count, node.item))
    column = _column_for(context, node.item, type_, None, "Column1")
    return with_columns(scope, {column.name: grouped(column)}, is_open=False)


def _bind_top_hitters(context: BinderContext, node: tree.TopHitters, scope: Scope) -> Scope:
    """`top-hitters N of x [by y]`: the most frequent values, and how frequent they are."""
    items = (node.count, node.item) if node.by is None else (node.count, node.item, node.by)
    types = evaluate_all(context, items)
    output = Projection()
    add_item(context, output, node.item, types[1], Style.PROJECT)
    if node.by is None:
        name = f"approximate_count_{result_name(context, node.item, '')}"
        output.add(Column(name, "long", "derived"))
    else:
        output.add(Column(f"approximate_sum_{result_name(context, node.by, '')}", types[2], "derived"))
    return with_columns(scope, all_grouped(output.columns), is_open=False)


def _bind_top_nested(context: BinderContext, node: tree.TopNested, scope: Scope) -> Scope:
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
    return with_columns(scope, columns, is_open=False)


def _free(columns: dict[str, Column], name: str) -> str:
    suffix, free = 0, name
    while free in columns:
        suffix += 1
        free = f"{name}{suffix}"
    return free


def _column_for(context: BinderContext, item: tree.Expr, type_: str, name: str | None, default: str | None) -> Column:
    wanted = name if name is not None else result_name(context, item, default) or ""
    column = column_of(context, item)
    if column is None and isinstance(item, tree.Named):
        column = column_of(context, item.value)
    return carried(column, wanted) if column is not None else computed(wanted, type_, context.row.columns)


def _bind_reduce(context: BinderContext, node: tree.Reduce, scope: Scope) -> Scope:
    """`reduce by x`: patterns of a column's values."""
    evaluate_all(context, (node.item,))
    columns = dict(context.visible().columns) if context.parameter_text(node.parameters, "kind") == "source" else {}
    for name, type_ in (("Pattern", "string"), ("Count", "long"), ("Representative", "string")):
        columns[name] = Column(name, type_, "derived")
    return with_columns(scope, columns, is_open=False)


def _bind_make_series(context: BinderContext, node: tree.MakeSeries, scope: Scope) -> Scope:
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
    return with_columns(scope, {**output.columns, **keys}, is_open=False)


def _barrier(keyword: str, node: type, parse: Any, bind: Any, fewer_rows: FewerRows) -> OperatorSpec:
    """Return the entry of an operator whose rows stand for several events."""
    return OperatorSpec((keyword,), node, parse, bind, RowEffect.BARRIER, fewer_rows)


OPERATORS = (
    # What missing rows do to the values of the aggregates is followed column by column.
    _barrier("summarize", tree.Summarize, _parse_summarize, _bind_summarize, None),
    _barrier("distinct", tree.Distinct, _parse_distinct, _bind_distinct, None),
    OperatorSpec(
        ("count",),
        tree.Count,
        _parse_count,
        _bind_count,
        RowEffect.BARRIER,
        fewer_rows=None,
    ),
    _barrier("sample-distinct", tree.SampleDistinct, _parse_sample_distinct, _bind_sample_distinct, PLACES_ARE_FILLED),
    _barrier("top-hitters", tree.TopHitters, _parse_top_hitters, _bind_top_hitters, PLACES_ARE_FILLED),
    _barrier("top-nested", tree.TopNested, _parse_top_nested, _bind_top_nested, PLACES_ARE_FILLED),
    OperatorSpec(
        ("reduce",),
        tree.Reduce,
        _parse_reduce,
        _bind_reduce,
        RowEffect.BARRIER,
        fewer_rows="the groups are formed without the removed rows",
        begins=by_follows,
    ),
    _barrier(
        "make-series",
        tree.MakeSeries,
        _parse_make_series,
        _bind_make_series,
        "the series is computed without the removed rows: baselines shift and anomalies can appear",
    ),
)
