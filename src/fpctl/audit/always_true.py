"""Raw conditions that hold for nearly every event."""

from __future__ import annotations

from functools import lru_cache

from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.literals import string_value
from fpctl.kql.parser import parse

_LEAD = "T | where "
_HOLDS_FOR_EMPTY = frozenset(("contains", "startswith", "endswith", "has", "hasprefix", "hassuffix"))
_FILLED = frozenset(("isnotempty", "isnotnull", "notempty", "notnull"))


@lru_cache(maxsize=4096)
def nearly_everything(condition: str) -> bool:
    """Return whether a condition holds whatever the event, or for all but what it names.

    `X == X`, `true`, `isnotempty(X)`, `X contains ""`, `X != "a"`, `X !in ("a", "b")`, `not(X has "a")`, and
    what `and` and `or` make of these. Columns that are compared with something are not such.
    """
    text = _LEAD + condition
    try:
        query = parse(text)
    except KqlSyntaxError:
        return False
    results = query.results()
    where = results[0].pipeline.operators[0] if results and results[0].pipeline.operators else None
    return isinstance(where, tree.Where) and _wide(where.predicate, text)


def _wide(node: tree.Expr, text: str) -> bool:
    if isinstance(node, tree.Group):
        return _wide(node.inner, text)
    if isinstance(node, tree.Literal):
        return text[node.start : node.end].lower() in ("true", "1")
    if isinstance(node, tree.Call):
        name = node.name.value.lower()
        if name == "not" and len(node.args) == 1:
            return not _wide(node.args[0], text)
        return name in _FILLED
    if isinstance(node, tree.Membership):
        return node.op.startswith("!")
    if isinstance(node, tree.Binary):
        parts = [_wide(operand, text) for operand in node.operands]
        if set(node.ops) == {"and"}:
            return all(parts)
        if set(node.ops) == {"or"}:
            return any(parts)
        return len(node.ops) == 1 and _compares_nothing(node, text)
    return False


def _compares_nothing(node: tree.Binary, text: str) -> bool:
    (op,), (left, right) = node.ops, node.operands
    if op.startswith("!"):
        # Everything but one value; `X != ""` asks whether it is filled.
        return True
    one, other = (text[side.start : side.end].strip() for side in (left, right))
    if one == other and op in ("==", "=~", "<=", ">="):
        return True
    empty = isinstance(right, tree.Literal) and right.type == "string" and string_value(other) == ""
    return empty and op.removesuffix("_cs") in _HOLDS_FOR_EMPTY
