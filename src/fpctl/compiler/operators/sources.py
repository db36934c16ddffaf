"""Operators that are sources: datatable, print, range, externaldata."""

from __future__ import annotations

from fpctl.compiler.context import Expressions, Reading
from fpctl.compiler.library import macro
from fpctl.compiler.operator_registry import source
from fpctl.compiler.operators.columns import agreed
from fpctl.compiler.operators.naming import add, several, types
from fpctl.compiler.relation import Made, Relation, held_for, of_table, stored
from fpctl.compiler.relation import Names as SqlNames
from fpctl.compiler.sql import Cast, Column, Infix, Named, Number, Select, TableFunc, Text, Values, func, is_constant
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import null_of
from fpctl.compiler.values.value import HELD_AS, Held, Value
from fpctl.kql import tree
from fpctl.kql.binder.outputs import Style
from fpctl.kql.binder.projection import Projection
from fpctl.kql.binder.scope import Scope
from fpctl.kql.operators.table import bind


@source(tree.DataTable)
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
            compiler.refuse("datatable", f"a {value.type} cannot be in a column of type {kind}", item)
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


@source(tree.Print)
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


@source(tree.Range)
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


_FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".psv": "psv", ".scsv": "scsv", ".txt": "txt", ".raw": "raw", ".json": "multijson",
}  # fmt: skip
_JSON = ("json", "multijson")


@source(tree.ExternalData)
def external(compiler: Expressions, node: tree.ExternalData) -> Relation:
    """`externaldata`: the file that stands for an address, its texts brought to the declared types."""
    scope = bind(compiler.binder, node, None)
    uris = [compiler.constant_of(one, "the address of externaldata") for one in node.uris]
    if len(uris) != 1 or not isinstance(uris[0].constant, str):
        compiler.refuse("externaldata", "externaldata reads one address in the local engine", node)
    address = uris[0].constant.partition("?")[0].partition(";")[0]
    reading = Reading(tuple(scope.columns), _format(compiler, node, address), _option(compiler, node, _SKIP) == "true")
    table = compiler.data.external(uris[0].constant, reading)
    if table is None:
        compiler.refuse(
            "externaldata", f"the data has no copy of {address}", node,
            "the local engine reads nothing from the web; `fpctl schema pull --external` fetches such lists once",
        )  # fmt: skip
    read = of_table(table.source, table.columns, scope)
    made = []
    for (name, column), held in zip(scope.columns.items(), table.columns.values(), strict=True):
        value, kind = held.value(), str(column.type)
        if value.type == "string" and kind == "string":
            value = value._replace(sql=func("coalesce", value.sql, Text("")))
        elif value.type == "string" and kind == "dynamic":
            value = Value(func("kql_parse_json", func("nullif", value.sql, Text(""))), "dynamic")
        typed = converted(value, kind)
        if typed is None:
            compiler.refuse("externaldata", f"the column {name} cannot be of type {kind}", node)
        made.append(Made(name, typed))
    return read.projected(made, scope)


_SKIP = "ignorefirstrecord"


def _option(compiler: Expressions, node: tree.ExternalData, wanted: str) -> str:
    """Return a property in lower case, "" where it is not given; names of properties have no case."""
    for option in node.options:
        if option.name.casefold() == wanted:
            return (compiler.binder.parameter_text((option,), option.name) or "").lower()
    return ""


def _format(compiler: Expressions, node: tree.ExternalData, address: str) -> str:
    if _option(compiler, node, "ingestionmapping"):
        compiler.refuse("externaldata", "ingestionMapping is not supported by the local engine", node)
    ending = address.lower().removesuffix(".gz")
    found = _option(compiler, node, "format") or next(
        (kind for end, kind in _FORMATS.items() if ending.endswith(end)), "csv"
    )
    if found not in set(_FORMATS.values()) | set(_JSON):
        compiler.refuse("externaldata", f"the format {found} is not supported by the local engine", node)
    return found
