"""What the compiler has: does a query compile against declared tables, and why is a function or operator refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fpctl.compiler.context import Reading, StoredTable
from fpctl.compiler.query import compile_query
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.relation import Names
from fpctl.compiler.sql import Table
from fpctl.compiler.values.value import Held
from fpctl.kql import tree
from fpctl.kql.binder.environment import Environment

_REASONS: tuple[tuple[str, str], ...] = (
    ("geo_.*", "geometry on the sphere, whose digits the reference does not fix"),
    ("ai_.*|.*_request|http_.*|external_table|cosmosdb.*|infer_storage_schema.*|inline_external_table",
     "asks another service"),
    ("graph.*|make-graph|.*nodes?|.*edges?|node_.*|labels|all|any|map|inner_nodes|edges|current_node_id", "graphs"),
    ("series_decompose.*|series_outliers|series_periods.*|series_seasonal.*|series_fft|series_ifft|series_fit_2lines.*"
     "|series_fit_poly|autocluster|basket|diffpatterns.*|reduce",
     "a statistical method whose details the reference does not give"),
    ("hll.*|dcount_hll|tdigest.*|merge_tdigest|percentile_tdigest|percentiles_array_tdigest|percentrank_tdigest"
     "|rank_tdigest|dcount_intersect",
     "a sketch in the service's own format"),
    ("row_hash", "another result in every run"),
    ("current_.*|cursor_.*|cluster|database|extent.*|ingestion_time|rowstore.*|row_id|stored_query_result"
     "|materialized_view|materialized-view-combine|access|restrict|session_count|execute.*|estimate_.*|preview"
     "|identity.*|rows_near|consume|execute-and-cache",
     "of the service alone"),
    ("gzip_compress.*|zlib_compress.*", "compressed bytes differ from one implementation to another"),
    ("beta_.*", "a special function that is not supported here"),
    ("python|r|csharp", "runs code of another language"),
    ("todecimal", "has more digits than the local engine holds"),
    (".*activity.*|active_users_count|funnel.*|sequence_detect|sliding_window_counts|rolling_percentile"
     "|.*_metrics|.*_count.*",
     "a plugin that is not supported here"),
)  # fmt: skip


def reason(name: str) -> str:
    """Return why the local engine refuses a function, operator or plugin that it does not have."""
    return next((why for pattern, why in _REASONS if re.fullmatch(pattern, name)), "not supported")


@dataclass(frozen=True, slots=True)
class DeclaredTable:
    """A table of which only the columns are known."""

    source: Table
    columns: Mapping[str, Held]


class DeclaredTables:
    """Data without rows: the tables of an environment, as if each had a file."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def stored(self, name: str) -> StoredTable | None:
        """Return a table of the environment."""
        columns = self._environment.table(name)
        return None if columns is None else _declared(name, columns)

    def watchlist(self, alias: str) -> StoredTable | None:
        """Return nothing: what columns a watchlist has, only its rows say."""
        return None

    def external(self, address: str, reading: Reading) -> StoredTable | None:
        """Return nothing: what an address gives has to be fetched first."""
        return None

    def locates_addresses(self) -> bool:
        """Return False: a database of addresses is the user's."""
        return False

    def rows(self, sql: str, lists: Mapping[str, tuple[str, ...]]) -> None:
        """Return nothing: there are no rows to tell what columns a plugin gives."""
        return None


def _declared(name: str, columns: Mapping[str, str]) -> DeclaredTable:
    names = Names()
    return DeclaredTable(Table(name), {one: Held(one, kind, names.free(one)) for one, kind in columns.items()})


_MOST_TABLES = 20
"""How many tables stand for all of a schema: `union *` of a thousand declared ones compiles no differently."""


class _FewTables:
    """An environment whose list of tables is cut short; by name, every table is there."""

    def __init__(self, environment: Environment, query: tree.Query) -> None:
        self.table = environment.table
        self.function = environment.function
        prefixes = {node.pattern.partition("*")[0] for node in tree.walk(query) if isinstance(node, tree.Wildcard)} or {
            ""
        }
        matching = [name for name in environment.tables() if name.startswith(tuple(prefixes))]
        self._names = tuple(matching[:_MOST_TABLES])

    def tables(self) -> tuple[str, ...]:
        """Return the first names that the query's patterns can mean."""
        return self._names


def obstacle(query: tree.Query, environment: Environment, now: datetime) -> Refusal | None:
    """Return what keeps a query from being run locally, None where nothing does."""
    try:
        compile_query(query, _FewTables(environment, query), DeclaredTables(environment), now)
    except Refusal as refusal:
        return refusal
    return None
