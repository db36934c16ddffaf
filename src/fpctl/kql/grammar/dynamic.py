"""The JSON inside `dynamic(...)`. It is one literal to everybody else, so only its end is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.grammar.cursor import MAX_NESTING
from fpctl.kql.tokens import BOOL, DATETIME, DECIMAL, GUID, LONG, REAL, STRING, TIMESPAN

if TYPE_CHECKING:
    from fpctl.kql.grammar.cursor import Cursor

_SCALARS = frozenset((LONG, REAL, BOOL, DATETIME, TIMESPAN, GUID, DECIMAL, STRING, "null"))


def dynamic_end(cursor: Cursor, index: int) -> int:
    """Return the index after `dynamic(...)`, which begins at `index`.

    A loop with a stack of what is still to be closed: data is often long, and nests without meaning to.
    """
    closers = [")"]
    index += 2
    while closers:
        index, complete = _value(cursor, index, closers)
        if len(closers) > MAX_NESTING:
            cursor.at = index
            cursor.fail_deep()
        if complete:
            index = _closed(cursor, index, closers)
    return index


def _value(cursor: Cursor, index: int, closers: list[str]) -> tuple[int, bool]:
    """Step over a value, or into one that holds others; return the index after that, and whether it is complete."""
    kinds = cursor.kinds
    kind = kinds[index]
    if kind == STRING:
        while kinds[index] == STRING:
            index += 1
        return index, True
    if kind in _SCALARS:
        return index + 1, True
    if kind == "[":
        if kinds[index + 1] == "]":
            return index + 2, True
        closers.append("]")
        return index + 1, False
    if kind == "{":
        placeholder = cursor.braced_end(index)
        if placeholder:
            return placeholder, True
        if kinds[index + 1] == "}":
            return index + 2, True
        closers.append("}")
        return _key_end(cursor, index + 1), False
    if kind == "-" and kinds[index + 1] in (LONG, REAL):
        return index + 2, True
    if kind == "dynamic" and kinds[index + 1] == "(":
        closers.append(")")
        return index + 2, False
    raise cursor.unexpected("a JSON value in `dynamic(...)`", index)


def _closed(cursor: Cursor, index: int, closers: list[str]) -> int:
    """Close what closes after a complete value; return the index of the next one, or after the whole."""
    kinds = cursor.kinds
    while closers:
        kind, closer = kinds[index], closers[-1]
        if kind == "," and closer != ")":
            return _key_end(cursor, index + 1) if closer == "}" else index + 1
        if kind != closer:
            wanted = f"`{closer}`" if closer == ")" else f"`,` or `{closer}`"
            raise cursor.unexpected(f"{wanted} in `dynamic(...)`", index)
        closers.pop()
        index += 1
    return index


def _key_end(cursor: Cursor, index: int) -> int:
    if cursor.kinds[index] != STRING:
        raise cursor.unexpected("a quoted property name in `dynamic(...)`", index)
    if cursor.kinds[index + 1] != ":":
        raise cursor.unexpected("`:` after a property name in `dynamic(...)`", index + 1)
    return index + 2
