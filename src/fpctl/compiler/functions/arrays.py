"""Arrays: taken apart, put together, sorted, compared as sets."""

from __future__ import annotations

from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_arguments import dynamic, json_of, over_arrays, whole
from fpctl.compiler.functions.json_values import dumped, key, loaded
from fpctl.compiler.library import arrow_function, macro
from fpctl.compiler.registry import several_values, special
from fpctl.compiler.sql import Cast, Func, Number, Sql, Text, func
from fpctl.compiler.values.conversions import to_dynamic
from fpctl.compiler.values.literals import constant, json_text
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

macro("kql_array_concat", "a, b", "CASE WHEN kql_is_array(a) AND kql_is_array(b) THEN "
      "to_json(list_concat(kql_elements(a), kql_elements(b))) WHEN kql_is_array(a) THEN a WHEN kql_is_array(b) "
      "THEN b END")  # fmt: skip
macro("kql_array_reverse", "j", "CASE WHEN kql_is_array(j) THEN to_json(list_reverse(kql_elements(j))) END")
macro("kql_from_end", "i, n", "CASE WHEN i < 0 THEN i + n ELSE i END")
macro("kql_array_slice", "j, a, b", "CASE WHEN kql_is_array(j) AND a IS NOT NULL AND b IS NOT NULL THEN "
      "to_json(list_slice(kql_elements(j), greatest(kql_from_end(a, json_array_length(j)::BIGINT), 0) + 1, "
      "greatest(kql_from_end(b, json_array_length(j)::BIGINT) + 1, 0))) END")  # fmt: skip


@special("array_concat")
def array_concat(expressions: Expressions, node: tree.Call) -> Value:
    """`array_concat(a, b, ...)`: what is not an array adds nothing."""
    made = to_dynamic(expressions.value(node.args[0])).sql
    if len(node.args) == 1:
        return Value(func("kql_array_or_null", made), "dynamic")
    for arg in node.args[1:]:
        made = func("kql_array_concat", made, to_dynamic(expressions.value(arg)).sql)
    return Value(made, "dynamic")


macro("kql_array_or_null", "j", "CASE WHEN kql_is_array(j) THEN j END")


@special("array_reverse")
def array_reverse(expressions: Expressions, node: tree.Call) -> Value:
    """`array_reverse(a)`."""
    return Value(func("kql_array_reverse", to_dynamic(expressions.value(node.args[0])).sql), "dynamic")


@special("array_slice")
def array_slice(expressions: Expressions, node: tree.Call) -> Value:
    """`array_slice(a, first, last)`: both belong to it, negative ones count from the end."""
    array = to_dynamic(expressions.value(node.args[0])).sql
    first, last = (whole(expressions, arg, "array_slice") for arg in node.args[1:3])
    return Value(func("kql_array_slice", array, first, last), "dynamic")


macro("kql_strcat_array", "j, d", "CASE WHEN kql_is_array(j) THEN "
      "coalesce(array_to_string(list_transform(kql_elements(j), lambda e: kql_json_text(kql_json(e))), d), '') "
      "ELSE kql_json_text(j) END")  # fmt: skip


@special("strcat_array array_strcat")
def strcat_array(expressions: Expressions, node: tree.Call) -> Value:
    """`strcat_array(a, delimiter)`: what is not an array as a whole."""
    array = to_dynamic(expressions.value(node.args[0])).sql
    return Value(func("kql_strcat_array", array, expressions.as_text(node.args[1]).sql), "string")


def _shifted(items: Any, by: int, fill: Any) -> Any:
    if not isinstance(items, list):
        return None
    return [items[at + by] if 0 <= at + by < len(items) else fill for at in range(len(items))]


def _rotated(items: Any, by: int) -> Any:
    if not isinstance(items, list):
        return None
    by = by % len(items) if items else 0
    return items[by:] + items[:by]


def _split(items: Any, places: Any) -> Any:
    if not isinstance(items, list):
        return None
    parts, before = [], 0
    for place in places if isinstance(places, list) else [places]:
        if not isinstance(place, int):
            return None
        cut = place + len(items) if place < 0 else place
        parts.append(items[before:cut])
        before = max(before, cut)
    return [*parts, items[before:]]


def _order(item: Any) -> tuple[int, Any]:
    """Numbers, then strings, then the rest (array-sort-asc-function)."""
    if isinstance(item, int | float) and not isinstance(item, bool):
        return 0, item
    return (1, tuple(map(ord, item))) if isinstance(item, str) else (3, dumped(item))


def sorting(items: Any, descending: bool, nulls_last: bool) -> list[int] | None:
    """Return the places of an array's elements in order; equal ones keep theirs."""
    if not isinstance(items, list):
        return None
    known = [at for at, item in enumerate(items) if item is not None]
    ordered = sorted(known, key=lambda at: _order(items[at]))
    if descending:
        ordered = sorted(known, key=lambda at: _order(items[at]), reverse=True)
    nulls = [at for at, item in enumerate(items) if item is None]
    return ordered + nulls if nulls_last else nulls + ordered


def _sorted(items: Any, descending: int, nulls_last: int) -> Any:
    order = sorting(items, bool(descending), bool(nulls_last))
    return None if order is None else [items[at] for at in order]


def _sorted_like(items: Any, others: Any, descending: int, nulls_last: int) -> Any:
    order = sorting(items, bool(descending), bool(nulls_last))
    if order is None or not isinstance(others, list) or len(others) != len(items):
        return None
    return [others[at] for at in order]


def _set(items: Any) -> list[Any]:
    found: dict[Any, Any] = {}
    for item in items:
        found.setdefault(key(item), item)
    return list(found.values())


def _union(first: Any, second: Any) -> Any:
    return _set(first + second) if isinstance(first, list) and isinstance(second, list) else None


def _intersection(first: Any, second: Any) -> Any:
    if not isinstance(first, list) or not isinstance(second, list):
        return None
    known = {key(item) for item in second}
    return [item for item in _set(first) if key(item) in known]


def _difference(first: Any, second: Any) -> Any:
    if not isinstance(first, list) or not isinstance(second, list):
        return None
    gone = {key(item) for item in second}
    return [item for item in _set(first) if key(item) not in gone]


def _zipped(lists: Any) -> Any:
    if not all(isinstance(items, list) for items in lists):
        return None
    longest = max(map(len, lists), default=0)
    return [[items[at] if at < len(items) else None for items in lists] for at in range(longest)]


def _chosen(tests: Any, then: Any, other: Any) -> Any:
    if not isinstance(tests, list):
        return None
    found: list[Any] = []
    for at, test in enumerate(tests):
        if not isinstance(test, bool | int | float):
            found.append(None)
            continue
        side = then if test else other
        found.append((side[at] if at < len(side) else None) if isinstance(side, list) else side)
    return found


def _paths(value: Any) -> Any:
    if not isinstance(value, list | dict):
        return None
    found: dict[str, None] = {}

    def walk(held: Any, path: str) -> None:
        inner = [(f"{path}['{name}']", item) for name, item in held.items()] if isinstance(held, dict) else []
        if isinstance(held, list):
            inner = [(f"{path}[0]", item) for item in held]
        for step, item in inner:
            found[step] = None
            walk(item, step)

    walk(value, "")
    return list(found)


over_arrays("array_shift", _shifted, "json", "int64", "json")
over_arrays("array_shift_null", lambda items, by: _shifted(items, by, None), "json", "int64")
over_arrays("array_rotate", _rotated, "json", "int64")
over_arrays("array_split", _split, "json", "json")
over_arrays("array_sort", _sorted, "json", "int64", "int64")
over_arrays("array_sort_like", _sorted_like, "json", "json", "int64", "int64")
over_arrays("set_union", _union, "json", "json")
over_arrays("set_intersect", _intersection, "json", "json")
over_arrays("set_difference", _difference, "json", "json")
over_arrays("zip", _zipped, "json")
over_arrays("array_iff", _chosen, "json", "json", "json")
over_arrays("treepath", _paths, "json")


@special("array_shift_left array_shift_right")
def array_shift(expressions: Expressions, node: tree.Call) -> Value:
    """`array_shift_left(a, by, fill)`."""
    name = node.name.value
    by = whole(expressions, node.args[1], name)
    if name.endswith("right"):
        by = func("kql_negative", by)
    array = json_of(expressions, node.args[0])
    if len(node.args) == 2:
        return dynamic(func("kql_array_shift_null", array, by))
    fill = func("coalesce", json_of(expressions, node.args[2]), Text("null"))
    return dynamic(func("kql_array_shift", array, by, fill))


macro("kql_negative", "n", "-n")


@special("array_rotate_left array_rotate_right")
def array_rotate(expressions: Expressions, node: tree.Call) -> Value:
    """`array_rotate_left(a, by)`."""
    by = whole(expressions, node.args[1], node.name.value)
    if node.name.value.endswith("right"):
        by = func("kql_negative", by)
    return dynamic(func("kql_array_rotate", json_of(expressions, node.args[0]), by))


@special("array_split")
def array_split(expressions: Expressions, node: tree.Call) -> Value:
    """`array_split(a, place)`, or several places in an array."""
    return dynamic(func("kql_array_split", *(json_of(expressions, arg) for arg in node.args)))


def _sort_arguments(expressions: Expressions, node: tree.Call) -> tuple[list[tree.Expr], list[Sql]]:
    """Return the arrays of a call, and what says how to sort."""
    arrays, nulls_last = list(node.args), True
    last = expressions.value(node.args[-1])
    if len(node.args) > 1 and last.type == "bool":
        if not isinstance(last.constant, bool):
            expressions.refuse(node.name.value, "where the nulls go must be known before the query runs", node.args[-1])
        arrays, nulls_last = arrays[:-1], last.constant
    return arrays, [Number(int(node.name.value.endswith("desc"))), Number(int(nulls_last))]


@special("array_sort_asc array_sort_desc")
def array_sort(expressions: Expressions, node: tree.Call) -> Value:
    """`array_sort_asc(a, nulls_last)`."""
    arrays, how = _sort_arguments(expressions, node)
    return dynamic(func("kql_array_sort", json_of(expressions, arrays[0]), *how))


@several_values("array_sort_asc array_sort_desc")
def arrays_sorted(expressions: Expressions, node: tree.Call) -> tuple[Value, ...]:
    """`array_sort_asc(a, b, ...)`: the others in the order of the first."""
    arrays, how = _sort_arguments(expressions, node)
    first = json_of(expressions, arrays[0])
    others = (dynamic(func("kql_array_sort_like", first, json_of(expressions, arg), *how)) for arg in arrays[1:])
    return dynamic(func("kql_array_sort", first, *how)), *others


for _name in ("set_union", "set_intersect", "set_difference"):

    @special(_name)
    def _of_sets(expressions: Expressions, node: tree.Call, name: str = _name) -> Value:
        if len(node.args) < 2:
            expressions.refuse(name, f"{name}() takes two arrays at least", node)
        made = json_of(expressions, node.args[0])
        for arg in node.args[1:]:
            made = func(f"kql_{name}", made, json_of(expressions, arg))
        return dynamic(made)


@arrow_function("kql_set_has", ["string", "string"], "bool")
def _set_has(array: str, wanted: str) -> bool | None:
    items = loaded(array)
    return key(loaded(wanted)) in map(key, items) if isinstance(items, list) else None


@special("set_has_element")
def set_has_element(expressions: Expressions, node: tree.Call) -> Value:
    """`set_has_element(a, x)`: null of what is not an array."""
    wanted = func("coalesce", json_of(expressions, node.args[1]), Text("null"))
    return Value(func("kql_set_has", json_of(expressions, node.args[0]), wanted), "bool")


@arrow_function("kql_array_index", ["string", "string", "string"], "int64")
def _array_index(array: str, wanted: str, how: str) -> int | None:
    items, (start, length, nth) = loaded(array), loaded(how)
    if not isinstance(items, list) or length < -1 or nth < 1:
        return None
    first = max(start + len(items), 0) if start < 0 else start
    last = len(items) if length == -1 else min(first + length, len(items))
    sought = key(loaded(wanted))
    found = [at for at in range(first, last) if key(items[at]) == sought]
    return found[nth - 1] if len(found) >= nth else -1


@special("array_index_of")
def array_index_of(expressions: Expressions, node: tree.Call) -> Value:
    """`array_index_of(a, x, start, length, occurrence)`: -1 where it is not."""
    numbers = [expressions.constant_of(arg, "a place").constant for arg in node.args[2:]]
    how = [*numbers, *(0, -1, 1)[len(numbers) :]]
    if not all(isinstance(number, int) for number in how):
        return Value(constant(None, "long").sql, "long")
    wanted = func("coalesce", json_of(expressions, node.args[1]), Text("null"))
    return Value(func("kql_array_index", json_of(expressions, node.args[0]), wanted, Text(json_text(how))), "long")


@arrow_function("kql_array_sum", ["string"], "double")
def _array_sum(array: str) -> float | None:
    items = loaded(array)
    if not isinstance(items, list) or any(isinstance(i, bool) or not isinstance(i, int | float) for i in items):
        return None
    return float(sum(items))


@special("array_sum")
def array_sum(expressions: Expressions, node: tree.Call) -> Value:
    """`array_sum(a)`: null where an element is not a number."""
    return Value(func("kql_array_sum", json_of(expressions, node.args[0])), "real")


@arrow_function("kql_jaccard", ["string", "string"], "double")
def _jaccard(first: str, second: str) -> float | None:
    a, b = loaded(first), loaded(second)
    if not isinstance(a, list) or not isinstance(b, list):
        return None
    x, y = set(map(key, a)), set(map(key, b))
    return len(x & y) / len(x | y) if x or y else float("nan")


@special("jaccard_index")
def jaccard_index(expressions: Expressions, node: tree.Call) -> Value:
    """`jaccard_index(a, b)`."""
    return Value(func("kql_jaccard", *(json_of(expressions, arg) for arg in node.args)), "real")


@special("zip")
def zip_(expressions: Expressions, node: tree.Call) -> Value:
    """`zip(a, b, ...)`: the shorter filled with nulls."""
    arrays = tuple(func("coalesce", to_dynamic(expressions.value(arg)).sql, _NULL) for arg in node.args)
    return dynamic(func("kql_zip", Cast(Func("json_array", arrays), "VARCHAR")))


_NULL = Cast(Text("null"), "JSON")


@special("array_iff array_iif")
def array_iff(expressions: Expressions, node: tree.Call) -> Value:
    """`array_iff(conditions, then, else)`: arrays, or one value for all."""
    sides = [func("coalesce", json_of(expressions, arg), Text("null")) for arg in node.args[1:3]]
    return dynamic(func("kql_array_iff", json_of(expressions, node.args[0]), *sides))


@special("treepath")
def treepath(expressions: Expressions, node: tree.Call) -> Value:
    """`treepath(d)`."""
    return dynamic(func("kql_treepath", json_of(expressions, node.args[0])))
