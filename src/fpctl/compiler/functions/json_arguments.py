"""Arguments that are dynamic, as JSON text, and Python functions over such texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fpctl.compiler.context import Expressions
from fpctl.compiler.functions.json_values import dumped, loaded
from fpctl.compiler.library import arrow_function
from fpctl.compiler.sql import Cast, Sql, func
from fpctl.compiler.values.conversions import converted, to_dynamic
from fpctl.compiler.values.value import Value
from fpctl.kql import tree


def json_of(expressions: Expressions, node: tree.Expr) -> Sql:
    """Return an argument as JSON text, NULL of null."""
    return Cast(to_dynamic(expressions.value(node)).sql, "VARCHAR")


def whole(expressions: Expressions, node: tree.Expr, what: str) -> Sql:
    """Return an argument that is a number."""
    number = converted(expressions.value(node), "long")
    if number is None:
        expressions.refuse(what, "a whole number is expected here", node)
    return number.sql


def dynamic(sql: Sql) -> Value:
    """Return JSON text as a dynamic value."""
    return Value(func("kql_json", Cast(sql, "JSON")), "dynamic")


def over_arrays(name: str, function: Callable[..., Any], *kinds: str) -> None:
    """Add a Python function of JSON texts to the library, under `kql_<name>`: None is null."""

    def called(*arguments: Any) -> str | None:
        given = [loaded(one) if kind == "json" else one for one, kind in zip(arguments, kinds, strict=True)]
        found = function(*given)
        return None if found is None else dumped(found)

    arrow_function(f"kql_{name}", ["string" if kind == "json" else kind for kind in kinds], "string")(called)
