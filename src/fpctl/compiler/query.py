"""From a tree to SQL: `compile_query`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import fpctl.compiler.functions
import fpctl.compiler.operators  # noqa: F401  (functions and operators enter themselves)
from fpctl.compiler.compiler import Compiler
from fpctl.compiler.context import Data
from fpctl.compiler.growth import check_growth
from fpctl.compiler.macro_arguments import FEW_CALLS, bound_once
from fpctl.compiler.printing import printed
from fpctl.compiler.refusal import Refusal
from fpctl.compiler.repeats import computed_once
from fpctl.compiler.sql import Column, Named, Query, Select, With
from fpctl.compiler.values.ticks import ticks_from_datetime
from fpctl.kql import tree
from fpctl.kql.binder.environment import Environment


class OutputColumn(NamedTuple):
    """A column of the result: its Kusto name and type, its SQL name, whether it is a TIMESTAMP rather than ticks."""

    name: str
    type: str
    sql: str
    is_moment: bool


@dataclass(frozen=True, slots=True)
class CompiledQuery:
    """A query in DuckDB's SQL.

    Attributes:
        sql: one SELECT. It calls the library (`fpctl.compiler.installation.install`).
        columns: of the result, in order.
        lists: long lists of strings that the SQL looks up: table name -> values of its column `fpctl_listed`.
        tables: the tables of the data that are read.
        notes: what was taken for something else, for the user to know.
        tree: the same as `sql`, as a tree.
    """

    sql: str
    columns: tuple[OutputColumn, ...]
    lists: Mapping[str, tuple[str, ...]]
    tables: frozenset[str]
    notes: tuple[str, ...]
    tree: Query = field(repr=False)


def compile_query(query: tree.Query, environment: Environment, data: Data, now: datetime) -> CompiledQuery:
    """Compile a query of one result.

    Args:
        query: the tree.
        environment: the tables and their types, for the binder; the same that `data` has.
        data: the tables as DuckDB has them.
        now: what `now()` is, naive in UTC.

    Raises:
        Refusal: something in the query cannot be compiled exactly; nothing has run.
    """
    compiler = Compiler(query.text, environment, data, ticks_from_datetime(now))
    try:
        check_growth(query)
        relation = compiler.query(query)
    except RecursionError as error:
        raise Refusal("query", "the query is nested too deeply", None, code="too-complex") from error
    columns = tuple(OutputColumn(held.name, held.type, held.sql, held.is_moment) for held in relation.columns.values())
    outermost: Query = Select(relation.as_source(), tuple(Named(Column(one.sql), one.sql) for one in columns))
    if compiler.common:
        outermost = With(tuple(compiler.common), outermost)
    try:
        sql = printed(computed_once(outermost))
        if sql.count("kql_") >= FEW_CALLS:
            outermost = bound_once(outermost)
            sql = printed(computed_once(outermost))
    except RecursionError as error:
        raise Refusal("query", "the query is nested too deeply", None, code="too-complex") from error
    return CompiledQuery(
        sql, columns, compiler.long_lists, frozenset(compiler.tables_read), tuple(sorted(compiler.notes)), outermost
    )
