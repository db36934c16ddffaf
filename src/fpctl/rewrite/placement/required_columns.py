"""What an exclusion needs to see at an insertion point: its fields, and the roles of columns its values can match."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fpctl.errors import FpctlError, KqlSyntaxError
from fpctl.exclusions.model import Alternative
from fpctl.fields.registry import usable_roles
from fpctl.kql import tree
from fpctl.kql.parser import parse
from fpctl.rewrite.placement.resolution import RequiredColumns


class RequiredColumnsError(FpctlError):
    """A raw `where` of an exclusion that cannot be read as a KQL condition."""


def columns_required(alternatives: Sequence[Alternative], exclusion: str, *, time: bool = False) -> RequiredColumns:
    """Return what alternatives of an exclusion need together; `time` is set where it applies during certain hours only.

    The roles of a field are those that its values can match: a device name is never in a column
    of device ids, nor a SHA-1 in one of SHA-256, so such a column need not be visible.

    Raises:
        RequiredColumnsError: a `where` is not a KQL condition.
    """
    values: dict[str, list[str]] = {}
    raw: set[str] = set()
    for alternative in alternatives:
        for field, given in alternative.fields().items():
            values.setdefault(field, []).extend(given)
        if alternative.where is not None:
            raw.update(condition_columns(alternative.where, exclusion))
    return RequiredColumns(
        tuple((field, usable_roles(field, values[field])) for field in sorted(values)), tuple(sorted(raw)), time
    )


def condition_columns(condition: str, exclusion: str) -> list[str]:
    """Return the columns that a raw condition refers to.

    Raises:
        RequiredColumnsError: it is not one KQL condition: it does not parse, or has more than a condition in it.
    """
    head = "T | where "
    try:
        query = parse(head + condition)
    except KqlSyntaxError as error:
        raise RequiredColumnsError(
            f"`where` of {exclusion} is not a KQL condition: {error.message}", None, error.hint
        ) from error
    results = query.results()
    if (
        len(query.statements) != 1
        or len(results) != 1
        or len(results[0].pipeline.operators) != 1
        or not isinstance(results[0].pipeline.operators[0], tree.Where)
        or results[0].pipeline.operators[0].end < len((head + condition).rstrip())
    ):
        raise RequiredColumnsError(
            f"`where` of {exclusion} holds more than one condition",
            None,
            "give a condition only: no `|`, `;` or comment",
        )
    predicate = results[0].pipeline.operators[0].predicate
    for node in tree.walk(predicate):
        if isinstance(node, tree.Subquery):
            raise RequiredColumnsError(
                f"`where` of {exclusion} holds a sub-query", None, "name values, or use another field"
            )
    return [node.value for node in _column_names(predicate)]


def _column_names(node: tree.Node) -> Iterable[tree.Name]:
    """Yield the names that stand for columns: not function names, dynamic members or argument names."""
    stack: list[tree.Node] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, tree.Name):
            yield current
        elif isinstance(current, tree.Call):
            stack.extend(current.args)
        elif isinstance(current, tree.Path):
            stack.append(current.base)
        elif isinstance(current, tree.Named):
            stack.append(current.value)
        else:
            stack.extend(tree.children(current))
