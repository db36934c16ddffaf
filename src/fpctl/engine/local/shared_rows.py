"""Queries over the same rows of one table: the rows, and what several of the queries compute of them, computed once.

A tuned query and its counting query read the same rows up to the insertion point and ask the same lists about them.
The rows are put into a table, with a column for each costly expression that they share; what is left of each query
reads that table. Works on the compiled SQL, which is a tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fpctl.compiler.membership import LISTED
from fpctl.compiler.printing import printed
from fpctl.compiler.repeats import COSTLY, computed_once, replaced, walk
from fpctl.compiler.sql import Column, Contained, Func, Named, Query, Select, Sql, Table, With

TABLE = "fpctl_rows"
MOST_ROWS = 3_000_000
"""More rows than this are not kept: reading the files again is cheaper than the memory."""
VALUE = "fpctl_value_"


@dataclass(frozen=True, slots=True)
class SharedRows:
    """What is computed once.

    Attributes:
        rows: the SQL that gives the shared rows.
        queries: the SQL of each query, reading `TABLE`.
    """

    rows: str
    queries: tuple[str, ...]


def shared_rows(trees: Sequence[Query], columns: frozenset[str]) -> SharedRows | None:
    """Return what queries share, None where that is nothing worth a table.

    Args:
        trees: at least two queries.
        columns: the SQL names of the columns of the tables that they read.
    """
    firsts = [_first(tree) for tree in trees]
    known = [one for one in firsts if one is not None]
    if len(known) < len(trees) or len({one.source for one in known}) != 1:
        return None
    alike = _alike([one.where for one in known])
    asked = Counter(node for one in known for node in set(_costly(one, alike)))
    made = {node: Column(f"{VALUE}{at}") for at, node in enumerate((n for n, times in asked.items() if times > 1), 1)}
    if not any(isinstance(node, Contained) for node in made):
        return None
    left = [_over_table(tree, first, alike, made) for tree, first in zip(trees, known, strict=True)]
    named = {node.name for tree in left for node in walk(tree, deep=True) if isinstance(node, Column)}
    kept = tuple(Named(Column(name), name) for name in sorted(named & columns))
    computed = tuple(Named(node, column.name) for node, column in made.items())
    rows = Select(known[0].source, (*kept, *computed), where=known[0].where[:alike])
    return SharedRows(printed(computed_once(rows)), tuple(printed(computed_once(one)) for one in left))


def _first(tree: Query) -> Select | None:
    """Return the SELECT of a query that reads a stored table, where each step reads the one before."""
    if isinstance(tree, With):
        tree = tree.query
    while isinstance(tree, Select):
        if isinstance(tree.source, Table):
            return tree if tree.source.schema == "main" else None
        if not isinstance(tree.source, Select):
            return None
        tree = tree.source
    return None


def _alike(conditions: Sequence[tuple[Sql, ...]]) -> int:
    count = 0
    for those in zip(*conditions, strict=False):
        if any(one != those[0] for one in those):
            break
        count += 1
    return count


def _costly(select: Select, alike: int) -> Iterator[Sql]:
    """Yield the look-ups in lists, and the costly calls, that a SELECT makes beyond the shared conditions."""
    for node in walk((select.where[alike:], select.columns)):
        if is_look_up(node) or (isinstance(node, Func) and node.name in COSTLY):
            yield node


def is_look_up(node: Any) -> bool:
    """Return whether an expression looks a text up in the table of a long list."""
    return (
        isinstance(node, Contained)
        and isinstance(node.query, Select)
        and isinstance(node.query.source, Table)
        and node.query.columns == (Named(Column(LISTED), LISTED),)
    )


def _over_table(tree: Query, first: Select, alike: int, made: Mapping[Sql, Column]) -> Query:
    """Return a query that reads the shared rows."""
    rest = replace(
        first,
        source=Table(TABLE),
        where=replaced(first.where[alike:], made),
        columns=replaced(first.columns, made),
    )
    return _with(tree, first, rest)


def _with(tree: Query, old: Select, new: Select) -> Query:
    if tree is old:
        return new
    if isinstance(tree, With):
        return replace(tree, query=_with(tree.query, old, new))
    assert isinstance(tree, Select)
    assert isinstance(tree.source, Select)
    return replace(tree, source=_with(tree.source, old, new))
