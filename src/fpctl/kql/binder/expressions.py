"""Types of expressions.

Looking at an expression also walks the pipelines inside it and notes names that nothing has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Argument, Record, Routine, Scalar, Tabular
from fpctl.kql.binder.context import BinderContext, RowScope
from fpctl.kql.binder.functions import FunctionFacts, arithmetic_type, builtins, return_type
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.references import find_column, member
from fpctl.kql.binder.scalar import ARRAY, TABLE, UNKNOWN, Dynamic, Tuple
from fpctl.kql.binder.scope import Scope
from fpctl.kql.binder.tuples import series_parts, several, sorted_arrays

TABLE_FUNCTIONS = frozenset(
    {"cluster", "database", "table", "materialize", "external_table", "materialized_view", "stored_query_result",
     "workspace", "app", "resource", "adx", "arg", "entity_group"}
)  # fmt: skip
"""Calls that name tables or where they are. `workspace` and those after it are Azure Monitor's."""


def evaluate(context: BinderContext, expr: tree.Source) -> str:
    """Return the type of an expression: a Kusto scalar type, `unknown`, or `table`."""
    kind = _KINDS.get(type(expr))
    return TABLE if kind is None else kind(context, expr)


def evaluate_all(context: BinderContext, expressions: Sequence[tree.Expr]) -> list[str]:
    """Return the types of expressions; too deep a one is unknown."""
    types = []
    for expr in expressions:
        try:
            types.append(_KINDS[type(expr)](context, expr))
        except RecursionError:
            types.append(UNKNOWN)
    return types


# --------------------------------------------------------------------------- names


def _name(context: BinderContext, expr: tree.Name) -> str:
    column = find_column(context, expr)
    if column is not None:
        return column.type
    bound = context.names.get(expr.value)
    if isinstance(bound, Scalar):
        return bound.type
    if isinstance(bound, Routine):
        result = context.call(bound, (), expr.start)
        return TABLE if isinstance(result, Scope) else result
    if isinstance(bound, Tabular):
        return TABLE
    if bound is not None:
        return Tuple(tuple(bound.columns.values()))
    column = context.row.infer(expr.value)
    if column is not None:
        return column.type
    environment = context.environment
    if environment.table(expr.value) is not None or environment.function(expr.value) is not None:
        return TABLE
    context.unknown_column(expr)
    return UNKNOWN


def _path(context: BinderContext, expr: tree.Path) -> str:
    column = member(context, expr)
    if column is not None:
        return column.type
    base = expr.base
    if isinstance(base, tree.Name) and base.value in ("$left", "$right") and context.row.right is not None:
        if isinstance(expr.member, tree.Name):
            side = context.row.right.columns if base.value == "$right" else context.row.columns
            hint = nearest(expr.member.value, side)
            context.problem(
                expr.member.start, "unknown-column", f"there is no column {expr.member.value} on {base.value}", hint
            )
        return UNKNOWN
    if _is_place(base):
        return TABLE
    if isinstance(base, tree.Name) and base.value not in context.row.columns:
        bound = context.names.get(base.value)
        if isinstance(bound, Record):
            return UNKNOWN
    type_ = evaluate(context, base)
    return "dynamic" if type_ == "dynamic" else UNKNOWN


def _is_place(expr: tree.Expr) -> bool:
    """Return whether an expression names a cluster, a database, a workspace."""
    while isinstance(expr, tree.Path):
        expr = expr.base
    return isinstance(expr, tree.Call) and expr.name.value in TABLE_FUNCTIONS


def _index(context: BinderContext, expr: tree.Index) -> str:
    evaluate(context, expr.index)
    type_ = evaluate(context, expr.base)
    if isinstance(type_, Dynamic) and type_.shape == "array" and type_.element != "dynamic":
        return type_.element if isinstance(type_.element, Dynamic) else Dynamic("value", type_.element)
    return "dynamic" if type_ == "dynamic" else UNKNOWN


# --------------------------------------------------------------------------- values


def _literal(context: BinderContext, expr: tree.Literal) -> str:
    if expr.type != "dynamic":
        return expr.type
    body = context.text[expr.start : expr.end].partition("(")[2].lstrip()
    if body.startswith("["):
        first = body[1:].lstrip()[:1]
        if first in ("'", '"'):
            return Dynamic("array", "string")
        return Dynamic("array", "long") if first.isdigit() or first == "-" else ARRAY
    if body.startswith("{"):
        return Dynamic("bag")
    return Dynamic("value", "string") if body[:1] in ("'", '"') else "dynamic"


def _unary(context: BinderContext, expr: tree.Unary) -> str:
    type_ = evaluate(context, expr.operand)
    if isinstance(expr.operand, tree.Literal):
        return type_
    return builtins().by_argument["minus"].get(type_, UNKNOWN)


def _binary(context: BinderContext, expr: tree.Binary) -> str:
    types = [_KINDS[type(operand)](context, operand) for operand in expr.operands]
    if expr.ops[0] not in builtins().arithmetic:
        return "bool"
    type_ = types[0]
    for op, right in zip(expr.ops, types[1:], strict=True):
        type_ = arithmetic_type(op, type_, right) if op in builtins().arithmetic else "bool"
    return type_


def _membership(context: BinderContext, expr: tree.Membership) -> str:
    evaluate(context, expr.left)
    for item in expr.items:
        if isinstance(item, tree.Subquery):
            context.pipeline(item.pipeline, context.numbered("in"))
        elif not isinstance(item, tree.Literal):
            evaluate(context, item)
    return "bool"


def _subquery(context: BinderContext, expr: tree.Subquery) -> str:
    context.pipeline(expr.pipeline, context.numbered("query"))
    return TABLE


# --------------------------------------------------------------------------- calls


def _call(context: BinderContext, expr: tree.Call) -> str:
    name = expr.name.value
    bound = context.names.get(name)
    if isinstance(bound, Routine):
        result = call_routine(context, bound, expr)
        return TABLE if isinstance(result, Scope) else result
    special = _SPECIAL.get(name)
    if special is not None:
        return special(context, expr)
    known = builtins()
    facts = known.aggregates.get(name) if context.aggregating else None
    if facts is not None:
        return _aggregate(context, expr, facts)
    facts = known.functions.get(name)
    if facts is not None:
        return _function(context, expr, facts)
    facts = known.aggregates.get(name)
    if facts is not None:
        return _aggregate(context, expr, facts)
    if name.startswith("__"):
        evaluate_all(context, expr.args)
        return UNKNOWN
    return TABLE if context.called(expr) is not None else UNKNOWN


def call_routine(context: BinderContext, routine: Routine, expr: tree.Call, first: Scope | None = None) -> Scope | str:
    """Evaluate a call of a function of the query; `first` is the argument that `invoke` puts before the others."""
    arguments = [] if first is None else [Argument(None, first, None)]
    tables = {parameter.name.value for parameter in routine.node.parameters if parameter.columns is not None}
    aggregating, context.aggregating = context.aggregating, False
    for position, arg in enumerate(expr.args, len(arguments)):
        name, value = (arg.names[0].value, arg.value) if isinstance(arg, tree.Named) else (None, arg)
        parameter = name
        if parameter is None and position < len(routine.node.parameters):
            parameter = routine.node.parameters[position].name.value
        scope = context.tabular(value) if parameter in tables else None
        arguments.append(Argument(name, scope if scope is not None else evaluate(context, value), value))
    context.aggregating = aggregating
    return context.call(routine, arguments, expr.start)


def _function(context: BinderContext, expr: tree.Call, facts: FunctionFacts) -> str:
    args = expr.args
    types = evaluate_all(context, args)
    rule = facts.type
    if rule == "tuple":
        return series_parts(context, expr)
    if rule == "special":
        return sorted_arrays(context, expr, types) if expr.name.value.startswith("array_sort") else TABLE
    named_type = args[-1].type if args and isinstance(args[-1], tree.TypeLiteral) else None
    return return_type(facts, types, named_type)


def _toscalar(context: BinderContext, expr: tree.Call) -> str:
    row, context.row = context.row, RowScope()
    aggregating, context.aggregating = context.aggregating, False
    type_ = UNKNOWN
    for arg in expr.args:
        if isinstance(arg, tree.Subquery):
            scope: Scope | None = context.pipeline(arg.pipeline, context.numbered("toscalar"))
        else:
            scope = context.tabular(arg)
        if scope is None:
            type_ = evaluate(context, arg)
        else:
            type_ = next((column.type for column in scope.columns.values()), UNKNOWN)
    context.row, context.aggregating = row, aggregating
    return type_


def _tabular_call(context: BinderContext, expr: tree.Call) -> str:
    context.tabular(expr)
    return TABLE


def _place(context: BinderContext, expr: tree.Call) -> str:
    return TABLE


_SPECIAL: dict[str, Callable[[BinderContext, tree.Call], str]] = {
    "toscalar": _toscalar,
    "materialize": _tabular_call,
    "table": _tabular_call,
    **dict.fromkeys(TABLE_FUNCTIONS - {"materialize", "table"}, _place),
}


def _aggregate(context: BinderContext, expr: tree.Call, facts: FunctionFacts) -> str:
    aggregating, context.aggregating = context.aggregating, False
    types = evaluate_all(context, expr.args)
    context.aggregating = aggregating
    return several(context, expr, types) if facts.type == "special" else return_type(facts, types, None)


_KINDS: dict[type, Callable[[BinderContext, Any], str]] = {
    tree.Name: _name,
    tree.Literal: _literal,
    tree.Call: _call,
    tree.Binary: _binary,
    tree.Membership: _membership,
    tree.Path: _path,
    tree.Index: _index,
    tree.Unary: _unary,
    tree.Subquery: _subquery,
    tree.Group: lambda context, expr: evaluate(context, expr.inner),
    tree.Named: lambda context, expr: evaluate(context, expr.value),
    tree.Ordered: lambda context, expr: evaluate(context, expr.value),
    tree.TypeLiteral: lambda context, expr: "type",
    tree.Star: lambda context, expr: "dynamic",
    tree.Wildcard: lambda context, expr: UNKNOWN,
}
