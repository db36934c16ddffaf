"""`top-nested`, `top-hitters`, `sample`, `sample-distinct`: some rows, or the most frequent values."""

from __future__ import annotations

from dataclasses import replace

from fpctl.compiler.context import Expressions
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.columns import agreed
from fpctl.compiler.operators.grouping import grouped
from fpctl.compiler.operators.naming import inner
from fpctl.compiler.operators.rows import count_of
from fpctl.compiler.relation import Made, Relation, passed
from fpctl.compiler.sql import STAR, Column, Func, Infix, Join, Named, Order, Select, Sql, Window, conjunction, func
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


@operator(tree.Sample)
def sample(compiler: Expressions, node: tree.Sample, rows: Relation) -> Relation:
    """`sample`: any rows will do, so the first are as good."""
    scope = compiler.bound(node, rows)
    return rows.limited(count_of(compiler, node.count, "sample")).with_scope(scope)


@operator(tree.SampleDistinct)
def sample_distinct(compiler: Expressions, node: tree.SampleDistinct, rows: Relation) -> Relation:
    """`sample-distinct`."""
    scope = compiler.bound(node, rows)
    name, column = next(iter(scope.columns.items()))
    value = agreed(compiler, node.item, compiler.value(inner(node.item)), column.type)
    distinct = rows.projected([Made(name, value)], scope, distinct=True)
    return distinct.limited(count_of(compiler, node.count, "sample-distinct"))


@operator(tree.TopHitters)
def top_hitters(compiler: Expressions, node: tree.TopHitters, rows: Relation) -> Relation:
    """`top-hitters`, which Kusto estimates: counted."""
    scope = compiler.bound(node, rows)
    key, total = scope.columns
    value = compiler.value(inner(node.item))
    if node.by is None:
        weight = Value(func("count", STAR), "long")
    else:
        by = compiler.value(inner(node.by))
        kind = str(scope.columns[total].type)
        weight = Value(func("sum", by.sql), kind)
    made = [Made(key, agreed(compiler, node, value, scope.columns[key].type)), Made(total, weight)]
    counted = grouped(rows, made, 1)._replace(scope=scope)
    limit = count_of(compiler, node.count, "top-hitters")
    return counted.sorted([Order(Column(counted.columns[total].sql), True, False)], limit)


@operator(tree.TopNested)
def top_nested(compiler: Expressions, node: tree.TopNested, rows: Relation) -> Relation:
    """`top-nested`: level by level, what is greatest within the levels before."""
    scope = compiler.bound(node, rows)
    names = list(scope.columns)
    binder = compiler.binder
    keys: list[Made] = []
    for at, clause in enumerate(node.clauses):
        if clause.others is not None:
            compiler.refuse("top-nested", "`with others` is not supported by the local engine", clause)
        name = names[2 * at]
        keys.append(
            Made(name, agreed(compiler, clause.item, compiler.value(inner(clause.item)), scope.columns[name].type))
        )
    # The levels' values are added to the row, then each level's aggregate over its keys as a window.
    hidden = [Made(f"fpctl_level_{at}", one.value) for at, one in enumerate(keys)]
    wide = rows.extended(hidden, [*rows.columns, *(one.name for one in hidden)], rows.scope)
    columns = [Column(wide.columns[one.name].sql) for one in hidden]
    aggregates: list[Made] = []
    for at, clause in enumerate(node.clauses):
        name = names[2 * at + 1]
        compiler.grouping = True
        binder.aggregating = True
        value = compiler.value(inner(clause.by.value))
        compiler.grouping = False
        binder.aggregating = False
        typed = agreed(compiler, clause.by.value, value, scope.columns[name].type)
        aggregates.append(Made(name, typed))
    current: Select | None = None
    for at, clause in enumerate(node.clauses):
        level = tuple(columns[: at + 1])
        select = Select(
            wide.select if current is None else _kept(wide, current, columns[:at]),
            (*tuple(Named(one, one.name) for one in level), Named(aggregates[at].value.sql, f"fpctl_value_{at}")),
            group=level,
        )
        if clause.count is not None:
            limit = count_of(compiler, clause.count, "top-nested")
            descending = clause.by.order != "asc"
            order = Order(Column(f"fpctl_value_{at}"), descending, not descending)
            rank = Func("row_number", (), over=Window(tuple(columns[:at]), (order,)))
            select = replace(Select(select, keep=True), qualify=Infix("<=", (rank, limit)))
        if current is not None:
            select = _with_before(current, select, columns[:at], at)
        current = select
    assert current is not None
    made = []
    for at in range(len(node.clauses)):
        made.append(passed(wide.columns[hidden[at].name], names[2 * at]))
        made.append(
            Made(names[2 * at + 1], aggregates[at].value._replace(sql=Column(f"fpctl_value_{at}"), moment=None))
        )
    return Relation(current, {}, scope, False).projected(made, scope)


def _kept(wide: Relation, current: Select, keys: list[Column]) -> Select:
    """Return the rows whose values at the levels before were chosen."""
    on = _same(keys, "L", "R")
    return Select(Join("SEMI", wide.as_source(), "L", current, "R", on), keep=True)


def _with_before(before: Select, select: Select, keys: list[Column], at: int) -> Select:
    """Return a level with the values of the levels before it."""
    source = Join("INNER", before, "L", select, "R", _same(keys, "L", "R"))
    columns = [Named(Column(key.name, "L"), key.name) for key in keys]
    columns += [Named(Column(f"fpctl_value_{one}", "L"), f"fpctl_value_{one}") for one in range(at)]
    columns += [Named(Column(f"fpctl_level_{at}", "R"), f"fpctl_level_{at}")]
    columns += [Named(Column(f"fpctl_value_{at}", "R"), f"fpctl_value_{at}")]
    return Select(source, tuple(columns))


def _same(keys: list[Column], left: str, right: str) -> Sql:
    return conjunction([
        Infix("IS NOT DISTINCT FROM", (Column(key.name, left), Column(key.name, right))) for key in keys
    ])  # fmt: skip
