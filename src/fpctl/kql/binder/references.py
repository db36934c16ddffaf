"""Which column an expression is, and what an unnamed result is called."""

from __future__ import annotations

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Record, Routine
from fpctl.kql.binder.context import BinderContext
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.scalar import is_container
from fpctl.kql.binder.scope import Column
from fpctl.kql.literals import string_value

CONVERSIONS = {
    "tobool": "bool", "toboolean": "bool", "todatetime": "datetime", "todecimal": "decimal", "todouble": "real",
    "toreal": "real", "toguid": "guid", "toint": "int", "tolong": "long", "tostring": "string",
    "totimespan": "timespan", "totime": "timespan",
}  # fmt: skip
"""Functions that leave a value of their own type as it is."""


def find_column(context: BinderContext, expr: tree.Name) -> Column | None:
    """Return the visible column of a name: the row's own, then the other side's of a join."""
    row = context.row
    column = row.columns.get(expr.value)
    if column is None and row.right is not None:
        return row.right.columns.get(expr.value)
    return column


def column_of(context: BinderContext, expr: tree.Expr) -> Column | None:
    """Return the column that an expression is, untouched, or None.

    A conversion to the type that the column has already leaves it as it is.
    """
    while isinstance(expr, tree.Group):
        expr = expr.inner
    if isinstance(expr, tree.Call):
        target = CONVERSIONS.get(expr.name.value)
        if target is None or len(expr.args) != 1 or not isinstance(expr.args[0], (tree.Name, tree.Path)):
            return None
        column = referenced(context, expr.args[0])
        return column if column is not None and column.type == target else None
    return referenced(context, expr)


def column_behind(context: BinderContext, expr: tree.Expr) -> Column | None:
    """Return the column that an item, named or not, takes its value from."""
    return column_of(context, expr.value if isinstance(expr, tree.Named) else expr)


def referenced(context: BinderContext, expr: tree.Expr) -> Column | None:
    """Return the column that a name, or `$left.a`, `step.a`, refers to."""
    if isinstance(expr, tree.Name):
        column = find_column(context, expr)
        if column is None and expr.value not in context.names:
            assumed = context.row.assumed
            return assumed.get(expr.value) if assumed else None
        return column
    if isinstance(expr, tree.Path):
        return member(context, expr)
    return None


def member(context: BinderContext, expr: tree.Path) -> Column | None:
    """Return the column that `$left.a`, `$right.a` or `step.a` is, or None."""
    base, name = expr.base, expr.member
    if not isinstance(base, tree.Name) or not isinstance(name, tree.Name):
        return None
    row = context.row
    if base.value in ("$left", "$right") and row.right is not None:
        right = base.value == "$right"
        columns = row.right.columns if right else row.columns
        column = columns.get(name.value)
        return column if column is not None else row.infer(name.value, right=right)
    if base.value in row.columns:
        return None
    bound = context.names.get(base.value)
    return bound.columns.get(name.value) if isinstance(bound, Record) else None


def result_name(context: BinderContext, expr: tree.Expr, default: str | None) -> str | None:
    """Return the name that an expression gives its result, or the default if it gives none."""
    if isinstance(expr, tree.Name):
        return expr.value
    if isinstance(expr, tree.Call):
        return _call_name(context, expr, default)
    if isinstance(expr, tree.Path):
        return _joined_name(context, expr.base, expr.member, default)
    if isinstance(expr, tree.Index):
        return _joined_name(context, expr.base, expr.index, default)
    if isinstance(expr, tree.Group):
        return result_name(context, expr.inner, default)
    if isinstance(expr, tree.Named):
        return expr.names[0].value if len(expr.names) == 1 else default
    return default


def _joined_name(context: BinderContext, base: tree.Expr, member: tree.Expr, default: str | None) -> str | None:
    container = is_container(context.type_of(base))
    right = _selector_name(context, member)
    if not container:
        return right if right is not None else default
    left = result_name(context, base, None)
    return f"{left}_{right or ''}" if left and not left.isspace() else right


def _selector_name(context: BinderContext, member: tree.Expr) -> str | None:
    if isinstance(member, tree.Literal):
        text = context.text[member.start : member.end]
        if member.type == "string":
            return string_value(text)
        return text if member.type in ("long", "int") else None
    return result_name(context, member, None)


def _call_name(context: BinderContext, expr: tree.Call, default: str | None) -> str | None:
    name, args = expr.name.value, expr.args
    if isinstance(context.names.get(name), Routine):
        return default
    known = builtins()
    facts = known.aggregates.get(name) if context.aggregating else None
    facts = facts or known.functions.get(name) or known.aggregates.get(name)
    rule = facts.name if facts is not None else ""
    if not rule:
        return default
    if rule == "*only":
        return result_name(context, args[0], default) if len(args) == 1 else default
    if rule == "*column":
        text = context.value_text(args[0]) if args else None
        return text if text is not None and text in context.row.columns else default
    if rule == "*":
        return result_name(context, args[0], default) if args else None
    if rule.endswith("*"):
        return rule[:-1] + (result_name(context, args[0], default) or "") if args else rule[:-1]
    return rule
