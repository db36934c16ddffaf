"""Columns that one event gives for a group: after `arg_max`, `take_any` and `any` a row stands for many events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fpctl.kql import tree
from fpctl.kql.literals import bracket_name
from fpctl.rewrite.placement.effects import PICKING
from fpctl.rewrite.placement.result import Placement


class Picked(NamedTuple):
    """A column that a clause tests, and the aggregate that takes its value from one event of a group."""

    column: str
    aggregate: str
    keys: tuple[str, ...]
    offset: int


def picked_columns(placement: Placement, query: tree.Query) -> Iterator[Picked]:
    """Yield the columns that a clause at the end of a query tests and that describe only one event of a group.

    Args:
        placement: where the clause is, with its columns.
        query: the whole query, whose aggregations may be in `let`s.
    """
    texts = [column.text for bound in placement.resolution.bindings.values() for column in bound]
    tested = sorted(
        name
        for name, column in placement.point.scope.columns.items()
        if column.kind == "grouped" and any(bracket_name(name) in text for text in texts)
    )
    for node in tree.walk(query):
        if not tested or not isinstance(node, tree.Summarize):
            continue
        aggregates = (call for item in node.aggregates for call in tree.walk(item) if isinstance(call, tree.Call))
        aggregate = next((call for call in aggregates if call.name.value in PICKING), None)
        if aggregate is None:
            continue
        keys = tuple(name for item in node.by for name in _names(item))
        for name in tested:
            if name not in keys:
                yield Picked(name, aggregate.name.value, keys, node.start)


def _names(item: tree.Expr) -> list[str]:
    """Return the names of a group key's columns, where it has names of its own."""
    if isinstance(item, tree.Named):
        return [name.value for name in item.names]
    return [item.value] if isinstance(item, tree.Name) else []
