"""The library of macros and Python functions on a DuckDB connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import fpctl.compiler.functions
import fpctl.compiler.operator_table  # noqa: F401  (operators and functions add what they call)
from fpctl.compiler.library import ARROW_FUNCTIONS, MACROS, ArrowFunction

if TYPE_CHECKING:
    import duckdb

_DUCKDB_TYPES = {"int64": "BIGINT", "string": "VARCHAR", "bool": "BOOLEAN", "double": "DOUBLE"}


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the library on a connection, and set what compiled queries count on."""
    from duckdb.func import FunctionNullHandling, PythonUDFType

    for one in ARROW_FUNCTIONS.values():
        connection.create_function(
            one.name,
            _batchwise(one),
            [_DUCKDB_TYPES[kind] for kind in one.parameters],
            _DUCKDB_TYPES[one.returns],
            type=PythonUDFType.ARROW,
            null_handling=FunctionNullHandling.SPECIAL,
        )
    macros = (f"CREATE MACRO {name}({parameters}) AS ({body})" for name, (parameters, body) in MACROS.items())
    connection.execute(";\n".join(macros))


def _batchwise(one: ArrowFunction) -> Callable[..., Any]:
    """Return the function over Arrow arrays; of equal arguments, the first result stands for all."""
    import pyarrow

    returns = {
        "int64": pyarrow.int64(), "string": pyarrow.string(), "bool": pyarrow.bool_(), "double": pyarrow.float64(),
    }[one.returns]  # fmt: skip
    function = one.function

    def over(*columns: Any) -> Any:
        known: dict[tuple[Any, ...], Any] = {}
        found = []
        for row in zip(*(column.to_pylist() for column in columns), strict=True):
            if row not in known:
                known[row] = None if None in row else function(*row)
            found.append(known[row])
        return pyarrow.array(found, returns)

    # DuckDB counts the parameters of what it is given.
    counted: dict[int, Callable[..., Any]] = {
        1: lambda a: over(a),
        2: lambda a, b: over(a, b),
        3: lambda a, b, c: over(a, b, c),
        4: lambda a, b, c, d: over(a, b, c, d),
    }
    return counted[len(one.parameters)]
