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
    kinds = cursor.kinds
    closers = [")"]
    index += 2
    while True:
        kind = kinds[index]
        if kind in _SCALARS:
            index += 1
            if kind == STRING:
                while kinds[index] == STRING:
                    index += 1
        elif kind == "[":
            index += 1
            if kinds[index] != "]":
                closers.append("]")
                continue
            index += 1
        elif kind == "{":
            placeholder = cursor.braced_end(index)
            if placeholder:
                index = placeholder
            elif kinds[index + 1] == "}":
                index += 2
            else:
                closers.append("}")
                index = _key_end(cursor, index + 1)
                continue
        elif kind == "-" and kinds[index + 1] in (LONG, REAL):
            index += 2
        elif kind == "dynamic" and kinds[index + 1] == "(":
            closers.append(")")
            index += 2
            continue
        else:
            raise cursor.unexpected("a JSON value in `dynamic(...)`", index)
        if len(closers) > MAX_NESTING:
            cursor.at = index
            cursor.fail_deep()
        # A value is complete; close what closes here.
        while closers:
            kind, closer = kinds[index], closers[-1]
            if kind == "," and closer != ")":
                index = _key_end(cursor, index + 1) if closer == "}" else index + 1
                break
            if kind != closer:
                wanted = f"`{closer}`" if closer == ")" else f"`,` or `{closer}`"
                raise cursor.unexpected(f"{wanted} in `dynamic(...)`", index)
            closers.pop()
            index += 1
        else:
            return index


def _key_end(cursor: Cursor, index: int) -> int:
    if cursor.kinds[index] != STRING:
        raise cursor.unexpected("a quoted property name in `dynamic(...)`", index)
    if cursor.kinds[index + 1] != ":":
        raise cursor.unexpected("`:` after a property name in `dynamic(...)`", index + 1)
    return index + 2
