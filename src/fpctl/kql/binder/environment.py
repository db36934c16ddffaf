"""What an analysis knows of the world outside the query: tables and stored functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class Environment(Protocol):
    """Tables and stored functions, asked by name (case-sensitive, as in KQL).

    What is returned must not change afterwards: tables and their columns are kept between analyses.
    """

    def table(self, name: str) -> Mapping[str, str] | None:
        """Return a table's columns in order, column -> Kusto type, or None if there is no such table."""

    def tables(self) -> Iterable[str]:
        """Return the names of all tables, sorted (for `union Device*`, `search`, `find`)."""

    def function(self, name: str) -> Mapping[str, str] | str | None:
        """Return what a stored function gives, or None if there is no such function.

        Either its columns, or its KQL source: parameters and body, `(days: int = 7) { T | ... }`.
        """


class NoTables:
    """An environment that knows nothing: every table is open."""

    def table(self, name: str) -> Mapping[str, str] | None:
        """Return None."""
        return None

    def tables(self) -> Iterable[str]:
        """Return nothing."""
        return ()

    def function(self, name: str) -> Mapping[str, str] | str | None:
        """Return None."""
        return None
