"""Operators that are sources: datatable, print, range, externaldata."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.operators.columns import agreed
from fpctl.compiler.operators.naming import add, several, types
from fpctl.compiler.relation import Made, Relation, held_for, of_table, stored
from fpctl.compiler.relation import Names as SqlNames
from fpctl.compiler.sql import Cast, Column, Infix, Named, Number, Select, TableFunc, Values, func, is_constant
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import null_of
from fpctl.compiler.values.value import HELD_AS, Held, Value
from fpctl.kql import tree
from fpctl.kql.binder.outputs import Style
from fpctl.kql.binder.projection import Projection
from fpctl.kql.binder.scope import Scope
from fpctl.kql.operators.table import bind


def datatable(compiler: Expressions, node: tree.DataTable) -> Relation:
    """`datatable`."""
    scope = bind(compiler.binder, node, None)
    names = SqlNames()
    columns = {name: Held(name, str(column.type), names.free(name)) for name, column in scope.columns.items()}
    kinds = [held.type for held in columns.values()]
    width = len(kinds)
    if not width or len(node.values) % width:
        compiler.refuse("datatable", "the values do not fill whole rows", node)
    values = []
    for at, item in enumerate(node.values):
        value = compiler.value(item)
        kind = kinds[at % width]
        typed = value if value.type == kind else converted(value, kind)
        if typed is None:
            compiler.refuse("datatable", f"a {value.type} cannot stand in a column of type {kind}", item)
        values.append(typed.sql)
    rows = tuple(tuple(values[at : at + width]) for at in range(0, len(values), width))
    sql_names = tuple(held.sql for held in columns.values())
    if not rows:
        empty = tuple(Named(null_of(kind), name) for kind, name in zip(kinds, sql_names, strict=True))
        return Relation(Select(None, empty, where=(Infix("=", (Number(1), Number(0))),)), columns, scope, False)
    typed_columns = tuple(
        Named(Cast(Column(name), HELD_AS[kind]), name) for name, kind in zip(sql_names, kinds, strict=True)
    )
    return Relation(Select(Values(sql_names, rows), typed_columns), columns, scope, False, False)


def print_row(compiler: Expressions, node: tree.Print) -> Relation:
    """`print`."""
    output = Projection()
    made: list[Made] = []
    for at, (item, type_) in enumerate(zip(node.items, types(compiler, node.items), strict=True)):
        values = several(compiler, item)
        names = add(compiler, output, item, type_, Style.PRINT, default=f"print_{at}")
        for name, value in zip(names, values, strict=False):
            made.append(Made(name, agreed(compiler, item, value, output.columns[name].type)))
    scope = Scope(output.columns)
    sql_names = SqlNames()
    columns = {one.name: held_for(one, sql_names) for one in made}
    select = Select(None, tuple(Named(stored(one.value), columns[one.name].sql) for one in made))
    return Relation(select, columns, scope, False)


macro("kql_steps", "a, b, c", "CASE WHEN c > 0 AND b >= a OR c < 0 AND b <= a "
      "THEN CAST(least((CAST(b AS HUGEINT) - a) // c + 1, 9223372036854775807) AS BIGINT) ELSE 0 END")  # fmt: skip
macro("kql_range_count", "a, b, c", "CASE WHEN c > 0 AND b >= a OR c < 0 AND b <= a "
      "THEN CAST(floor((b - a) / c + 1e-9) AS BIGINT) + 1 ELSE 0 END")  # fmt: skip


def range_rows(compiler: Expressions, node: tree.Range) -> Relation:
    """`range x from a to b step c`."""
    scope = bind(compiler.binder, node, None)
    name = node.name.value
    kind = str(scope.columns[name].type)
    step_kind = "timespan" if kind == "datetime" else kind
    low, high = (_as(compiler, one, kind) for one in (node.low, node.high))
    step = _as(compiler, node.step, step_kind)
    if kind in ("datetime", "timespan", "int", "long"):
        count = func("kql_steps", *(Cast(value.sql, "BIGINT") for value in (low, high, step)))
    elif kind == "real":
        count = func("kql_range_count", low.sql, high.sql, step.sql)
    else:
        compiler.refuse("range", f"range has no steps of type {kind}", node)
    value = Infix("+", (low.sql, Infix("*", (Column("fpctl_number"), step.sql))))
    names = SqlNames()
    held_column = Held(name, kind, names.free(name))
    made = Named(value if kind == "real" else Cast(value, HELD_AS[kind]), held_column.sql)
    # DuckDB makes the numbers as they are read, and never a list of them. Of bounds that have no value before the
    # query runs it would make a list; so it counts on there, and stops at the limit.
    if is_constant(count):
        select = Select(TableFunc("range", (Number(0), count), "fpctl_number"), (made,))
    else:
        select = Select(TableFunc("range", (Number(0), Number(_ENDLESS)), "fpctl_number"), (made,), limit=count)
    return Relation(select, {name: held_column}, scope, False, True)


_ENDLESS = 2**63 - 1


def _as(compiler: Expressions, node: tree.Expr, kind: str) -> Value:
    value = compiler.value(node)
    typed = converted(value, kind)
    if typed is None:
        compiler.refuse("range", f"a {value.type} does not fit a range of {kind}", node)
    return typed


def external(compiler: Expressions, node: tree.ExternalData) -> Relation:
    """`externaldata`: what the data folder holds of an address."""
    scope = bind(compiler.binder, node, None)
    uris = [compiler.constant_of(one, "the address of externaldata") for one in node.uris]
    columns = {name: str(column.type) for name, column in scope.columns.items()}
    if len(uris) != 1 or not isinstance(uris[0].constant, str):
        compiler.refuse("externaldata", "externaldata reads one address in the local engine", node)
    stored_table = compiler.data.external(uris[0].constant, columns)
    if stored_table is None:
        address = uris[0].constant.partition("?")[0].partition(";")[0]
        compiler.refuse(
            "externaldata", f"the data has no copy of {address}", node,
            "the local engine reads nothing from the web; `fpctl schema pull --external` fetches such lists once",
        )  # fmt: skip
    return of_table(stored_table.source, stored_table.columns, scope)
