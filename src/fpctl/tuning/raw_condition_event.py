"""An event for a raw condition: values of columns for which it is true, as far as it can be read."""

from __future__ import annotations

from collections.abc import Iterator

from fpctl.kql import tree
from fpctl.kql.literals import string_value
from fpctl.kql.parser import parse

Value = str | int | float | bool

_LEAD = "T\n| where "
_SAME = frozenset({"==", "=~", ">=", "<=", "startswith", "startswith_cs", "endswith", "endswith_cs"})
_WITHIN = frozenset({
    "has", "has_cs", "contains", "contains_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs",
})  # fmt: skip
_FILLED = frozenset({"isnotempty", "isnotnull", "notempty"})
_THROUGH = frozenset({"tostring", "tolower", "toupper", "trim"})


def columns_for(where: str) -> dict[str, Value]:
    """Return values of columns that a raw condition asks for.

    Of an `or` the first side is taken; what compares for difference, with a pattern or with another column is passed
    over. Whether the condition is true for these values is for an engine to say.

    Raises:
        KqlSyntaxError: it is not a condition.
    """
    text = _LEAD + where
    (statement,) = parse(text).results()
    (operator,) = statement.pipeline.operators
    found: dict[str, Value] = {}
    if isinstance(operator, tree.Where):
        for column, value, within in _asked(operator.predicate, text):
            before = found.get(column)
            if within and isinstance(before, str) and isinstance(value, str):
                # Two texts that one column is to contain.
                found[column] = before if value.lower() in before.lower() else f"{before} {value}"
            else:
                found.setdefault(column, value)
    return found


def other_than(value: Value) -> Value:
    """Return a value of the same type that is another."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else "fpctl-other"


def _asked(node: tree.Expr, text: str) -> Iterator[tuple[str, Value, bool]]:
    """Yield column, value, and whether the value need only be within."""
    if isinstance(node, tree.Group):
        yield from _asked(node.inner, text)
    elif isinstance(node, tree.Binary):
        if node.ops[0] == "and":
            for operand in node.operands:
                yield from _asked(operand, text)
        elif node.ops[0] == "or":
            yield from _asked(node.operands[0], text)
        elif len(node.operands) == 2:
            yield from _compared(_column(node.operands[0]), node.ops[0], node.operands[1], text)
    elif isinstance(node, tree.Membership):
        yield from _listed(node, text)
    elif isinstance(node, tree.Call) and node.name.value in _FILLED and node.args:
        column = _column(node.args[0])
        if column is not None:
            yield column, "x", True


def _listed(node: tree.Membership, text: str) -> Iterator[tuple[str, Value, bool]]:
    column = _column(node.left)
    if node.op in ("in", "in~", "between"):
        yield from _compared(column, "==", node.items[0], text)
    elif node.op in ("has_any", "has_all"):
        for item in node.items[:1] if node.op == "has_any" else node.items:
            yield from _compared(column, "has", item, text)


def _compared(column: str | None, op: str, node: tree.Expr, text: str) -> Iterator[tuple[str, Value, bool]]:
    value = _value(node, text)
    if column is None or value is None:
        return
    if op in _SAME or op in _WITHIN:
        yield column, value, op in _WITHIN
    elif op in (">", "<") and isinstance(value, int | float):
        yield column, value + (1 if op == ">" else -1), False


def _column(node: tree.Expr) -> str | None:
    while isinstance(node, tree.Group):
        node = node.inner
    if isinstance(node, tree.Call) and node.name.value in _THROUGH and node.args:
        return _column(node.args[-1])
    return node.value if isinstance(node, tree.Name) else None


def _value(node: tree.Expr, text: str) -> Value | None:
    if not isinstance(node, tree.Literal):
        return None
    literal = text[node.start : node.end]
    if node.type == "string":
        return string_value(literal)
    if node.type == "bool":
        return literal.lower() == "true"
    try:
        return int(literal) if node.type in ("int", "long") else float(literal) if node.type == "real" else None
    except ValueError:
        return None
