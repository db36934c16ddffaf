"""tostring, tolong and their like."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.registry import special
from fpctl.compiler.values.conversions import converted
from fpctl.compiler.values.value import Value
from fpctl.kql import tree

_TARGETS = {
    "tostring": "string", "tobool": "bool", "toboolean": "bool", "toint": "int", "tolong": "long", "toreal": "real",
    "todouble": "real", "todecimal": "decimal", "todatetime": "datetime", "totimespan": "timespan",
    "totime": "timespan", "toguid": "guid",
}  # fmt: skip


@special(" ".join(_TARGETS))
def convert(expressions: Expressions, node: tree.Call) -> Value:
    """Compile a conversion: what cannot be converted is null, "" of tostring."""
    name = node.name.value
    if len(node.args) != 1:
        expressions.refuse(name, f"{name}() takes one argument", node)
    value = expressions.value(node.args[0])
    found = converted(value, _TARGETS[name])
    if found is None:
        expressions.refuse(name, f"{name}() does not take a {value.type}", node)
    return found
