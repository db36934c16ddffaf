"""One query over a long time as several over parts of it, with exactly the rows of the one.

A service that cuts an answer at a number of rows can still be asked for all of them, part by part,
but only where the parts add up: q(A and B) = q(A) and q(B) for any two sets of rows A and B. That
holds for a query that looks at each row by itself, and for no other: a count, a join, a `top` or a
sub-query over half the time says something else than half of what it says over all of it.

What `time_slicing_of` takes apart, and why that is exact:

- One source table, and after it only operators that turn each row into none, one or several rows by
  that row alone: `where extend project* parse parse-where parse-kv mv-expand`. `let` of scalar values.
- No sub-query and no function that is not one of the language's own; none that looks at other rows.
- The parts are half-open ranges of the table's time column, written into the query text right after
  the table. The first part has no lower bound and takes the rows without a time, the last has no upper
  bound: whatever range the service itself applies, each of its rows is in exactly one part.
- `now()` and `ago()` become one fixed time, the same in every part.
- A `sort` at the end by columns of the result is done again over all rows. Rows that are equal in
  the sort's columns come in no defined order, as in the service.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from fpctl.engine.interface import ResultColumn
from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.binder.functions import builtins
from fpctl.kql.literals import bracket_name, datetime_literal
from fpctl.kql.parser import parse
from fpctl.text.edits import Edit, apply_edits, insertion

_ROW_BY_ROW = (
    tree.Where,
    tree.Extend,
    tree.Project,
    tree.ProjectAway,
    tree.ProjectRename,
    tree.ProjectReorder,
    tree.Parse,
    tree.ParseKv,
    tree.MvExpand,
)
_ACROSS_ROWS = frozenset(
    {
        *(
            "next",
            "prev",
            "row_number",
            "row_cumsum",
            "row_rank",
            "row_rank_dense",
            "row_rank_min",
            "row_window_session",
        ),
        *("toscalar", "materialize", "materialized_view", "table", "database", "cluster", "external_table"),
        *("cursor_after", "cursor_before_or_at", "cursor_current", "current_cursor"),
    }
)
_CLOCK = {"now": "+", "ago": "-"}
_SORTED_TYPES = frozenset({"string", "guid", "bool", "int", "long", "real", "decimal", "datetime", "timespan"})
SHORTEST = timedelta(microseconds=2)
"""A part is not halved when it is shorter: times are compared to the microsecond."""


class SortKey(NamedTuple):
    """A column of the final order."""

    column: str
    descending: bool
    nulls_first: bool


class TimeSlicing(NamedTuple):
    """A query that can be taken apart. Offsets are of its text."""

    text: str
    table: str
    behind_table: int
    clock_calls: tuple[tuple[int, int, str], ...]
    order: tuple[SortKey, ...]

    def part(self, time_column: str, start: datetime | None, end: datetime | None, now: datetime) -> str:
        """Return the query over the rows from `start` up to `end`; None where a side is open.

        Args:
            time_column: of the table.
            start: the first instant; None for the first part, which has the rows without a time too.
            end: the first instant that is not in the part.
            now: what the clock shows, in every part.
        """
        name = bracket_name(time_column)
        bounds = []
        if start is not None:
            bounds.append(f"{name} >= {datetime_literal(start)}")
        if end is not None:
            upper = f"{name} < {datetime_literal(end)}"
            bounds.append(upper if start is not None else f"({upper} or isnull({name}))")
        edits = [Edit(at, to, _fixed_clock(call, now)) for at, to, call in self.clock_calls]
        if bounds:
            edits.append(insertion(self.behind_table, f" | where {' and '.join(bounds)}"))
        return apply_edits(self.text, edits)

    def sort(self, columns: Sequence[ResultColumn], rows: list[tuple[Any, ...]]) -> bool:
        """Bring the rows of all parts, one after the other, into the query's order; False if that cannot be done."""
        places = {column.name: (at, column.type) for at, column in enumerate(columns)}
        if any(key.column not in places or places[key.column][1] not in _SORTED_TYPES for key in self.order):
            return False
        for key in reversed(self.order):
            at, kind = places[key.column]
            rows.sort(key=_sort_value(at, kind, key), reverse=key.descending)
        return True


def time_slicing_of(text: str) -> TimeSlicing | str:
    """Return how to take a query apart by time, or why its parts would not add up."""
    try:
        query = parse(text)
    except KqlSyntaxError as error:
        return f"it cannot be parsed: {error.message}"
    results = query.results()
    if len(results) != 1:
        return "it has several results"
    pipeline = results[0].pipeline
    if (reason := _several_tables(query, pipeline)) is not None:
        return reason
    assert isinstance(pipeline.source, tree.Name)
    operators = list(pipeline.operators)
    order = _order(operators[-1]) if operators and isinstance(operators[-1], tree.Sort) else ()
    if order is None:
        return "it sorts by something else than columns of its result"
    for operator in operators[:-1] if order else operators:
        if not isinstance(operator, _ROW_BY_ROW):
            keyword = getattr(operator, "keyword", type(operator).__name__)
            return f"`{keyword}` in line {_line(text, operator.start)} looks at several rows at once"
    return _checked(query, pipeline.source, order)


def _several_tables(query: tree.Query, pipeline: tree.Pipeline) -> str | None:
    """Return why a query does not read exactly one table by name, or None if it does."""
    text = query.text
    for statement in query.statements:
        if not isinstance(statement, tree.Let | tree.QueryStatement) or (
            isinstance(statement, tree.Let) and isinstance(statement.value, tree.Function)
        ):
            return f"line {_line(text, statement.start)} is not a plain `let`"
    if not isinstance(pipeline.source, tree.Name):
        return "it does not begin with the name of one table"
    lets = {statement.name.value for statement in query.statements if isinstance(statement, tree.Let)}
    for node in tree.walk(query):
        names = (node.value,) if isinstance(node, tree.Let) else node.items if isinstance(node, tree.Membership) else ()
        for name in names if len(names) == 1 else ():
            if isinstance(name, tree.Name) and (isinstance(node, tree.Let) or name.value not in lets):
                return f"{name.value} in line {_line(text, name.start)} may be another table"
    if pipeline.source.value in lets:
        return f"{pipeline.source.value} is a `let`"
    return None


def _checked(query: tree.Query, source: tree.Name, order: tuple[SortKey, ...]) -> TimeSlicing | str:
    clock_calls: list[tuple[int, int, str]] = []
    known = builtins().functions
    for node in tree.walk(query):
        if isinstance(node, tree.Subquery):
            return f"line {_line(query.text, node.start)} has a sub-query"
        if not isinstance(node, tree.Call):
            continue
        name = node.name.value
        if name in _ACROSS_ROWS or name not in known:
            return f"what {name}() in line {_line(query.text, node.start)} reads is not known"
        if name in _CLOCK:
            argument = query.text[node.args[0].start : node.args[0].end] if node.args else ""
            if any(isinstance(inner, tree.Call) and inner.name.value in _CLOCK for inner in _below(node)):
                return f"{name}() in line {_line(query.text, node.start)} contains another"
            clock_calls.append((node.start, node.end, f"{name} {argument}"))
    return TimeSlicing(query.text, source.value, source.end, tuple(clock_calls), order)


def _below(node: tree.Call) -> list[tree.Node]:
    return [inner for argument in node.args for inner in tree.walk(argument)]


def _fixed_clock(call: str, now: datetime) -> str:
    name, _, argument = call.partition(" ")
    fixed = datetime_literal(now)
    return f"({fixed} {_CLOCK[name]} ({argument}))" if argument else fixed


def _order(sort: tree.Operator) -> tuple[SortKey, ...] | None:
    assert isinstance(sort, tree.Sort)
    keys = []
    for item in sort.items:
        if not isinstance(item.value, tree.Name):
            return None
        descending = item.order != "asc" if item.order in (None, "asc", "desc") else None
        if descending is None:
            return None
        # The default: nulls last when descending, first when ascending.
        nulls_first = item.nulls == "first" if item.nulls else not descending
        keys.append(SortKey(item.value.value, descending, nulls_first))
    return tuple(keys)


def _sort_value(at: int, kind: str, key: SortKey) -> Callable[[tuple[Any, ...]], tuple[int, Any]]:
    # A null must come out on the asked side after `reverse` has turned everything round.
    null = 0 if key.nulls_first != key.descending else 2

    def value_of(row: tuple[Any, ...]) -> tuple[int, Any]:
        value = row[at]
        if value is None or value != value:
            return (null, 0)
        # Kusto compares texts by their UTF-16 units.
        return (1, value.encode("utf-16-be", "surrogatepass") if kind in ("string", "guid") else value)

    return value_of


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
