"""Comparisons of the event's time with a day that no event of the files reaches: true for every row.

The clauses of exclusions say when they end. Where that is behind the newest event, DuckDB need not be
told: the lists that would hold only from then on need not be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from fpctl.engine.local.transpile.draft import Draft, Edit
from fpctl.kql import tree
from fpctl.kql.binder.scope import Scope

Newest = Callable[[str, str], datetime | None]
"""Returns the newest time in a table's column, None where it is not known or not every row has one."""


def unknown(table: str, column: str) -> datetime | None:
    """Return None: nothing is known of how late the events are."""
    return None


_SAME_ROWS = frozenset(
    {
        "where", "filter", "extend", "project", "project-away", "project-keep", "project-rename", "project-reorder",
        "sort", "order", "as",
    }
)  # fmt: skip
"""Operators behind which a column of the table is null in no further rows."""

_DECIDED = frozenset({"coalesce", "iff", "iif", "case"})


def edits(draft: Draft, newest: Newest) -> Iterator[Edit]:
    """Yield `true` for every such comparison, in place of what it decides as well."""
    if not any(isinstance(node, tree.Call) and node.name.value in _DECIDED for node in draft.nodes):
        return
    tables = set(draft.environment.tables())
    for node in draft.nodes:
        if not isinstance(node, tree.Pipeline):
            continue
        if not isinstance(node.source, tree.Name) or node.source.value not in tables or node.source.value in draft.lets:
            continue
        for operator in node.operators:
            points = draft.points.get(id(operator))
            if points is not None:
                yield from _Settler(draft, points[0].scope, newest).edits(operator)
            if operator.keyword not in _SAME_ROWS:
                break


class _Settler:
    """Settles the comparisons of one operator."""

    def __init__(self, draft: Draft, scope: Scope, newest: Newest) -> None:
        self.draft = draft
        self.scope = scope
        self.newest = newest

    def edits(self, operator: tree.Operator) -> Iterator[Edit]:
        stack: list[tree.Node] = [operator]
        while stack:
            node = stack.pop()
            if isinstance(node, tree.Subquery | tree.Pipeline | tree.Membership):
                continue  # the names in a sub-query are those of other rows
            text = self.settled(node) if isinstance(node, tree.Call) else None
            if text is not None:
                yield Edit(node.start, node.end, text)
            else:
                stack.extend(tree.children(node))

    def settled(self, call: tree.Call) -> str | None:
        """Return what a call is for every row, None where that depends on the row."""
        name, args = call.name.value, call.args
        if name == "coalesce" and len(args) == 2 and self.always_before(args[0]):
            return "true"
        if name in ("iff", "iif") and len(args) == 3 and self.always_before(args[0]):
            return self.draft.source(args[1])
        if name == "case" and len(args) > 4 and self.is_null_test(args[0]) and self.always_before(args[2]):
            return self.draft.source(args[3])
        return None

    def is_null_test(self, node: tree.Expr) -> bool:
        is_call = isinstance(node, tree.Call) and node.name.value == "isnull" and len(node.args) == 1
        return is_call and self.latest(node.args[0]) is not None  # type: ignore[union-attr]

    def always_before(self, node: tree.Expr) -> bool:
        """Return whether an expression is `column < datetime(day)`, and true for every row."""
        if not isinstance(node, tree.Binary) or node.ops != ("<",) or not isinstance(node.operands[1], tree.Literal):
            return False
        day = _moment(self.draft.source(node.operands[1]))
        latest = self.latest(node.operands[0]) if day is not None else None
        return day is not None and latest is not None and latest < day

    def latest(self, node: tree.Expr) -> datetime | None:
        """Return the newest time in a column that is never null, None where an expression is no such column."""
        column = self.scope.columns.get(node.value) if isinstance(node, tree.Name) else None
        if column is None or column.kind not in ("table", "renamed") or not column.origins:
            return None
        times = [self.newest(origin.table, origin.column) for origin in column.origins]
        known = [time for time in times if time is not None]
        return max(known) if len(known) == len(times) else None


def _moment(literal: str) -> datetime | None:
    """Return the time of `datetime(2027-05-24)`, None where it is no such literal or is written in another way."""
    if not literal.startswith("datetime("):
        return None
    try:
        moment = datetime.fromisoformat(literal.removeprefix("datetime(").removesuffix(")").strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
