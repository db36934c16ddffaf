"""Operators that keep rows as they are: where, take, sort, top, count, distinct, as, serialize, getschema, render."""

from __future__ import annotations

from collections.abc import Sequence

from fpctl.compiler.context import Expressions
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.columns import added
from fpctl.compiler.relation import Made, Relation
from fpctl.compiler.sql import STAR, Case, Named, Number, Order, Select, Values, func, is_null
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.binder.outputs import Style


@operator(tree.Where)
def where(compiler: Expressions, node: tree.Where, rows: Relation) -> Relation:
    """`where`, `filter`."""
    compiler.bound(node, rows)
    return rows.filtered(compiler.condition(node.predicate))


def count_of(compiler: Expressions, node: tree.Expr, what: str) -> Number:
    """Return a number of rows that is known."""
    value = compiler.constant_of(node, f"the number of rows of {what}")
    if not isinstance(value.constant, int) or value.type not in ("int", "long"):
        compiler.refuse(what, f"{what} needs a whole number of rows", node)
    return Number(max(value.constant, 0))


@operator(tree.Take)
def take(compiler: Expressions, node: tree.Take, rows: Relation) -> Relation:
    """`take`, `limit`."""
    scope = compiler.bound(node, rows)
    return rows.limited(count_of(compiler, node.count, node.keyword)).with_scope(scope)


def orders(compiler: Expressions, items: Sequence[tree.Ordered]) -> list[Order]:
    """Return the keys of a sort: descending unless asked otherwise, nulls where Kusto puts them."""
    found = []
    for item in items:
        value = compiler.value(item.value)
        descending = (item.order or "desc") == "desc"
        if item.order not in (None, "asc", "desc"):
            compiler.refuse("sort", f"`{item.order}` orders names, not rows", item)
        if value.type == "dynamic":
            compiler.refuse("sort", "dynamic values have no order", item, "convert the value: tostring(), tolong()")
        nulls_first = not descending if item.nulls is None else item.nulls == "first"
        sql = value.moment if value.moment is not None else value.sql
        if value.type == "real":
            # NaN sorts next to null, between it and the numbers (sort-operator).
            rank = Case(((is_null(sql), Number(2)), (func("isnan", sql), Number(1))), Number(0))
            found.append(Order(rank, nulls_first, False))
        found.append(Order(sql, descending, nulls_first))
    return found


@operator(tree.Sort)
def sort(compiler: Expressions, node: tree.Sort, rows: Relation) -> Relation:
    """`sort`, `order`."""
    scope = compiler.bound(node, rows)
    return rows.sorted(orders(compiler, node.items)).with_scope(scope)


@operator(tree.Top)
def top(compiler: Expressions, node: tree.Top, rows: Relation) -> Relation:
    """`top`."""
    scope = compiler.bound(node, rows)
    limit = count_of(compiler, node.count, "top")
    return rows.sorted(orders(compiler, (node.by,)), limit).with_scope(scope)


@operator(tree.Count)
def count(compiler: Expressions, node: tree.Count, rows: Relation) -> Relation:
    """`count`."""
    scope = compiler.bound(node, rows)
    name = next(iter(scope.columns))
    return rows.projected([Made(name, Value(func("count", STAR), "long", nullable=False))], scope)


@operator(tree.Render)
def unchanged(compiler: Expressions, node: tree.Render, rows: Relation) -> Relation:
    """`render`, which only draws."""
    return rows


@operator(tree.As)
def name_rows(compiler: Expressions, node: tree.As, rows: Relation) -> Relation:
    """`as X`: the name stands for the rows."""
    named = compiler.nameable(rows)._replace(name=node.name.value)
    compiler.bind_table(node.name.value, named)
    return named


@operator(tree.Serialize)
def serialize(compiler: Expressions, node: tree.Serialize, rows: Relation) -> Relation:
    """`serialize`: columns added, and an order that means something."""
    rows = rows._replace(ordered=True)
    if not node.items:
        return rows.with_scope(compiler.bound(node, rows))
    with compiler.in_row(compiler.row, rows.scope, serialized=True):
        return added(compiler, node.items, rows, Style.EXTEND)


PLAIN = frozenset({"getschema"})
"""Operators of a keyword alone that are supported."""


@operator(tree.Plain)
def plain(compiler: Expressions, node: tree.Plain, rows: Relation) -> Relation:
    """`getschema`; the others of its kind have effects in the service only."""
    if node.keyword in PLAIN and not node.parameters:
        return _schema(compiler, node, rows)
    compiler.refuse(node.keyword, f"the operator {node.keyword} is not supported by the local engine", node)


_NET = {
    "string": "System.String", "bool": "System.SByte", "int": "System.Int32", "long": "System.Int64",
    "real": "System.Double", "decimal": "System.Data.SqlTypes.SqlDecimal", "datetime": "System.DateTime",
    "timespan": "System.TimeSpan", "guid": "System.Guid", "dynamic": "System.Object",
}  # fmt: skip
"""What getschema says of each type (getschema-operator)."""


_SCHEMA = ("string", "long", "string", "string")


def _schema(compiler: Expressions, node: tree.Plain, rows: Relation) -> Relation:
    scope = compiler.bound(node, rows)
    names = tuple(scope.columns)
    made = tuple(
        tuple(constant(value, kind).sql for value, kind in zip(row, _SCHEMA, strict=True))
        for row in (
            (held.name, at, _NET[held.type], held.type) for at, held in enumerate(rows.columns.values())
        )
    )  # fmt: skip
    columns = {name: Held(name, scope.columns[name].type, name) for name in names}
    source = Select(Values(names, made), tuple(Named(held.value().sql, held.sql) for held in columns.values()))
    return Relation(source, columns, scope, False, True)
