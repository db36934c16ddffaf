"""Kusto's scalar types as the binder handles them: what is wider than what, and what types have in common.

A type is its name. `dynamic` values whose shape is known carry it in a `Dynamic`, which is equal to
`"dynamic"` and differs only where the shape decides a name or an element's type.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpctl.kql.binder.scope import Column

UNKNOWN = "unknown"
TABLE = "table"
"""What the evaluation of an expression gives where it is a table, not a value."""

NUMBERS = ("int", "long", "real", "decimal")
"""Numeric types, each wider than those before it."""
_WIDTH = {name: width for width, name in enumerate(NUMBERS)}


class Dynamic(str):
    """`dynamic` of a known shape: `array` (of `element`), `bag`, or `value` (one value of type `element`)."""

    __slots__ = ("element", "shape")

    shape: str
    element: str

    def __new__(cls, shape: str, element: str = "dynamic") -> Dynamic:
        self = super().__new__(cls, "dynamic")
        self.shape = shape
        self.element = element
        return self

    def same(self, other: str) -> bool:
        """Return whether another type has the same shape too."""
        return isinstance(other, Dynamic) and self.shape == other.shape and self.element == other.element


class Tuple(str):
    """Several values of one expression (`arg_max(T, *)`, `series_stats(s)`): as a type, that of the first.

    `prefix` is put before the names of columns that the query does not name itself.
    """

    __slots__ = ("columns", "prefix")

    columns: tuple[Column, ...]
    prefix: str | None

    def __new__(cls, columns: tuple[Column, ...], prefix: str | None = None) -> Tuple:
        self = super().__new__(cls, columns[0].type if columns else UNKNOWN)
        self.columns = columns
        self.prefix = prefix
        return self


ARRAY = Dynamic("array")
BAG = Dynamic("bag")


def parse_type(text: str) -> str:
    """Return a type written as in functions.json: `long`, `dynamic[]`, `dynamic[]long`, `dynamic{}`, `dynamic:long`."""
    if not text.startswith("dynamic") or text == "dynamic":
        return text
    if text == "dynamic{}":
        return BAG
    if text.startswith("dynamic:"):
        return Dynamic("value", text[8:])
    return Dynamic("array", parse_type(text[9:]) if len(text) > 9 else "dynamic")


def array_of(element: str) -> str:
    """Return the type of an array of a type."""
    return Dynamic("array", element) if element != UNKNOWN else ARRAY


def element_of(type_: str) -> str:
    """Return the type of one element of a dynamic value, itself dynamic."""
    if isinstance(type_, Dynamic) and type_.shape == "array":
        return type_.element if type_.element == "dynamic" else Dynamic("value", type_.element)
    return "dynamic"


def is_container(type_: str) -> bool:
    """Return whether a path or an index into a value of this type is named after both (`bag.x` -> `bag_x`)."""
    if isinstance(type_, Dynamic):
        return type_.shape != "value"
    return type_ in ("dynamic", UNKNOWN)


def promoted(type_: str) -> str:
    """Return `long` for `int`, other types as they are."""
    return "long" if type_ == "int" else type_


def widest(types: Iterable[str]) -> str:
    """Return the widest of the numeric types, `int` as `long`."""
    best = -1
    for type_ in types:
        best = max(best, _WIDTH.get(type_, -1))
    return promoted(NUMBERS[best]) if best >= 0 else UNKNOWN


def common(types: Iterable[str], *, mixed: bool = False) -> str:
    """Return the type that all have in common: the wider of numbers, dynamic beside dynamic.

    With `mixed`, types with nothing in common give dynamic; else unknown.
    """
    result: str | None = None
    for type_ in types:
        if result is None or result == "null":
            result = type_
        elif type_ == "null":
            continue
        elif result == type_:
            if isinstance(result, Dynamic) and not result.same(type_):
                result = "dynamic"
        elif UNKNOWN in (result, type_):
            result = UNKNOWN
        elif "dynamic" in (result, type_):
            result = "dynamic"
        elif result in _WIDTH and type_ in _WIDTH:
            result = result if _WIDTH[result] > _WIDTH[type_] else type_
        else:
            return "dynamic" if mixed else UNKNOWN
    return result or UNKNOWN
