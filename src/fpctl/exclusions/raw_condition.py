"""What a raw KQL condition (`where`) may be: one condition on the row's own columns, and nothing beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fpctl.errors import KqlSyntaxError
from fpctl.fields.field import ValueProblem

if TYPE_CHECKING:
    from fpctl.kql import tree

_LEAD = "T\n| where "

OTHER_ROWS = frozenset(
    (
        *("prev", "next", "row_number", "row_cumsum", "row_window_session", "row_rank_dense", "row_rank_min"),
        *("toscalar", "materialize"),
    )
)
"""Functions whose value depends on other rows (learn.microsoft.com/kusto/query/window-functions)."""

_EACH_TIME = frozenset(("rand", "new_guid"))
"""Functions that give another value each time: what is counted would not be what is suppressed."""


def check_condition(text: str) -> ValueProblem | None:
    """Return why a text cannot be a condition, or None if it can. Whether its columns exist depends on the rule."""
    from fpctl.kql import tree
    from fpctl.kql.parser import parse

    if not text.strip():
        return ValueProblem(
            "the condition is empty; it would match everything", "give a KQL condition, or remove `where`"
        )
    try:
        query = parse(_LEAD + text)
    except KqlSyntaxError as error:
        column = error.offset - len(_LEAD) + 1
        return ValueProblem(f"not a KQL condition: {error.message} (character {column})", error.hint)
    (first, *others) = query.statements
    if others or not isinstance(first, tree.QueryStatement):
        return ValueProblem("a condition cannot contain `;`", "write only what follows `where` in KQL")
    (operator, *after) = first.pipeline.operators
    if after or not isinstance(operator, tree.Where):
        return ValueProblem("a condition cannot contain `|`", "join conditions with `and` and `or`")
    if isinstance(operator.predicate, tree.Named):
        return ValueProblem("`=` names a column here; it does not compare", "compare with `==`")
    nodes = list(tree.walk(operator.predicate))
    if any(isinstance(node, tree.Subquery) for node in nodes):
        return ValueProblem("a condition cannot contain a subquery", 'list the values: `in~ ("a", "b")`')
    called = {node.name.value for node in nodes if isinstance(node, tree.Call)}
    if problem := _beyond_the_row(called):
        return problem
    if not any(isinstance(node, tree.Name) for node in nodes):
        return ValueProblem("the condition uses no column; it would match every event or none", "compare a column")
    parts = list(_parts(operator.predicate))
    return _wrong_columns(parts) or _not_boolean([(_LEAD + text)[part.start : part.end] for part in parts])


def _beyond_the_row(called: set[str]) -> ValueProblem | None:
    """Return the problem of a function whose value is not that of the row."""
    from fpctl.kql.binder.functions import builtins

    known = builtins()
    for name in sorted(called):
        if name in OTHER_ROWS:
            return ValueProblem(
                f"`{name}()` looks at other rows, but a condition is evaluated for each row by itself",
                "compare the columns of the row itself",
            )
        if name in known.aggregates and name not in known.functions:
            return ValueProblem(
                f"`{name}()` aggregates rows, but a condition is evaluated for each row by itself",
                "compare the columns of the row itself",
            )
        if name in _EACH_TIME:
            return ValueProblem(f"`{name}()` returns a different value each time", "compare a column with a value")
    return None


def _parts(predicate: tree.Expr) -> Iterator[tree.Expr]:
    """Yield what is joined by `and`, `or` and `not`."""
    from fpctl.kql import tree

    stack = [predicate]
    while stack:
        node = stack.pop()
        if isinstance(node, tree.Group):
            stack.append(node.inner)
        elif isinstance(node, tree.Binary) and set(node.ops) <= {"and", "or"}:
            stack += reversed(node.operands)
        elif isinstance(node, tree.Call) and node.name.value == "not" and len(node.args) == 1:
            stack.append(node.args[0])
        else:
            yield node


def _wrong_columns(parts: list[tree.Expr]) -> ValueProblem | None:
    """Return the problem of a column that is alone and that is not true or false in any documented table."""
    from fpctl.kql import tree
    from fpctl.schema.tables import documented_types

    for part in parts:
        if isinstance(part, tree.Name):
            kinds = documented_types(part.value)
            if kinds and not kinds & {"bool", "dynamic"}:
                kind = "string" if "string" in kinds else min(kinds)
                return ValueProblem(
                    f"`{part.value}` is of type {kind}, neither true nor false", "compare it with a value"
                )
    return None


def _not_boolean(parts: list[str]) -> ValueProblem | None:
    """Return the problem of the first part that is known not to be true or false."""
    from fpctl.kql.analysis import analyse
    from fpctl.kql.binder import NoTables
    from fpctl.kql.parser import parse

    columns = ", ".join(f"fpctl_{number} = ({part}\n)" for number, part in enumerate(parts))
    analysis = analyse(parse(f"T\n| extend {columns}"), NoTables())
    made = analysis.pipelines[0].points[-1].scope.columns
    for number, part in enumerate(parts):
        kind = made[f"fpctl_{number}"].type
        if kind not in ("bool", "unknown"):
            return ValueProblem(
                f"`{part.strip()}` is of type {kind}, neither true nor false", "compare it with a value"
            )
    return None
