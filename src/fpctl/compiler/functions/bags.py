"""Bags: packed, merged, with keys added and taken out."""

from __future__ import annotations

import re
from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_arguments import dynamic, json_of, over_arrays
from fpctl.compiler.functions.json_values import loaded
from fpctl.compiler.library import arrow_function
from fpctl.compiler.registry import special
from fpctl.compiler.sql import Cast, Func, Sql, Text, func
from fpctl.compiler.values.conversions import to_dynamic
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


@special("bag_pack pack pack_dictionary")
def bag_pack(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_pack(key, value, ...)`: JSON's null where a value is null."""
    if len(node.args) % 2:
        expressions.refuse(node.name.value, f"{node.name.value}() takes pairs of key and value", node)
    parts: list[Sql] = []
    for name, value in zip(node.args[::2], node.args[1::2], strict=True):
        parts += [expressions.as_text(name).sql, to_dynamic(expressions.value(value)).sql]
    return Value(Func("json_object", tuple(parts)), "dynamic", nullable=False)


@special("bag_pack_columns")
def bag_pack_columns(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_pack_columns(a, b, ...)`: columns by their names."""
    parts: list[Sql] = []
    for arg in node.args:
        if not isinstance(arg, tree.Name):
            expressions.refuse("bag_pack_columns", "bag_pack_columns() takes columns", arg)
        parts += [Text(arg.value), to_dynamic(expressions.value(arg)).sql]
    return Value(Func("json_object", tuple(parts)), "dynamic", nullable=False)


@special("pack_all")
def pack_all(expressions: Expressions, node: tree.Call) -> Value:
    """`pack_all(ignore_null_empty)`: every column of the row by its name."""
    parts: list[Sql] = []
    for name, held in expressions.row.columns.items():
        parts += [Text(name), to_dynamic(held.value(expressions.row.of)).sql]
    made: Sql = Func("json_object", tuple(parts))
    if node.args:
        skip = expressions.constant_of(node.args[0], "whether to leave out nulls").constant
        if skip is True:
            return dynamic(func("kql_without_empty", Cast(made, "VARCHAR")))
    return Value(made, "dynamic", nullable=False)


def _without_empty(bag: Any) -> Any:
    return {name: item for name, item in bag.items() if item is not None and item != ""}


def _keys(bag: Any) -> Any:
    return list(bag) if isinstance(bag, dict) else None


def _merged(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{name: item for name, item in second.items() if name not in first}}
    return first if isinstance(first, dict) else second if isinstance(second, dict) else None


_STEP = re.compile(r"\.([^.\[\]]+)|\[(-?\d+)\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")


def steps(path: str) -> list[str | int]:
    """Return the steps of a path `$.a['b'][0]`; of what does not begin with `$`, itself (jsonpath)."""
    if not path.startswith("$"):
        return [path]
    return [int(m[2]) if m[2] else m[1] or m[3] or m[4] or "" for m in _STEP.finditer(path)]


def _without(held: Any, path: list[Any]) -> Any:
    if not isinstance(held, dict) or not path or path[0] not in held:
        return held
    if len(path) == 1:
        return {name: item for name, item in held.items() if name != path[0]}
    return {**held, path[0]: _without(held[path[0]], path[1:])}


def _removed(bag: Any, names: Any) -> Any:
    if not isinstance(bag, dict):
        return None
    for name in names if isinstance(names, list) else []:
        if isinstance(name, str):
            bag = _without(bag, steps(name))
    return bag


def _with(held: Any, path: list[Any], value: Any) -> Any:
    if not path:
        return value
    bag = held if isinstance(held, dict) else {}
    return {**bag, path[0]: _with(bag.get(path[0]), path[1:], value)}


def _set_key(bag: Any, name: str, value: Any) -> Any:
    return _with(bag or {}, steps(name), value) if bag is None or isinstance(bag, dict) else None


def _zipped_bag(names: Any, items: Any) -> Any:
    if not isinstance(names, list):
        return None
    values = items if isinstance(items, list) else []
    return {n: values[at] if at < len(values) else None for at, n in enumerate(names) if isinstance(n, str)}


over_arrays("without_empty", _without_empty, "json")
over_arrays("bag_keys", _keys, "json")
over_arrays("bag_merge", _merged, "json", "json")
over_arrays("bag_remove_keys", _removed, "json", "json")
over_arrays("bag_set_key", _set_key, "json", "string", "json")
over_arrays("bag_zip", _zipped_bag, "json", "json")


@special("bag_keys")
def bag_keys(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_keys(b)`: null of what is not a bag."""
    return dynamic(func("kql_bag_keys", json_of(expressions, node.args[0])))


@special("bag_merge")
def bag_merge(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_merge(a, b, ...)`: of the same key, the leftmost."""
    parts = [func("coalesce", json_of(expressions, arg), Text("null")) for arg in node.args]
    made: Sql = parts[0]
    for part in parts[1:]:
        made = func("coalesce", func("kql_bag_merge", made, part), Text("null"))
    return dynamic(made)


@special("bag_remove_keys")
def bag_remove_keys(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_remove_keys(b, keys)`."""
    names = func("coalesce", json_of(expressions, node.args[1]), Text("null"))
    return dynamic(func("kql_bag_remove_keys", json_of(expressions, node.args[0]), names))


@special("bag_set_key")
def bag_set_key(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_set_key(b, key, value)`."""
    bag, value = (func("coalesce", json_of(expressions, node.args[at]), Text("null")) for at in (0, 2))
    return dynamic(func("kql_bag_set_key", bag, expressions.as_text(node.args[1]).sql, value))


@special("bag_zip")
def bag_zip(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_zip(keys, values)`: keys that are not strings are left out."""
    values = func("coalesce", json_of(expressions, node.args[1]), Text("null"))
    return dynamic(func("kql_bag_zip", json_of(expressions, node.args[0]), values))


@arrow_function("kql_bag_has", ["string", "string"], "bool")
def _bag_has(bag: str, name: str) -> bool:
    held: Any = loaded(bag)
    if not isinstance(held, dict):
        return False
    for step in steps(name):
        known = (
            step in held
            if isinstance(held, dict)
            else isinstance(held, list) and isinstance(step, int) and -len(held) <= step < len(held)
        )
        if not known:
            return False
        held = held[step]
    return True


@special("bag_has_key")
def bag_has_key(expressions: Expressions, node: tree.Call) -> Value:
    """`bag_has_key(b, key)`, or a path."""
    return Value(func("kql_bag_has", json_of(expressions, node.args[0]), expressions.as_text(node.args[1]).sql), "bool")


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_order(value[name]) for name in sorted(value)}
    return [_in_order(item) for item in value] if isinstance(value, list) else value


over_arrays("in_order", _in_order, "json")


@special("dynamic_to_json")
def dynamic_to_json(expressions: Expressions, node: tree.Call) -> Value:
    """`dynamic_to_json(d)`: keys in the order of their names."""
    return Value(func("coalesce", func("kql_in_order", json_of(expressions, node.args[0])), Text("null")), "string")
