"""What a raw KQL condition (`where`) may be: one condition on the row's columns, and nothing beside it."""

from __future__ import annotations

from fpctl.errors import KqlSyntaxError
from fpctl.fields.field import ValueProblem

_LEAD = "T\n| where "


def check_condition(text: str) -> ValueProblem | None:
    """Return why a text cannot be a condition, or None if it can. Whether its columns exist depends on the rule."""
    from fpctl.kql.parser import parse
    from fpctl.kql.tree import Name, Named, QueryStatement, Subquery, Where, walk

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
    if others or not isinstance(first, QueryStatement):
        return ValueProblem("a condition holds no `;`", "write what stands behind `where` in KQL")
    (operator, *after) = first.pipeline.operators
    if after or not isinstance(operator, Where):
        return ValueProblem("a condition holds no `|`", "join conditions with `and` and `or`")
    if isinstance(operator.predicate, Named):
        return ValueProblem("`=` names a column here, it does not compare", "compare with `==`")
    nodes = list(walk(operator.predicate))
    if any(isinstance(node, Subquery) for node in nodes):
        return ValueProblem("a condition holds no sub-query", 'list the values: `in~ ("a", "b")`')
    if not any(isinstance(node, Name) for node in nodes):
        return ValueProblem("the condition names no column; it would match every event or none", "compare a column")
    return None
