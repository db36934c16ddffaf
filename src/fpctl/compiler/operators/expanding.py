"""`mv-expand` and `mv-apply`: arrays and bags taken apart into rows."""

from __future__ import annotations

from typing import NamedTuple

from fpctl.compiler.context import OUTER, Expressions, Row
from fpctl.compiler.library import macro
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.columns import agreed
from fpctl.compiler.operators.naming import add, inner, types
from fpctl.compiler.operators.rows import count_of
from fpctl.compiler.relation import Made, Names, Relation, held_for, stored
from fpctl.compiler.sql import Cast, Column, Func, Infix, Lateral, Named, Number, Select, Sql, TableFunc, func
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.literals import null_of
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.binder.context import with_columns
from fpctl.kql.binder.outputs import Style
from fpctl.kql.binder.projection import Projection
from fpctl.kql.binder.references import find_column
from fpctl.kql.binder.scalar import BAG, Dynamic, array_of, element_of
from fpctl.kql.binder.scope import Column as BoundColumn

_NULL_ROW = "[CAST(NULL AS JSON)]"
macro("kql_bag_entries", "j", "list_transform(json_keys(j), lambda k: json_object(k, json_extract(j, '/' || "
      "replace(replace(k, '~', '~0'), '/', '~1'))))")  # fmt: skip
macro("kql_bag_pairs", "j", "list_transform(json_keys(j), lambda k: json_array(k, json_extract(j, '/' || "
      "replace(replace(k, '~', '~0'), '/', '~1'))))")  # fmt: skip
macro("kql_expanded", "j", f"CASE WHEN j IS NULL THEN {_NULL_ROW} WHEN kql_is_array(j) THEN from_json(j, '[\"JSON\"]') "
      "WHEN kql_is_bag(j) THEN kql_bag_entries(j) ELSE [j] END")  # fmt: skip
macro("kql_expanded_pairs", "j", f"CASE WHEN j IS NULL THEN {_NULL_ROW} WHEN kql_is_array(j) THEN "
      "from_json(j, '[\"JSON\"]') WHEN kql_is_bag(j) THEN kql_bag_pairs(j) ELSE [j] END")  # fmt: skip

_TYPED = {
    "string": "kql_json_only_text", "long": "kql_json_only_long", "int": "kql_json_only_long",
    "real": "kql_json_number", "bool": "kql_json_only_bool",
}  # fmt: skip
macro("kql_json_only_text", "j", "CASE WHEN kql_is_text(j) THEN j ->> '$' ELSE kql_json_text(j) END")
macro("kql_json_only_long", "j", "CASE WHEN kql_is_number(j) THEN kql_json_long(j) END")
macro("kql_json_only_bool", "j", "CASE CAST(j AS VARCHAR) WHEN 'true' THEN true WHEN 'false' THEN false "
      "ELSE kql_json_whole(j) != 0 END")  # fmt: skip

INDEX = "fpctl_index"


class Expanded(NamedTuple):
    """One item: the names of the columns it gives, the SQL list, and what becomes of an element."""

    name: str
    items: Sql
    type: str
    to_type: str | None


@operator(tree.MvExpand)
def mv_expand(compiler: Expressions, node: tree.MvExpand, rows: Relation) -> Relation:
    """`mv-expand`."""
    output = Projection(rows.scope.columns)
    expanded = _items(compiler, node, output)
    index = compiler.binder.parameter_text(node.parameters, "with_itemindex")
    if index is not None:
        index = output.add(BoundColumn(index, "long", "derived")).name
    limit = _limit(compiler, node)
    scope = with_columns(rows.scope, output.columns)
    lists = {one.name: compiler.fresh("fpctl_list_of") for one in expanded}
    listed = Select(
        rows.as_source(), tuple(Named(one.items, lists[one.name]) for one in expanded), keep=True
    )  # fmt: skip
    lengths = [func("len", Column(lists[one.name])) for one in expanded]
    count: Sql = lengths[0] if len(lengths) == 1 else Func("greatest", tuple(lengths))
    if limit is not None:
        count = func("least", count, limit)
    numbered = Select(listed, (Named(func("unnest", func("range", Number(1), _after(count))), INDEX),), keep=True)
    made = [Made(one.name, _element_of(compiler, node, Column(lists[one.name]), one)) for one in expanded]
    if index is not None:
        made.append(Made(index, Value(Infix("-", (Column(INDEX), Number(1))), "long")))
    names = Names([*(held.sql for held in rows.columns.values()), *lists.values(), INDEX])
    columns, computed, gone = dict(rows.columns), [], [*lists.values(), INDEX]
    for one in made:
        if one.name in columns:
            gone.append(columns[one.name].sql)
        columns[one.name] = held_for(one, names)
        computed.append(Named(one.value.sql, columns[one.name].sql))
    select = Select(numbered, tuple(computed), keep=True, drop=tuple(gone))
    return Relation(select, {name: columns[name] for name in output.columns}, scope, False, rows.ordered)


def _after(count: Sql) -> Sql:
    return Infix("+", (count, Number(1)))


def _limit(compiler: Expressions, node: tree.MvExpand | tree.MvApply) -> Number | None:
    if node.limit is not None:
        return count_of(compiler, node.limit, node.keyword)
    return Number(128) if node.keyword in ("mvexpand", "mvapply") else None


def _items(compiler: Expressions, node: tree.MvExpand | tree.MvApply, output: Projection) -> list[Expanded]:
    kind = compiler.binder.parameter_text(node.parameters, "bagexpansion") or compiler.binder.parameter_text(
        node.parameters, "kind"
    )
    expand = "kql_expanded_pairs" if kind == "array" else "kql_expanded"
    found = []
    values = [item.value for item in node.items]
    for item, type_ in zip(node.items, types(compiler, values), strict=True):
        value = compiler.value(inner(item.value))
        if value.type == "string":
            # A column that is documented as string holds JSON where a rule expands it.
            value = Value(func("kql_parse_json", value.sql), "dynamic")
            type_ = "dynamic"
        if value.type != "dynamic":
            compiler.refuse(node.keyword, f"a {value.type} cannot be expanded", item)
        as_type = item.to_type or _element(type_, kind)
        names = add(compiler, output, item.value, type_, Style.REPLACE, as_type=as_type)
        if len(names) != 1:
            compiler.refuse(node.keyword, f"`{compiler.text(item)}` gives no column of its own", item)
        found.append(Expanded(names[0], func(expand, value.sql), str(output.columns[names[0]].type), item.to_type))
    return found


def _element(type_: str, bag_expansion: str | None) -> str:
    """Return the type of what an expanded value gives for each row."""
    if isinstance(type_, Dynamic) and type_.shape == "bag":
        return array_of("dynamic") if bag_expansion == "array" else BAG
    return element_of(type_) if type_ == "dynamic" else type_


def _element_of(compiler: Expressions, node: tree.Node, lists: Sql, one: Expanded) -> Value:
    element = Value(func("kql_json", func("list_extract", lists, Column(INDEX))), "dynamic")
    if one.to_type is None or one.to_type == "dynamic":
        return agreed(compiler, node, element, one.type)
    cast = _TYPED.get(one.to_type)
    if cast is not None:
        sql: Sql = func(cast, element.sql)
        if one.to_type == "int":
            sql = Cast(sql, "INTEGER", attempt=True)
        if one.to_type == "string":
            sql = func("coalesce", sql, null_of("string"))
        return Value(sql, one.to_type)
    found = converted(element, one.to_type)
    if found is None:
        compiler.refuse("mv-expand", f"elements cannot be of type {one.to_type}", node)
    return found


@operator(tree.MvApply)
def mv_apply(compiler: Expressions, node: tree.MvApply, rows: Relation) -> Relation:
    """`mv-apply ... on (body)`: the body over the elements of each row by itself."""
    outer = OUTER
    row = Row(rows.columns, outer)
    output = Projection(rows.scope.columns)
    with compiler.in_row(row, rows.scope):
        expanded = _items(compiler, node, output)
        applied = {
            id(found)
            for item in node.items
            if isinstance(item.value, tree.Name) and (found := find_column(compiler.binder, item.value)) is not None
        }
        limit = _limit(compiler, node)
    index = compiler.binder.parameter_text(node.parameters, "with_itemindex")
    lengths = [func("len", one.items) for one in expanded]
    count: Sql = lengths[0] if len(lengths) == 1 else Func("greatest", tuple(lengths))
    if limit is not None:
        count = func("least", count, limit)
    source = TableFunc("unnest", (func("range", Number(1), _after(count)),), INDEX)
    made = [Made(one.name, _element_of(compiler, node, one.items, one)) for one in expanded]
    if index is not None:
        index = output.add(BoundColumn(index, "long", "derived")).name
        made.append(Made(index, Value(Infix("-", (Column(INDEX), Number(1))), "long")))
    names = Names([INDEX])
    by_name = {one.name: one for one in made}
    columns: dict[str, Held] = {}
    computed = []
    for name in output.columns:
        one = by_name.get(name) or Made(name, rows.columns[name].value(outer))
        columns[name] = held_for(one, names)
        computed.append(Named(stored(one.value), columns[name].sql))
    inside = Relation(
        Select(source, tuple(computed)), columns, with_columns(rows.scope, output.columns), False, False
    )  # fmt: skip
    saved, compiler.lateral = compiler.lateral, node
    try:
        body = compiler.pipeline(node.body, inside)
    finally:
        compiler.lateral = saved
    return _applied_rows(rows, body, applied, outer)


def _applied_rows(rows: Relation, body: Relation, applied: set[int], outer: str) -> Relation:
    """Return the row's columns but for the applied ones, then those of the body, as the binder puts them together."""
    result = Projection()
    for bound in rows.scope.columns.values():
        if id(bound) not in applied:
            result.add(bound, once=True)
    kept = dict(zip(result.columns, (n for n, c in rows.scope.columns.items() if id(c) not in applied), strict=True))
    made: dict[str, Made] = {name: Made(name, rows.columns[old].value(outer)) for name, old in kept.items()}
    inner_name = "fpctl_body"
    for bound in body.scope.columns.values():
        before = rows.scope.columns.get(bound.name)
        if before is not None and bound.origins == before.origins and bound.kind == "grouped":
            bound = before
        added = result.add(bound, replace=True)
        made[added.name] = Made(added.name, body.columns[bound.name].value(inner_name))
    source = Lateral(rows.as_source(), outer, body.select, inner_name)
    names = Names()
    columns = {name: held_for(made[name], names) for name in result.columns}
    select = Select(source, tuple(Named(stored(made[name].value), columns[name].sql) for name in result.columns))
    scope = with_columns(rows.scope, result.columns, is_open=False)
    return Relation(select, columns, scope, False)
