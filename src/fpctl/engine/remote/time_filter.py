"""A time range written into a query: each table that it reads is cut to the range where it is.

Azure Data Explorer has no time range outside the query as Log Analytics has (its
`query_datetimescope_*` properties name one column for all tables, and a table without it is not cut
at all). So `T` becomes `T | where Timestamp >= .. and Timestamp < ..` wherever the query reads it,
in parentheses where it does not begin a pipeline.
A source that cannot be cut is refused: rows from outside the range would be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fpctl.engine.interface import EngineError, Timespan
from fpctl.errors import KqlSyntaxError
from fpctl.kql import tree
from fpctl.kql.binder.functions import builtins
from fpctl.kql.literals import bracket_name, datetime_literal
from fpctl.kql.parser import parse
from fpctl.text.edits import Edit, EditedText
from fpctl.text.source import SourceText

_NO_TABLES = (tree.Print, tree.Range, tree.DataTable, tree.ExternalData)
_INLINE = frozenset({"materialize", "toscalar", "view"})
_TABLE_CALLS = frozenset({"table", "external_table", "database", "cluster", "materialized_view"})


def time_filtered(text: str, timespan: Timespan, time_column: Callable[[str], str | None]) -> EditedText:
    """Return a query in which every table is cut to a time range.

    Args:
        text: a query.
        timespan: [start, end).
        time_column: gives the event time's column of a table, None for a table without one (which is
            then read whole, like a list of devices).

    Raises:
        EngineError: `syntax`; `unsupported`: a source that cannot be cut, with its place.
    """
    try:
        query = parse(text)
    except KqlSyntaxError as error:
        raise EngineError(error.message, code="syntax", offset=error.offset, at=error.at, caret=error.caret) from None
    edits = []
    for name, begins in sorted(set(_tables(query))):
        column = time_column(name.value)
        if column is None:
            continue
        shown = bracket_name(column)
        bounds = f"{shown} >= {datetime_literal(timespan.start)} and {shown} < {datetime_literal(timespan.end)}"
        cut = f"{text[name.start : name.end]} | where {bounds}"
        edits.append(Edit(name.start, name.end, cut if begins else f"({cut})"))
    return EditedText.of(text, edits)


def _tables(query: tree.Query) -> Iterator[tuple[tree.Name, bool]]:
    """Yield the names of tables where they are read, and whether they begin a pipeline there."""
    lets = _bound_names(query)
    for node in tree.walk(query):
        for source in _sources(node):
            if isinstance(source, tree.Name):
                if source.value not in lets:
                    yield source, _begins_pipeline(node)
            elif not _stands_alone(source, lets):
                refused = SourceText(query.text)
                raise EngineError(
                    f"a time range cannot be applied to `{query.text[source.start : source.end][:80]}`",
                    code="unsupported",
                    hint="name the tables one by one, or write the time range into the query and run without --since",
                    offset=source.start,
                    at=refused.location(source.start),
                    caret=refused.caret(source.start),
                )


def _bound_names(query: tree.Query) -> set[str]:
    names = set()
    for node in tree.walk(query):
        if isinstance(node, tree.Let | tree.FunctionParameter | tree.As):
            names.add(node.name.value)
    return names


def _sources(node: tree.Node) -> tuple[tree.Node, ...]:
    """Return what a node reads rows from, apart from pipelines of its own, which the walk comes to by itself."""
    if isinstance(node, tree.Pipeline):
        return () if node.source is None else (node.source,)
    if isinstance(node, tree.Join | tree.Lookup):
        return (node.right,)
    if isinstance(node, tree.Union):
        return node.legs
    if isinstance(node, tree.Search | tree.Find):
        return node.tables or (node,)
    if isinstance(node, tree.Let) and isinstance(node.value, tree.Name):
        return (node.value,)
    if isinstance(node, tree.Call):
        return _sources_of_call(node)
    if isinstance(node, tree.Membership) and len(node.items) == 1 and isinstance(node.items[0], tree.Name):
        return (node.items[0],)  # `x in (T)`, or a column: whether there is such a table tells
    if isinstance(node, tree.MakeGraph):
        return node.nodes
    return ()


def _sources_of_call(call: tree.Call) -> tuple[tree.Node, ...]:
    known = builtins()
    name = call.name.value
    builtin = any(name in names for names in (known.functions, known.aggregates, known.tuples, known.plugins))
    if name in _TABLE_CALLS or not (builtin or name in _INLINE):
        # A function of the query (its body is walked, its arguments may be tables) or one stored in the database.
        return (call, *(argument for argument in call.args if isinstance(argument, tree.Name)))
    if name in _INLINE:
        return tuple(argument for argument in call.args if isinstance(argument, tree.Name))
    return ()


def _begins_pipeline(node: tree.Node) -> bool:
    return isinstance(node, tree.Pipeline | tree.Let) or (isinstance(node, tree.Call) and node.name.value in _INLINE)


def _stands_alone(source: tree.Node, lets: set[str]) -> bool:
    """Return whether what a source reads is in the query text itself, or is found by the walk below it."""
    if isinstance(source, (*_NO_TABLES, tree.Subquery, tree.Union, tree.Group, tree.Literal)):
        return True
    if isinstance(source, tree.Search | tree.Find):
        return bool(source.tables)
    if isinstance(source, tree.Call):
        return source.name.value in lets or source.name.value in _INLINE or source.name.value == "datatable"
    return False
