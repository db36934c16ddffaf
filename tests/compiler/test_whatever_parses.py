"""Whatever the parser accepts is compiled, or refused by name and place; nothing else is raised."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pytest

from fpctl.compiler import Refusal, compile_query
from fpctl.compiler.context import StoredTable
from fpctl.compiler.sql import Table
from fpctl.compiler.values.value import Held
from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.operators.table import BY_KEYWORD, SUGGESTED
from fpctl.kql.parser import parse
from kql.outline import golden

NOW = datetime(2026, 11, 24, 12, 0, 0)
QUERIES = golden("accepted")
TYPES = ("string", "long", "real", "bool", "datetime", "timespan", "guid", "dynamic")


@dataclass(frozen=True)
class Stored:
    """A table as DuckDB has it."""

    source: Table
    columns: Mapping[str, Held]


class AnyTables:
    """Every table is there, with a column of one type for each name that a query mentions."""

    def __init__(self, query: tree.Query, kind: str) -> None:
        names = {node.value for node in tree.walk(query) if isinstance(node, tree.Name)}
        self._columns = dict.fromkeys(sorted(names), kind)

    def table(self, name: str) -> Mapping[str, str]:
        return self._columns

    def tables(self) -> Iterable[str]:
        return ["T", "T2"]

    def function(self, name: str) -> None:
        return None

    def stored(self, name: str) -> StoredTable:
        held = {column: Held(column, kind, column, False, None) for column, kind in self._columns.items()}
        return Stored(Table(name, "main"), held)

    def watchlist(self, alias: str) -> StoredTable:
        return self.stored(alias)

    def external(self, uri: str, columns: Mapping[str, str]) -> None:
        return None

    def rows(self, sql: str, lists: object) -> None:
        return None


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_compiled_or_refused(query: str) -> None:
    parsed = parse(query)
    for kind in TYPES:
        tables = AnyTables(parsed, kind)
        with contextlib.suppress(Refusal, KqlSyntaxError):
            compile_query(parsed, tables, tables, NOW)


def test_an_index_whose_name_is_taken_gets_another() -> None:
    for body in ("mv-expand with_itemindex=i d", "mv-apply with_itemindex=i d on (take 1)"):
        parsed = parse(f"T | extend i = 7 | {body} | project i, i1")
        tables = AnyTables(parsed, "dynamic")
        assert [column.name for column in compile_query(parsed, tables, tables, NOW).columns] == ["i", "i1"]


def test_the_queries_have_every_operator_that_people_write() -> None:
    there = {
        node.keyword
        for parameter in QUERIES
        for node in tree.walk(parse(parameter.values[0]))  # type: ignore[attr-defined]
        if getattr(node, "keyword", None) in BY_KEYWORD
    }
    assert there >= SUGGESTED
