"""Less common aggregates: of bags and bits, of two values at once, of weights."""

from __future__ import annotations

from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_arguments import over_arrays
from fpctl.compiler.library import macro
from fpctl.compiler.registry import aggregate
from fpctl.compiler.sql import Cast, Func, Number, Real, Sql, Text, conjunction, func, not_null
from fpctl.compiler.values.conversions import converted, to_dynamic
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


def _bits(name: str, duckdb: str) -> None:
    @aggregate(name)
    def _compiled(expressions: Expressions, node: tree.Call) -> Value:
        value = expressions.value(node.args[0])
        kind = "int" if value.type == "int" else "long"
        number = converted(value, kind)
        if number is None:
            expressions.refuse(name, f"{name}() takes a number", node)
        return Value(func(duckdb, number.sql), kind)


_bits("binary_all_and", "bit_and")
_bits("binary_all_or", "bit_or")
_bits("binary_all_xor", "bit_xor")


def _first_of_each(bags: Any, most: int) -> Any:
    found: dict[str, Any] = {}
    for bag in bags:
        if isinstance(bag, dict):
            for name, item in bag.items():
                found.setdefault(name, item)
    return dict(list(found.items())[:most])


over_arrays("bags", _first_of_each, "json", "int64")


@aggregate("make_bag make_bag_if make_dictionary")
def make_bag(expressions: Expressions, node: tree.Call) -> Value:
    """`make_bag(bag, most)`: of a key in several bags, one value."""
    bag = to_dynamic(expressions.value(node.args[0])).sql
    conditional = node.name.value == "make_bag_if"
    conditions = [not_null(bag)]
    if conditional:
        conditions.append(expressions.condition(node.args[1]))
    at = 2 if conditional else 1
    most = 1_048_576
    if len(node.args) > at:
        given = expressions.constant_of(node.args[at], "the most values of make_bag").constant
        most = given if isinstance(given, int) else most
    gathered = func("to_json", Func("list", (bag,), where=conjunction(conditions)))
    made = func("kql_bags", func("coalesce", Cast(gathered, "VARCHAR"), Text("[]")), Number(most))
    return Value(Cast(made, "JSON"), "dynamic", nullable=False)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return {"`indexer`": _together([_shape(item) for item in value])} if value else {}
    return {bool: "bool", int: "long", float: "double", str: "string"}.get(type(value), "null")


def _together(shapes: list[Any]) -> Any:
    """Return one shape of several: of bags slot by slot, of different ones a list."""
    found: list[Any] = []
    for one in [part for shape in shapes for part in (shape if isinstance(shape, list) else [shape])]:
        bag = next((at for at, known in enumerate(found) if isinstance(known, dict)), None)
        if isinstance(one, dict) and bag is not None:
            names = dict.fromkeys([*found[bag], *one])
            found[bag] = {name: _together([side[name] for side in (found[bag], one) if name in side]) for name in names}
        elif one not in found:
            found.append(one)
    return found[0] if len(found) == 1 else found


over_arrays("schema", lambda values: _together([_shape(value) for value in values]) if values else None, "json")


@aggregate("buildschema")
def buildschema(expressions: Expressions, node: tree.Call) -> Value:
    """`buildschema(d)`: what types the values have, slot by slot."""
    value = to_dynamic(expressions.value(node.args[0])).sql
    gathered = Func("list", (value,), where=not_null(value))
    return Value(Cast(func("kql_schema", Cast(func("to_json", gathered), "VARCHAR")), "JSON"), "dynamic")


def _covariance(name: str, duckdb: str) -> None:
    @aggregate(name)
    def _compiled(expressions: Expressions, node: tree.Call) -> Value:
        pair = [converted(expressions.value(arg), "real") for arg in node.args[:2]]
        if any(side is None for side in pair):
            expressions.refuse(name, f"{name}() takes two numbers", node)
        where = expressions.condition(node.args[2]) if name.endswith("if") else None
        found = Func(duckdb, tuple(side.sql for side in pair if side is not None), where=where)
        return Value(func("coalesce", found, Real(0.0)), "real")


for _name in ("covariance", "covarianceif"):
    _covariance(_name, "covar_samp")
for _name in ("covariancep", "covariancepif"):
    _covariance(_name, "covar_pop")


def _weighted_places(pairs: Any, percents: Any) -> Any:
    """Return the values at which the given percentages of all the weight are reached."""
    known = sorted(((value, weight) for value, weight in pairs if value is not None and weight), key=lambda one: one[0])
    total = sum(weight for _, weight in known)
    found: list[Any] = []
    for percent in percents:
        reached, place = 0, None
        for value, weight in known:
            place, reached = value, reached + weight
            if reached >= total * percent / 100:
                break
        found.append(place)
    return found


macro("kql_if_any", "n, v", "CASE WHEN n > 0 THEN v END")
over_arrays("weighted", _weighted_places, "json", "json")


def _percents(expressions: Expressions, nodes: tuple[tree.Expr, ...]) -> list[float]:
    found: list[float] = []
    for node in nodes:
        given = expressions.constant_of(node, "the percentile").constant
        for one in given if isinstance(given, list) else [given]:
            if not isinstance(one, int | float):
                expressions.refuse("percentile", "the percentile must be a number", node)
            found.append(float(one))
    return found


def _weighted(expressions: Expressions, node: tree.Call) -> tuple[Sql, str]:
    """Return the weighted percentiles of a call as a JSON array, and the type of its values."""
    value = expressions.value(node.args[0])
    kind = {"int": "long", "decimal": "real"}.get(value.type, value.type)
    number, weight = converted(value, kind), converted(expressions.value(node.args[1]), "long")
    if number is None or weight is None or kind not in ("long", "real"):
        expressions.refuse(node.name.value, f"{node.name.value}() takes numbers and their weights", node)
    pair = func("json_array", number.sql, weight.sql)
    gathered = Cast(func("to_json", func("list", pair)), "VARCHAR")
    percents = Text(str(_percents(expressions, node.args[2:])))
    return func("kql_weighted", gathered, percents), kind


@aggregate("percentilew percentilesw")
def percentilesw(expressions: Expressions, node: tree.Call) -> tuple[Value, ...]:
    """`percentilesw(x, weight, 50, 95)`."""
    from fpctl.compiler.access import part
    from fpctl.compiler.values.literals import constant

    array, kind = _weighted(expressions, node)
    whole = Value(Cast(array, "JSON"), "dynamic")
    found = [converted(part(whole, [constant(at, "long")]), kind) for at in range(len(node.args) - 2)]
    return tuple(one for one in found if one is not None)


@aggregate("percentilesw_array")
def percentilesw_array(expressions: Expressions, node: tree.Call) -> Value:
    """`percentilesw_array(x, weight, percentiles)`."""
    array, _ = _weighted(expressions, node)
    return Value(Cast(array, "JSON"), "dynamic")


@aggregate("percentiles_array")
def percentiles_array(expressions: Expressions, node: tree.Call) -> Value:
    """`percentiles_array(x, percentiles)`, which Kusto estimates: the values of the nearest rank."""
    value = expressions.value(node.args[0])
    number = converted(value, "long" if value.type == "int" else value.type)
    if number is None or number.type not in ("long", "real"):
        expressions.refuse("percentiles_array", f"percentiles_array() does not take a {value.type}", node)
    shares = [min(max(percent / 100, 0.0), 1.0) for percent in _percents(expressions, node.args[1:])]
    found = (func("quantile_disc", number.sql, Real(share)) for share in shares)
    count = func("count", number.sql)
    return Value(func("kql_if_any", count, func("json_array", *found)), "dynamic")
