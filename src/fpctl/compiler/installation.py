"""The library of macros and Python functions on a DuckDB connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import fpctl.compiler.functions
import fpctl.compiler.operators  # noqa: F401  (operators and functions add what they call)
from fpctl.compiler.library import ARROW_FUNCTIONS, MACROS, ArrowFunction

if TYPE_CHECKING:
    import duckdb

_DUCKDB_TYPES = {"int64": "BIGINT", "string": "VARCHAR", "bool": "BOOLEAN", "double": "DOUBLE"}


_CALLED = re.compile(r"\bkql_\w+")


class Library:
    """The library on one connection. Making all of it takes a tenth of a second; most queries call a few parts."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._there: set[str] = set()

    def require(self, sql: str) -> None:
        """Make what SQL calls, directly or through macros, and what is not there yet."""
        self._make(_CALLED.findall(sql))

    def _make(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self._there:
                continue
            if name in ARROW_FUNCTIONS:
                create_function(self._connection, ARROW_FUNCTIONS[name])
            elif name in MACROS:
                parameters, body = MACROS[name]
                # A macro calls what was made before it, so this ends.
                self._make(_CALLED.findall(body))
                self._connection.execute(f"CREATE OR REPLACE MACRO {name}({parameters}) AS ({body})")
            self._there.add(name)


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the whole library on a connection."""
    for one in ARROW_FUNCTIONS.values():
        create_function(connection, one)
    macros = (f"CREATE MACRO {name}({parameters}) AS ({body})" for name, (parameters, body) in MACROS.items())
    connection.execute(";\n".join(macros))


def create_function(connection: duckdb.DuckDBPyConnection, one: ArrowFunction) -> None:
    """Make one Python function on a connection."""
    from duckdb.func import FunctionNullHandling, PythonUDFType

    connection.create_function(
        one.name,
        _batchwise(one),
        [_DUCKDB_TYPES[kind] for kind in one.parameters],
        _DUCKDB_TYPES[one.returns],
        type=PythonUDFType.ARROW,
        null_handling=FunctionNullHandling.SPECIAL,
    )


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
