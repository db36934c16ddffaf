"""`evaluate`: bag_unpack, pivot, narrow, and the look-ups of addresses.

What their columns are is asked of the data where the query does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.enriching import address_lookup
from fpctl.compiler.operators.grouping import AGGREGATES, grouped
from fpctl.compiler.operators.naming import inner
from fpctl.compiler.relation import Made, Relation, passed
from fpctl.compiler.sql import (
    Column,
    Func,
    Infix,
    List,
    Named,
    Number,
    Select,
    Sql,
    Text,
    Window,
    func,
)
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.binder.scope import Column as BoundColumn
from fpctl.kql.binder.scope import Scope

macro("kql_entries", "j", "CASE WHEN kql_is_bag(j) THEN list_transform(json_keys(j), lambda k: [k, kql_gettype("
      "kql_json(json_extract(j, '/' || replace(replace(k, '~', '~0'), '/', '~1'))))]) END")  # fmt: skip

_TYPES = {"string": "string", "long": "long", "double": "real", "bool": "bool"}


@operator(tree.Evaluate)
def evaluate(compiler: Expressions, node: tree.Evaluate, rows: Relation) -> Relation:
    """`evaluate plugin(...)`."""
    name = node.call.name.value
    plugin = _PLUGINS.get(name)
    if plugin is None:
        compiler.refuse(name, f"the plugin {name} is not supported by the local engine", node.call)
    if plugin is not address_lookup:
        compiler.bound(node, rows)
    return plugin(compiler, node, rows)


def _asked(compiler: Expressions, node: tree.Evaluate, query: Select) -> list[tuple[Any, ...]]:
    found = compiler.ask(query)
    if found is None:
        name = node.call.name.value
        compiler.refuse(name, f"the columns that {name} gives must be known before the query runs", node,
                        "name them: evaluate ...: (a: string, b: long)")  # fmt: skip
    return found


def _arguments(compiler: Expressions, call: tree.Call, names: tuple[str, ...]) -> dict[str, tree.Expr]:
    found: dict[str, tree.Expr] = {}
    for at, arg in enumerate(call.args):
        if isinstance(arg, tree.Named):
            found[arg.names[0].value] = arg.value
        elif at < len(names):
            found[names[at]] = arg
    return found


def bag_unpack(compiler: Expressions, node: tree.Evaluate, rows: Relation) -> Relation:
    """`bag_unpack(bag, prefix, columnsConflict, ignoredProperties)`: a column for each key, in alphabetical order."""
    arguments = _arguments(
        compiler, node.call, ("Column", "OutputColumnPrefix", "columnsConflict", "ignoredProperties")
    )
    name, bag = _bag(compiler, node, rows, arguments.get("Column"))
    prefix = _constant(compiler, arguments, "OutputColumnPrefix", "")
    conflict = _constant(compiler, arguments, "columnsConflict", "error")
    listed = _constant(compiler, arguments, "ignoredProperties", None)
    ignored = set(listed) if isinstance(listed, list) else set()
    made: dict[str, Made] = {}
    if node.schema is None or (node.schema and node.schema[0].name == "*"):
        made = {held.name: passed(held) for held in rows.columns.values() if held.name != name}
    for key, kind in _keys(compiler, node, rows, bag, ignored, bool(node.schema)).items():
        column = f"{prefix}{key}"
        if node.schema is not None and column in rows.columns and column != name:
            made[column] = passed(rows.columns[column])
        elif column not in made or conflict == "replace_source":
            typed = converted(Value(func("kql_member", bag.sql, Text(key)), "dynamic"), kind)
            assert typed is not None
            made[column] = Made(column, typed)
        elif conflict != "keep_source":
            compiler.refuse("bag_unpack", f"the column {column} is there already", node, "use columnsConflict")
    return rows.projected(list(made.values()), _scope(made))


def _bag(compiler: Expressions, node: tree.Evaluate, rows: Relation, column: tree.Expr | None) -> tuple[str, Value]:
    """Return the name of the column to unpack, and its value."""
    if not isinstance(column, tree.Name) or column.value not in rows.columns:
        compiler.refuse("bag_unpack", "bag_unpack takes a column", node.call)
    bag = rows.columns[column.value]
    if bag.type == "string":
        return column.value, Value(func("kql_parse_json", bag.value().sql), "dynamic")
    value = bag.value() if bag.type == "dynamic" else converted(bag.value(), "dynamic")
    if value is None:
        compiler.refuse("bag_unpack", f"a {bag.type} cannot be unpacked", column)
    return column.value, value


def _constant(compiler: Expressions, arguments: Mapping[str, tree.Expr], name: str, default: Any) -> Any:
    return compiler.constant_of(arguments[name], name).constant if name in arguments else default


def _keys(compiler: Expressions, node: tree.Evaluate, rows: Relation, bag: Value, ignored: set[str],
          known: bool) -> dict[str, str]:  # fmt: skip
    if known and node.schema is not None:
        return {one.name: one.type or "string" for one in node.schema if one.name != "*"}
    entries = Select(rows.as_source(), (Named(func("unnest", func("kql_entries", bag.sql)), "fpctl_entry"),))
    part = [func("list_extract", Column("fpctl_entry"), Number(at)) for at in (1, 2)]
    query = Select(entries, (Named(part[0], "fpctl_key"), Named(part[1], "fpctl_kind")), distinct=True)
    kinds: dict[str, set[str]] = {}
    for key, kind in _asked(compiler, node, query):
        kinds.setdefault(key, set()).add(kind)
    found = {}
    for key in sorted(kinds):
        if key in ignored:
            continue
        types = kinds[key] - {"null"}
        found[key] = _TYPES.get(next(iter(types)), "dynamic") if len(types) == 1 else "dynamic"
    return found


def _scope(made: dict[str, Made]) -> Scope:
    columns = {name: BoundColumn(name, one.value.type, "derived") for name, one in made.items()}
    return Scope(columns, rowwise=False)


def pivot(compiler: Expressions, node: tree.Evaluate, rows: Relation) -> Relation:
    """`pivot(column, aggregate, keys ...)`: a column for each value, in alphabetical order."""
    args = node.call.args
    first = args[0] if args else None
    if not isinstance(first, tree.Name) or first.value not in rows.columns:
        compiler.refuse("pivot", "pivot takes a column", node.call)
    key = converted(rows.columns[first.value].value(), "string")
    assert key is not None
    aggregate = args[1] if len(args) > 1 else None
    used = {first.value}
    if isinstance(aggregate, tree.Call) and aggregate.args and isinstance(aggregate.args[0], tree.Name):
        used.add(aggregate.args[0].value)
    keys = [inner(arg) for arg in args[2:]]
    names = [one.value for one in keys if isinstance(one, tree.Name)] or [n for n in rows.columns if n not in used]
    if node.schema is not None:
        values = [one.name for one in node.schema if one.name not in names and one.name != "*"]
    else:
        query = Select(rows.as_source(), (Named(key.sql, "fpctl_key"),), distinct=True)
        values = sorted(value for (value,) in _asked(compiler, node, query))
    made = [passed(rows.columns[name]) for name in names]
    call = aggregate if isinstance(aggregate, tree.Call) else tree.Call(
        node.start, node.end, tree.Name(node.start, node.start, "count"), ()
    )  # fmt: skip
    compiler.grouping = True
    found = compiler.aggregate(call)
    compiler.grouping = False
    value = found if isinstance(found, Value) else found[0]
    for one in values:
        cell = Value(_only(value.sql, Infix("=", (key.sql, Text(one)))), value.type)
        made.append(Made(one, cell))
    result = grouped(rows, made, len(names))
    return result._replace(scope=_scope({one.name: one for one in made}))


def _only(sql: Sql, condition: Sql) -> Sql:
    """Return an aggregate over the rows that a condition holds for."""
    if isinstance(sql, Func) and sql.name in AGGREGATES:
        where = condition if sql.where is None else Infix("AND", (sql.where, condition))
        return replace(sql, where=where)
    return type(sql)(*(_part(getattr(sql, one.name), condition) for one in fields(sql)))  # type: ignore[arg-type]


def _part(part: Any, condition: Sql) -> Any:
    if isinstance(part, Sql):
        return _only(part, condition)
    if isinstance(part, tuple):
        return tuple(_part(one, condition) for one in part)
    return part


def narrow(compiler: Expressions, node: tree.Evaluate, rows: Relation) -> Relation:
    """`narrow()`: a row for each cell."""
    number = Func("row_number", (), over=Window())
    numbered = Select(rows.select, (Named(Infix("-", (number, Number(1))), "fpctl_row"),), keep=True)
    names = [constant(name, "string").sql for name in rows.columns]
    texts = []
    for held in rows.columns.values():
        text = converted(held.value(), "string")
        assert text is not None
        texts.append(text.sql)
    lists = Select(
        numbered,
        (
            Named(Column("fpctl_row"), "fpctl_row"),
            Named(func("unnest", List(tuple(names))), "fpctl_name"),
            Named(func("unnest", List(tuple(texts))), "fpctl_value"),
        ),
    )
    base = Relation(lists, {}, rows.scope, False, True)
    made = [
        Made("Row", Value(Column("fpctl_row"), "long")),
        Made("Column", Value(Column("fpctl_name"), "string")),
        Made("Value", Value(Column("fpctl_value"), "string")),
    ]
    return base.projected(made, _scope({one.name: one for one in made}))


_PLUGINS = {
    "bag_unpack": bag_unpack, "pivot": pivot, "narrow": narrow, "ipv4_lookup": address_lookup,
    "ipv6_lookup": address_lookup,
}  # fmt: skip
