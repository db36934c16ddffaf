"""The tables fpctl knows and their columns.

The packaged facts (`data/tables.json`: 64 Defender XDR tables, 923 Log Analytics tables and the 11
ASIM schemas) restate Microsoft Learn reference pages, CC BY 4.0; see NOTICE at the root of the
repository. They are read once, when a table is first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from fpctl.schema.asim import asim_schema

Product = Literal["xdr", "loganalytics"]
EnvironmentName = Literal["auto", "xdr", "loganalytics"]

TIME_COLUMNS = ("Timestamp", "TimeGenerated")


class Tables:
    """Tables by name, each a mapping of column name to Kusto type in the order of its documentation.

    A value: `with_tables` and `with_functions` give a new one. It is what the column analysis calls
    its environment.
    """

    def __init__(
        self,
        environment: EnvironmentName = "auto",
        prefer: Product = "xdr",
        *,
        packaged: bool = True,
        tables: Mapping[str, Mapping[str, str]] | None = None,
        functions: Mapping[str, Mapping[str, str] | str] | None = None,
    ) -> None:
        self.environment = environment
        self.prefer = prefer
        self._packaged = packaged
        self._own = dict(tables or {})
        self._functions = dict(functions or {})
        self._made: dict[str, Mapping[str, str] | None] = {}

    @classmethod
    def packaged(cls, environment: EnvironmentName = "auto", prefer: Product = "xdr") -> Tables:
        """Return the documented tables of a product.

        Args:
            environment: `xdr` or `loganalytics` for the tables of that product alone. `auto` knows
                both: a table that both have carries the columns of both, since XDR tables streamed
                to Sentinel have both time columns.
            prefer: whose type is used where the two disagree (`AdditionalFields` is a string in XDR
                and dynamic in Log Analytics); its columns come first, and its time column is the
                one `time_column` names.
        """
        return cls(environment, prefer)

    @classmethod
    def only(cls, tables: Mapping[str, Mapping[str, str]]) -> Tables:
        """Return these tables and no packaged ones: the schema of a live engine, or of a test."""
        return cls(packaged=False, tables=tables)

    def with_tables(self, tables: Mapping[str, Mapping[str, str]]) -> Tables:
        """Return these tables on top: a name given here hides the packaged table of that name."""
        return self._copy({**self._own, **tables}, self._functions)

    def with_functions(self, functions: Mapping[str, Mapping[str, str] | str]) -> Tables:
        """Return these saved functions on top, each its result columns or its KQL text."""
        return self._copy(self._own, {**self._functions, **functions})

    def _copy(
        self, tables: Mapping[str, Mapping[str, str]], functions: Mapping[str, Mapping[str, str] | str]
    ) -> Tables:
        return Tables(self.environment, self.prefer, packaged=self._packaged, tables=tables, functions=functions)

    def table(self, name: str) -> Mapping[str, str] | None:
        """Return a table's columns with their Kusto types, or None if there is no such table.

        Names are case-sensitive, as in KQL.
        """
        if name not in self._made:
            own = self._own.get(name)
            self._made[name] = MappingProxyType(dict(own)) if own is not None else self._documented(name)
        return self._made[name]

    def tables(self) -> list[str]:
        """Return the names of all tables, sorted."""
        return sorted({*self._own, *(name for product in self._products() for name in _data()[product])})

    def function(self, name: str) -> Mapping[str, str] | str | None:
        """Return what a stored function gives: result columns, or KQL text to analyse; None if unknown.

        The ASIM parsers are always known, by each of their documented names. KQL text is
        a function as after `let name =`: `(parameters) { body }`.
        """
        own = self._functions.get(name)
        if own is not None:
            return own
        if not self._packaged or self.table(name) is not None:
            return None
        schema = asim_schema(name)
        return None if schema is None else self._asim(schema)

    def time_column(self, name: str) -> str | None:
        """Return the column of a table that holds the event's time, or None.

        Where a table has both: `Timestamp` for a Defender XDR table, unless Log Analytics is
        preferred, since data that arrives late has another TimeGenerated
        (https://learn.microsoft.com/defender-xdr/advanced-hunting-microsoft-defender); else
        `TimeGenerated`, which every Log Analytics table has.
        """
        columns = self.table(name)
        if columns is None:
            made = self.function(name)
            columns = made if isinstance(made, Mapping) else {}
        found = [column for column in TIME_COLUMNS if columns.get(column) == "datetime"]
        if len(found) < 2:
            return found[0] if found else None
        if name in self._own or not self._packaged:
            return found[0]
        xdr = self.environment != "loganalytics" and self.prefer == "xdr" and name in _data()["xdr"]
        return "Timestamp" if xdr else "TimeGenerated"

    def in_xdr(self, name: str) -> bool:
        """Return whether a table may be read in Defender XDR, where no table has `TimeGenerated`."""
        return (
            self._packaged and self.environment != "loganalytics" and name not in self._own and name in _data()["xdr"]
        )

    def _products(self) -> tuple[Product, ...]:
        if not self._packaged:
            return ()
        if self.environment != "auto":
            return (self.environment,)
        return ("xdr", "loganalytics") if self.prefer == "xdr" else ("loganalytics", "xdr")

    def _documented(self, name: str) -> Mapping[str, str] | None:
        columns: dict[str, str] | None = None
        for product in self._products():
            indices = _data()[product].get(name)
            if indices is not None:
                columns = {} if columns is None else columns
                for column, kind in map(_columns().__getitem__, indices):
                    columns.setdefault(column, kind)
        return None if columns is None else MappingProxyType(columns)

    def _asim(self, schema: str) -> Mapping[str, str] | None:
        key = f"asim:{schema}"
        if key not in self._made:
            indices = _data()["asim"][f"_Im_{schema}"]
            self._made[key] = MappingProxyType(dict(map(_columns().__getitem__, indices)))
        return self._made[key]


@cache
def _file() -> dict[str, Any]:
    text = (Path(__file__).parent / "data" / "tables.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _data() -> dict[str, dict[str, list[int]]]:
    tables: dict[str, dict[str, list[int]]] = _file()["tables"]
    return tables


@cache
def _columns() -> list[tuple[str, str]]:
    return [(column, kind) for kind, names in _file()["columns"].items() for column in names]


def documented_types(column: str) -> frozenset[str]:
    """Return the types that a column of this name has in the documented tables; none where no table has it."""
    return frozenset(kind for name, kind in _columns() if name == column)
