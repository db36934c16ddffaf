"""Operators that add, drop, rename or reorder columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Scalar
from fpctl.kql.binder.context import BinderContext, with_columns
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.name_patterns import matching
from fpctl.kql.binder.outputs import Style, add_items
from fpctl.kql.binder.projection import (
    Projection,
    carried,
)
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import tabular
from fpctl.kql.grammar.clauses import ORDERS
from fpctl.kql.grammar.cursor import LIST_ENDS, new
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.grammar.sources import (
    column_pattern,
)
from fpctl.kql.lexer import scan
from fpctl.kql.literals import string_value
from fpctl.kql.operators.model import HandsOn, OperatorSpec, RowEffect
from fpctl.kql.tokens import STRING

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


def _parse_extend(p: Expressions) -> tree.Extend:
    at = p.at
    p.at = at + 1
    items = p.named_list()
    return new(tree.Extend, (p.starts[at], p.ends[p.at - 1], p.texts[at], items))


def _parse_project(p: Expressions) -> tree.Project:
    at = p.at
    p.at = at + 1
    items = () if p.kinds[at + 1] in LIST_ENDS else p.named_list()
    return new(tree.Project, (p.starts[at], p.ends[p.at - 1], p.texts[at], items))


def _parse_project_rename(p: Expressions) -> tree.ProjectRename:
    at = p.at
    p.at = at + 1
    items = () if p.kinds[at + 1] in LIST_ENDS else p.named_list()
    return new(tree.ProjectRename, (p.starts[at], p.end(), p.texts[at], items))


def _parse_project_away(p: Expressions) -> tree.ProjectAway:
    """Parse `project-away` or `project-keep`."""
    at = p.at
    p.at = at + 1
    items: list[tree.Expr] = []
    if p.kinds[at + 1] not in LIST_ENDS:
        items.append(column_pattern(p))
        while p.take(","):
            items.append(column_pattern(p))
    return new(tree.ProjectAway, (p.starts[at], p.end(), p.texts[at], tuple(items)))


def _parse_project_reorder(p: Expressions) -> tree.ProjectReorder:
    at = p.at
    p.at = at + 1
    items: list[tree.Ordered] = []
    if p.kinds[at + 1] not in LIST_ENDS:
        items.append(_ordered_pattern(p))
        while p.take(","):
            items.append(_ordered_pattern(p))
    return new(tree.ProjectReorder, (p.starts[at], p.end(), p.texts[at], tuple(items)))


def _ordered_pattern(p: Expressions) -> tree.Ordered:
    value = column_pattern(p)
    order = p.kinds[p.at] if p.kinds[p.at] in ORDERS else None
    p.at += order is not None
    return new(tree.Ordered, (value[0], p.end(), value, order, None))


def _parse_project_by_names(p: Expressions) -> tree.ProjectByNames:
    at = p.at
    p.at = at + 1
    items = () if p.kinds[at + 1] in LIST_ENDS else p.expression_list()
    return new(tree.ProjectByNames, (p.starts[at], p.end(), p.texts[at], items))


def _parse_serialize(p: Expressions) -> tree.Serialize:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    items = () if p.kinds[p.at] in LIST_ENDS else p.named_list()
    return new(tree.Serialize, (p.starts[at], p.end(), p.texts[at], found, items))


def _bind_extend(context: BinderContext, node: tree.Extend, scope: Scope) -> Scope:
    """`extend`: columns added; one of a name that is there takes its place."""
    types = evaluate_all(context, node.items)
    visible = context.visible()
    output = Projection(visible.columns)
    add_items(context, output, node.items, types, Style.EXTEND)
    return with_columns(visible, output.columns)


def _bind_serialize(context: BinderContext, node: tree.Serialize, scope: Scope) -> Scope:
    """`serialize`: columns added; from here on the order of rows means something."""
    types = evaluate_all(context, node.items)
    visible = context.visible()
    output = Projection(visible.columns)
    add_items(context, output, node.items, types)
    return with_columns(visible, output.columns, is_open=visible.open)


def _bind_project(context: BinderContext, node: tree.Project, scope: Scope) -> Scope:
    """`project`: the listed columns only."""
    types = evaluate_all(context, node.items)
    output = Projection()
    add_items(context, output, node.items, types)
    return with_columns(scope, output.columns, is_open=False)


def _bind_project_away(context: BinderContext, node: tree.ProjectAway, scope: Scope) -> Scope:
    """`project-away`, `project-keep`: columns dropped, or all others dropped; wildcards allowed."""
    listed = set(_listed(context, node.items, scope))
    keep = node.keyword == "project-keep"
    columns = {name: column for name, column in scope.columns.items() if (name in listed) == keep}
    if keep and scope.open:
        columns |= context.row.assumed or {}
    return with_columns(scope, columns, is_open=scope.open and not (keep and not _has_wildcard(node.items)))


def _has_wildcard(items: Sequence[tree.Expr]) -> bool:
    return any(isinstance(item, (tree.Wildcard, tree.Star)) for item in items)


def _listed(context: BinderContext, items: Iterable[tree.Expr], scope: Scope) -> list[str]:
    names: list[str] = []
    for item in items:
        if isinstance(item, tree.Wildcard):
            found = matching(item.pattern, scope.columns)
            if not found and not scope.open:
                context.problem(item.start, "unknown-column", f"no column here matches {item.pattern}", None)
            names.extend(found)
        elif isinstance(item, tree.Star):
            names.extend(scope.columns)
        elif isinstance(item, tree.Name):
            if item.value in scope.columns:
                names.append(item.value)
            elif context.row.infer(item.value) is None:
                context.unknown_column(item)
    return names


def _bind_project_rename(context: BinderContext, node: tree.ProjectRename, scope: Scope) -> Scope:
    """`project-rename New = Old`: in its place, under another name."""
    renames: dict[str, str] = {}
    for item in node.items:
        if not isinstance(item, tree.Named) or not isinstance(item.value, tree.Name):
            continue
        if item.value.value in scope.columns or context.row.infer(item.value.value) is not None:
            renames[item.value.value] = item.names[0].value
        else:
            context.unknown_column(item.value)
    visible = context.visible()
    columns: dict[str, Column] = {}
    for name, column in visible.columns.items():
        new = renames.get(name, name)
        columns[new] = carried(column, new)
    return with_columns(visible, columns)


def _bind_project_reorder(context: BinderContext, node: tree.ProjectReorder, scope: Scope) -> Scope:
    """`project-reorder`: same columns, the listed ones first."""
    order: dict[str, Column] = {}
    for item in node.items:
        names = _listed(context, (item.value,), scope)
        if isinstance(item.value, (tree.Wildcard, tree.Star)) and item.order:
            names.sort(key=_natural if "granny" in item.order else str.upper, reverse=item.order.endswith("desc"))
        for name in names:
            order.setdefault(name, scope.columns[name])
    return with_columns(scope, {**order, **scope.columns})


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts runs of digits as numbers (`granny-asc`)."""
    parts: list[tuple[int, int, str]] = []
    digits = text = ""
    for character in name.upper():
        if character.isdigit():
            if text:
                parts.append((1, 0, text))
                text = ""
            digits += character
        else:
            if digits:
                parts.append((0, int(digits), ""))
                digits = ""
            text += character
    if digits:
        parts.append((0, int(digits), ""))
    if text:
        parts.append((1, 0, text))
    return tuple(parts)


def _bind_project_by_names(context: BinderContext, node: tree.ProjectByNames, scope: Scope) -> Scope:
    """`project-by-names`: the columns whose names are given as values; names that none has are ignored."""
    columns: dict[str, Column] = {}
    complete = True
    for item in node.items:
        patterns = _given_names(context, item)
        complete = complete and patterns is not None
        for pattern in patterns or ():
            for name in matching(pattern, scope.columns):
                columns.setdefault(name, scope.columns[name])
    return with_columns(scope, columns, is_open=scope.open or not complete)


def _given_names(context: BinderContext, item: tree.Expr) -> list[str] | None:
    text = context.text
    for _ in range(20):
        bound = context.names.get(item.value) if isinstance(item, tree.Name) else None
        if not isinstance(bound, Scalar) or bound.value is None:
            break
        item, text = bound.value, bound.text
    if isinstance(item, tree.Literal) and item.type == "string":
        return [string_value(text[item.start : item.end])]
    if isinstance(item, tree.Literal) and item.type == "dynamic":
        return _strings_in(text[item.start : item.end])
    if isinstance(item, tree.Call) and item.name.value == "column_names_of" and item.args:
        table = tabular(context, item.args[0])
        return None if table is None or table.open else list(table.columns)
    return None


def _strings_in(dynamic: str) -> list[str]:
    """Return the strings of a `dynamic(["a", 'b'])` literal, or of `dynamic("a")`."""
    inner = dynamic.partition("(")[2].rpartition(")")[0]
    tokens = scan(inner)
    return [
        string_value(inner[start:end])
        for kind, start, end in zip(tokens.kinds, tokens.starts, tokens.ends, strict=True)
        if kind == STRING
    ]


def _row_wise(keyword: str, node: type, parse: Any, bind: Any, *others: str) -> OperatorSpec:
    """Return the entry of an operator that changes the columns of each row by itself."""
    return OperatorSpec(
        (keyword, *others), node, parse, bind, RowEffect.ROW_WISE, fewer_rows=None, hands_on=HandsOn.EACH
    )


OPERATORS = (
    _row_wise("extend", tree.Extend, _parse_extend, _bind_extend),
    _row_wise("project", tree.Project, _parse_project, _bind_project),
    _row_wise("project-away", tree.ProjectAway, _parse_project_away, _bind_project_away, "project-keep"),
    _row_wise("project-by-names", tree.ProjectByNames, _parse_project_by_names, _bind_project_by_names),
    _row_wise("project-rename", tree.ProjectRename, _parse_project_rename, _bind_project_rename),
    _row_wise("project-reorder", tree.ProjectReorder, _parse_project_reorder, _bind_project_reorder),
    # From here on the order of rows means something: `prev()` sees other rows when one is missing.
    OperatorSpec(
        ("serialize",),
        tree.Serialize,
        _parse_serialize,
        _bind_serialize,
        RowEffect.BARRIER,
        fewer_rows=None,
        hands_on=HandsOn.EACH,
    ),
)
