"""`summarize`: keys, then aggregates; scalar functions around aggregates too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import MACROS
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.columns import computed, matched
from fpctl.compiler.operators.naming import add, several
from fpctl.compiler.relation import Made, Names, Relation, held_for, stored
from fpctl.compiler.sql import Column, Func, Named, Number, Select, Sql, Subselect, Window
from fpctl.kql import tree
from fpctl.kql.binder.context import barrier
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.outputs import Style
from fpctl.kql.binder.projection import Projection, all_grouped
from fpctl.kql.binder.references import column_behind

ORDER = "fpctl_order"
"""The column that says in which order rows came, for aggregates that keep it."""
IN_ORDER = frozenset({"make_list", "makelist", "make_list_if", "make_list_with_nulls", "make_bag", "make_bag_if",
                      "make_set", "makeset", "make_set_if", "take_any", "any", "take_anyif", "anyif"})  # fmt: skip


@operator(tree.Summarize)
def summarize(compiler: Expressions, node: tree.Summarize, rows: Relation) -> Relation:
    """`summarize`."""
    binder = compiler.binder
    ordered = rows.ordered and any(
        isinstance(part, tree.Call) and part.name.value in IN_ORDER for part in tree.walk(node)
    )
    if ordered:
        rows = with_order(rows)
    # The binder looks at the keys first, and names them before the aggregates.
    keys = [column for item in node.by if (column := column_behind(binder, item)) is not None]
    outer, binder.keys = binder.keys, frozenset(map(id, keys))
    output = Projection()
    made = computed(compiler, node.by, output, Style.PROJECT)
    for one in made:
        if one.value.type == "dynamic":
            compiler.refuse("summarize", f"the key {one.name} is dynamic; keys are not", node, "use tostring()")
    output.block(output.columns.values())
    count = len(made)
    binder.aggregating = True
    types = evaluate_all(binder, node.aggregates)
    binder.aggregating = False
    for item, type_ in zip(node.aggregates, types, strict=True):
        compiler.grouping = True
        values = several(compiler, item)
        compiler.grouping = False
        binder.aggregating = True
        names = add(compiler, output, item, type_, Style.SUMMARIZE)
        binder.aggregating = False
        made.extend(matched(compiler, item, names, values, output))
    binder.keys = outer
    scope = barrier(rows.scope, all_grouped(output.columns))
    return grouped(rows, made, count)._replace(scope=scope)


def grouped(rows: Relation, made: Sequence[Made], keys: int) -> Relation:
    """Return rows grouped by the first `keys` of the computed columns."""
    if any(_guards_aggregate(stored(one.value)) for one in made[keys:]):
        return _grouped_then_computed(rows, made, keys)
    names = Names()
    columns = {one.name: held_for(one, names) for one in made}
    select = replace(
        rows.base(),
        keep=False,
        columns=tuple(Named(stored(one.value), columns[one.name].sql) for one in made),
        group=tuple(Number(at + 1) for at in range(keys)) if keys else None,
        distinct=False,
    )
    if not keys and not made:
        select = Select(select)
    return Relation(select, columns, rows.scope, False)


AGGREGATES = frozenset({
    "count", "sum", "avg", "min", "max", "list", "any_value", "first", "stddev_samp", "stddev_pop", "var_samp",
    "var_pop", "quantile_disc", "arg_max_null", "arg_min_null", "bit_and", "bit_or", "bit_xor",
})  # fmt: skip
"""DuckDB's aggregates, as the compiler calls them."""


@cache
def _guards(name: str) -> bool:
    """Return whether a function has a TRY, itself or as a macro: DuckDB takes no aggregate inside one."""
    if name == "TRY" or name not in MACROS:
        return name == "TRY"
    body = MACROS[name][1]
    return "TRY(" in body or any(map(_guards, re.findall(r"\bkql_\w+", body)))


def _parts(sql: object) -> Iterator[object]:
    if isinstance(sql, tuple):
        yield from sql
    elif isinstance(sql, Sql) and not isinstance(sql, Subselect):
        yield from (getattr(sql, one.name) for one in fields(sql))  # type: ignore[arg-type]


def _holds_aggregate(sql: object) -> bool:
    return (isinstance(sql, Func) and sql.name in AGGREGATES) or any(map(_holds_aggregate, _parts(sql)))


def _guards_aggregate(sql: object) -> bool:
    if isinstance(sql, Func) and _guards(sql.name) and _holds_aggregate(sql.args):
        return True
    return any(map(_guards_aggregate, _parts(sql)))


def _grouped_then_computed(rows: Relation, made: Sequence[Made], keys: int) -> Relation:
    """Return the same as `grouped`, the aggregates by themselves first, and what is computed of them behind."""
    found: dict[Sql, str] = {}

    def behind(sql: Any) -> Any:
        if isinstance(sql, Func) and sql.name in AGGREGATES:
            return Column(found.setdefault(sql, f"fpctl_aggregate_{len(found)}"))
        if isinstance(sql, tuple):
            return tuple(map(behind, sql))
        if isinstance(sql, Sql) and not isinstance(sql, Subselect):
            return type(sql)(*(behind(getattr(sql, one.name)) for one in fields(sql)))  # type: ignore[arg-type]
        return sql

    names = Names()
    columns = {one.name: held_for(one, names) for one in made}
    key_names = [f"fpctl_key_{at}" for at in range(keys)]
    outer = [Named(Column(name), columns[one.name].sql) for name, one in zip(key_names, made, strict=False)]
    outer += [Named(behind(stored(one.value)), columns[one.name].sql) for one in made[keys:]]
    inner = [Named(stored(one.value), name) for name, one in zip(key_names, made, strict=False)]
    inner += [Named(sql, name) for sql, name in found.items()]
    group = tuple(Number(at + 1) for at in range(keys)) if keys else None
    select = replace(rows.base(), keep=False, columns=tuple(inner), group=group, distinct=False)
    return Relation(Select(select, tuple(outer)), columns, rows.scope, False)


def with_order(rows: Relation) -> Relation:
    """Return rows with a column that numbers them as they come."""
    number = Func("row_number", (), over=Window())
    select = Select(rows.select, (Named(number, ORDER),), keep=True)
    return rows._replace(select=select, open_ended=False)
