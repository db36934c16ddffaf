"""What the compiled SQL calls besides DuckDB's own functions: SQL macros, and Python functions over Arrow arrays.

`fpctl.compiler.installation` puts both on a connection, once. A macro is SQL of ours and holds no value of a query.
A Python function is for what SQL cannot say; it gets each distinct text of a batch once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ArrowFunction:
    """A Python function of the library.

    Attributes:
        name: `kql_...`.
        parameters: names of Arrow types.
        returns: the same.
        function: gets the arguments of one row, none of them None (a null argument gives null).
    """

    name: str
    parameters: tuple[str, ...]
    returns: str
    function: Callable[..., Any]


MACROS: dict[str, tuple[str, str]] = {}
"""name -> parameters, body; in the order of their making: a macro may call those before it."""
ARROW_FUNCTIONS: dict[str, ArrowFunction] = {}


def macro(name: str, parameters: str, body: str) -> None:
    """Add a SQL macro to the library."""
    if name in MACROS:
        raise ValueError(f"the macro {name} is there twice")
    MACROS[name] = (parameters, body)


def arrow_function(
    name: str, parameters: Sequence[str], returns: str
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a Python function to the library: of rows, `parameters` and `returns` by Arrow type."""

    def added(function: Callable[..., Any]) -> Callable[..., Any]:
        ARROW_FUNCTIONS[name] = ArrowFunction(name, tuple(parameters), returns, function)
        return function

    return added
