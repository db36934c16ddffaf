"""Dynamic values: parsed, packed, counted."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.library import macro
from fpctl.compiler.registry import scalar, special
from fpctl.compiler.sql import Func, Sql, func
from fpctl.compiler.values.conversions import parsed_json, to_dynamic
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

macro("kql_gettype", "j", "CASE WHEN j IS NULL THEN 'null' WHEN kql_is_text(j) THEN 'string' WHEN kql_is_array(j) "
      "THEN 'array' WHEN kql_is_bag(j) THEN 'dictionary' WHEN CAST(j AS VARCHAR) IN ('true', 'false') THEN 'bool' "
      "WHEN regexp_full_match(CAST(j AS VARCHAR), '-?[0-9]+') THEN 'long' ELSE 'double' END")  # fmt: skip


@special("parse_json todynamic parsejson toobject")
def parse_json(expressions: Expressions, node: tree.Call) -> Value:
    """`parse_json(s)`: what is not JSON is the string itself; a dynamic value stays what it is."""
    value = expressions.value(node.args[0])
    if value.type == "dynamic":
        return value
    if value.type != "string":
        return to_dynamic(value)
    if isinstance(value.constant, str):
        known = parsed_json(value.constant)
        if known is not None:
            return known
    return Value(func("kql_parse_json", value.sql), "dynamic")


@scalar("array_length arraylength", "dynamic", returns="long")
def array_length(array: Sql) -> Sql:
    """`array_length(a)`: null of what is not an array."""
    return func("kql_array_length", array)


macro("kql_array_length", "j", "CASE WHEN kql_is_array(j) THEN CAST(json_array_length(j) AS BIGINT) END")


@special("pack_array")
def pack_array(expressions: Expressions, node: tree.Call) -> Value:
    """`pack_array(a, b, ...)`."""
    return Value(Func("json_array", tuple(to_dynamic(value).sql for value in expressions.values(node.args))), "dynamic")
