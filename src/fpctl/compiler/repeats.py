"""Costly expressions that occur several times among the conditions of one SELECT, computed once.

DuckDB finds common parts inside one condition, not across those that it looks up in lists. What repeats becomes a
column of an inner SELECT, which already leaves out the rows that the plain conditions do not keep.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from fpctl.compiler.sql import Column, Func, Lambda, Named, Query, Select, Sql, Subselect, With

ONCE = "fpctl_once_"
COSTLY = frozenset({"regexp_extract", "regexp_replace", "regexp_matches", "regexp_extract_all", "kql_py_matches"})
_MOST = 6


def computed_once(query: Query) -> Query:
    """Return a query that computes its repeated costly expressions once."""
    if isinstance(query, With):
        tables = tuple((name, computed_once(one), how) for name, one, how in query.tables)
        return replace(query, tables=tables, query=computed_once(query.query))
    if not isinstance(query, Select):
        return query
    if isinstance(query.source, Select):
        query = replace(query, source=computed_once(query.source))
    if not query.where or (query.group is not None and query.source is None):
        return query
    for number in range(_MOST):
        node = _worth(query)
        if node is None:
            break
        query = _hoisted(query, node, f"{ONCE}{number}")
    return query


def walk(node: Any, *, deep: bool = False) -> Iterator[Any]:
    """Yield a node of a SQL tree and everything below it; the inside of lambdas and sub-queries only where asked."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, tuple):
            pending.extend(one)
        elif is_dataclass(one):
            yield one
            if deep or not isinstance(one, Lambda | Subselect | Select):
                pending.extend(getattr(one, field.name) for field in fields(one))


def _worth(select: Select) -> Func | None:
    """Return the expression whose repetition costs most, None where none repeats."""
    found = Counter(
        node for node in walk((select.where, select.columns)) if isinstance(node, Func) and node.name in COSTLY
    )
    repeated = {node: (times - 1) * _cost(node) for node, times in found.items() if times > 1 and _is_of_row(node)}
    return max(repeated, key=lambda node: repeated[node]) if repeated else None


def _cost(node: Func) -> int:
    return sum(isinstance(one, Func) and one.name in COSTLY for one in walk(node))


def _is_of_row(node: Func) -> bool:
    parts = list(walk(node))
    return any(isinstance(one, Column) for one in parts) and not any(
        isinstance(one, Subselect | Lambda) or (isinstance(one, Func) and one.over is not None) for one in parts
    )


def _hoisted(select: Select, node: Func, name: str) -> Select:
    """Return a SELECT that reads the expression from a column of an inner one."""
    plain = tuple(term for term in select.where if not any(one == node for one in walk(term)))
    rest = tuple(term for term in select.where if any(one == node for one in walk(term)))
    inner = Select(select.source, (Named(node, name),), keep=True, where=plain)
    made: Mapping[Sql, Column] = {node: Column(name)}
    outer = replace(select, source=inner, where=replaced(rest, made), columns=replaced(select.columns, made))
    if outer.keep:
        outer = replace(outer, drop=(*outer.drop, name))
    return outer


def replaced(node: Any, made: Mapping[Sql, Column]) -> Any:
    """Return an expression with columns in place of what they hold; of what is nested, the outermost counts."""
    if isinstance(node, tuple):
        return tuple(replaced(one, made) for one in node)
    if isinstance(node, Sql) and node in made:
        return made[node]
    if is_dataclass(node) and not isinstance(node, type | Select | Subselect):
        return type(node)(*(replaced(getattr(node, field.name), made) for field in fields(node)))
    return node
