"""Types of expressions, which column one is, and what an unnamed result is called.

Looking at an expression also walks the pipelines inside it and notes names that nothing has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from fpctl.kql import tree
from fpctl.kql.columns.bindings import Argument, Record, Routine, Scalar, Tabular
from fpctl.kql.columns.context import Context, Row
from fpctl.kql.columns.functions import FunctionFacts, arithmetic_type, builtins, return_type
from fpctl.kql.columns.nearest import nearest
from fpctl.kql.columns.projection import carried
from fpctl.kql.columns.scalar import (
    ARRAY,
    TABLE,
    UNKNOWN,
    Dynamic,
    Tuple,
    array_of,
    is_container,
)
from fpctl.kql.columns.scope import Column, Scope
from fpctl.kql.literals import string_value

TABLE_FUNCTIONS = frozenset(
    {"cluster", "database", "table", "materialize", "external_table", "materialized_view", "stored_query_result",
     "workspace", "app", "resource", "adx", "arg", "entity_group"}
)  # fmt: skip
"""Calls that name tables or where they are. `workspace` and those after it are Azure Monitor's."""

CONVERSIONS = {
    "tobool": "bool", "toboolean": "bool", "todatetime": "datetime", "todecimal": "decimal", "todouble": "real",
    "toreal": "real", "toguid": "guid", "toint": "int", "tolong": "long", "tostring": "string",
    "totimespan": "timespan", "totime": "timespan",
}  # fmt: skip
"""Functions that leave a value of their own type as it is."""

_NOT_A_NAME = re.compile(r"[^0-9A-Za-z]")


def evaluate(context: Context, expr: tree.Expr) -> str:
    """Return the type of an expression: a Kusto scalar type, `unknown`, or `table`."""
    return _KINDS[type(expr)](context, expr)


def evaluate_all(context: Context, expressions: Sequence[tree.Expr]) -> list[str]:
    """Return the types of expressions; too deep a one is unknown."""
    types = []
    for expr in expressions:
        try:
            types.append(_KINDS[type(expr)](context, expr))
        except RecursionError:
            types.append(UNKNOWN)
    return types


# --------------------------------------------------------------------------- names


def _name(context: Context, expr: tree.Name) -> str:
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
        return UNKNOWN
    column = context.row.infer(expr.value)
    if column is not None:
        return column.type
    environment = context.environment
    if environment.table(expr.value) is not None or environment.function(expr.value) is not None:
        return TABLE
    context.unknown_column(expr)
    return UNKNOWN


def find_column(context: Context, expr: tree.Name) -> Column | None:
    """Return the visible column of a name: the row's own, then the other side's of a join."""
    row = context.row
    column = row.columns.get(expr.value)
    if column is None and row.right is not None:
        return row.right.columns.get(expr.value)
    return column


def column_of(context: Context, expr: tree.Expr) -> Column | None:
    """Return the column that an expression is, untouched, or None.

    A conversion to the type that the column has already leaves it as it is.
    """
    while isinstance(expr, (tree.Group, tree.Ordered)):
        expr = expr.inner if isinstance(expr, tree.Group) else expr.value
    if isinstance(expr, tree.Call):
        target = CONVERSIONS.get(expr.name.value)
        if target is None or len(expr.args) != 1 or not isinstance(expr.args[0], (tree.Name, tree.Path)):
            return None
        column = referenced(context, expr.args[0])
        return column if column is not None and column.type == target else None
    return referenced(context, expr)


def referenced(context: Context, expr: tree.Expr) -> Column | None:
    """Return the column that a name, or `$left.a`, `step.a`, refers to."""
    if isinstance(expr, tree.Name):
        column = find_column(context, expr)
        if column is None and expr.value not in context.names:
            assumed = context.row.assumed
            return assumed.get(expr.value) if assumed else None
        return column
    if isinstance(expr, tree.Path):
        return _member(context, expr)
    return None


def _member(context: Context, expr: tree.Path) -> Column | None:
    base, member = expr.base, expr.member
    if not isinstance(base, tree.Name) or not isinstance(member, tree.Name):
        return None
    row = context.row
    if base.value in ("$left", "$right") and row.right is not None:
        right = base.value == "$right"
        columns = row.right.columns if right else row.columns
        column = columns.get(member.value)
        return column if column is not None else row.infer(member.value, right=right)
    if base.value in row.columns:
        return None
    bound = context.names.get(base.value)
    return bound.columns.get(member.value) if isinstance(bound, Record) else None


def _path(context: Context, expr: tree.Path) -> str:
    column = _member(context, expr)
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
    if isinstance(base, tree.Name) and isinstance(context.names.get(base.value), Record):
        if base.value not in context.row.columns:
            return UNKNOWN
    type_ = evaluate(context, base)
    return "dynamic" if type_ == "dynamic" else UNKNOWN


def _is_place(expr: tree.Expr) -> bool:
    """Tell whether an expression names a cluster, a database, a workspace."""
    while isinstance(expr, tree.Path):
        expr = expr.base
    return isinstance(expr, tree.Call) and expr.name.value in TABLE_FUNCTIONS


def _index(context: Context, expr: tree.Index) -> str:
    evaluate(context, expr.index)
    type_ = evaluate(context, expr.base)
    if isinstance(type_, Dynamic) and type_.shape == "array" and type_.element != "dynamic":
        return type_.element if isinstance(type_.element, Dynamic) else Dynamic("value", type_.element)
    return "dynamic" if type_ == "dynamic" else UNKNOWN


# --------------------------------------------------------------------------- values


def _literal(context: Context, expr: tree.Literal) -> str:
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


def _unary(context: Context, expr: tree.Unary) -> str:
    type_ = evaluate(context, expr.operand)
    if isinstance(expr.operand, tree.Literal):
        return type_
    return builtins().by_argument["minus"].get(type_, UNKNOWN)


def _binary(context: Context, expr: tree.Binary) -> str:
    types = [_KINDS[type(operand)](context, operand) for operand in expr.operands]
    if expr.ops[0] not in builtins().arithmetic:
        return "bool"
    type_ = types[0]
    for op, right in zip(expr.ops, types[1:], strict=True):
        type_ = arithmetic_type(op, type_, right) if op in builtins().arithmetic else "bool"
    return type_


def _membership(context: Context, expr: tree.Membership) -> str:
    evaluate(context, expr.left)
    for item in expr.items:
        if isinstance(item, tree.Subquery):
            context.pipeline(item.pipeline, context.numbered("in"))
        elif not isinstance(item, tree.Literal):
            evaluate(context, item)
    return "bool"


def _subquery(context: Context, expr: tree.Subquery) -> str:
    context.pipeline(expr.pipeline, context.numbered("query"))
    return TABLE


# --------------------------------------------------------------------------- calls


def _call(context: Context, expr: tree.Call) -> str:
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


def call_routine(context: Context, routine: Routine, expr: tree.Call, first: Scope | None = None) -> Scope | str:
    """Evaluate a call of a function of the query; `first` is the argument that `invoke` puts before the others."""
    arguments = [] if first is None else [Argument(None, first, None)]
    tables = {parameter.name.value for parameter in routine.node.parameters if parameter.columns is not None}
    aggregating, context.aggregating = context.aggregating, False
    for position, arg in enumerate(expr.args, len(arguments)):
        named = isinstance(arg, tree.Named) and len(arg.names) == 1
        name = arg.names[0].value if isinstance(arg, tree.Named) and named else None
        value = arg.value if isinstance(arg, tree.Named) and named else arg
        parameter = name
        if parameter is None and position < len(routine.node.parameters):
            parameter = routine.node.parameters[position].name.value
        scope = context.tabular(value) if parameter in tables else None
        arguments.append(Argument(name, scope if scope is not None else evaluate(context, value), value))
    context.aggregating = aggregating
    return context.call(routine, arguments, expr.start)


def _function(context: Context, expr: tree.Call, facts: FunctionFacts) -> str:
    args = expr.args
    types = evaluate_all(context, args)
    rule = facts.type
    if rule == "tuple":
        return _prefixed_tuple(context, expr)
    if rule == "special":
        return _sorted_arrays(context, expr, types) if expr.name.value.startswith("array_sort") else TABLE
    named_type = args[-1].type if args and isinstance(args[-1], tree.TypeLiteral) else None
    return return_type(facts, types, named_type)


def _prefixed_tuple(context: Context, expr: tree.Call) -> str:
    name = expr.name.value
    argument = result_name(context, expr.args[0], "") if expr.args else ""
    return Tuple(
        tuple(Column(f"{name}_{argument}_{part}", type_, "derived") for part, type_ in builtins().tuples[name])
    )


def _sorted_arrays(context: Context, expr: tree.Call, types: Sequence[str]) -> str:
    columns = []
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if type_ != "dynamic" or (isinstance(type_, Dynamic) and type_.shape != "array"):
            break
        name = result_name(context, arg, "")
        columns.append(Column(f"{name}_sorted" if name else f"array{at}_sorted", type_, "derived"))
    return Tuple(tuple(columns)) if columns else ARRAY


def _toscalar(context: Context, expr: tree.Call) -> str:
    row, context.row = context.row, Row()
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


def _tabular_call(context: Context, expr: tree.Call) -> str:
    context.tabular(expr)
    return TABLE


def _place(context: Context, expr: tree.Call) -> str:
    return TABLE


_SPECIAL: dict[str, Callable[[Context, tree.Call], str]] = {
    "toscalar": _toscalar,
    "materialize": _tabular_call,
    "table": _tabular_call,
    **dict.fromkeys(TABLE_FUNCTIONS - {"materialize", "table"}, _place),
}


# --------------------------------------------------------------------------- aggregates


def _aggregate(context: Context, expr: tree.Call, facts: FunctionFacts) -> str:
    aggregating, context.aggregating = context.aggregating, False
    types = evaluate_all(context, expr.args)
    context.aggregating = aggregating
    if facts.type != "special":
        return return_type(facts, types, None)
    name = expr.name.value
    if name.startswith("percentile"):
        return _percentiles(context, expr, types)
    if name in ("any", "take_any"):
        if name == "any" and len(types) == 1 and not isinstance(expr.args[0], tree.Star):
            return types[0]
        return _any(context, expr, types, "any" if name == "any" else None, "any_" if name == "take_any" else "")
    if name in ("arg_max", "arg_min"):
        return _arg(context, expr, types, name[4:])
    if name in ("argmax", "argmin"):
        return _arg_prefixed(context, expr, types, name[3:])
    return UNKNOWN


def _percentiles(context: Context, expr: tree.Call, types: Sequence[str]) -> str:
    name, args = expr.name.value, expr.args
    if not args:
        return UNKNOWN
    value = result_name(context, args[0], "")
    weighted = 2 if name.startswith(("percentilew", "percentilesw")) else 1
    if name.endswith("_array"):
        return Tuple((Column(f"percentile_{value}", array_of(_percentile_type(types[0])), "derived"),))
    columns = []
    for arg in args[weighted:]:
        text = _constant(context, arg)
        columns.append(
            Column(f"percentile_{value}_{_NOT_A_NAME.sub('_', text)}", _percentile_type(types[0]), "derived")
        )
    return Tuple(tuple(columns))


def _percentile_type(type_: str) -> str:
    return {"int": "long", "decimal": "real"}.get(type_, type_)


def _constant(context: Context, expr: tree.Expr) -> str:
    """Return a constant as .NET prints it: `95`, `99.9`."""
    text = context.text
    for _ in range(20):
        bound = context.names.get(expr.value) if isinstance(expr, tree.Name) else None
        if not isinstance(bound, Scalar) or bound.value is None:
            break
        expr, text = bound.value, bound.text
    shown = text[expr.start : expr.end]
    if isinstance(expr, tree.Literal):
        if expr.type == "string":
            return string_value(shown)
        if expr.type == "real":
            try:
                value = float(shown)
            except ValueError:
                return shown
            return str(int(value)) if value == int(value) else repr(value)
        return shown
    return shown if isinstance(expr, tree.Unary) else ""


def _any(context: Context, expr: tree.Call, types: Sequence[str], prefix: str | None, unnamed: str) -> str:
    columns: list[Column] = []
    star = any(isinstance(arg, tree.Star) for arg in expr.args)
    seen = set(context.keys)
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if isinstance(arg, tree.Star):
            columns.extend(_rest(context, seen))
            continue
        column = column_of(context, arg.value if _is_named(arg) else arg)  # type: ignore[union-attr]
        if column is None:
            columns.append(Column(result_name(context, arg, "") or f"{unnamed}arg{at}", type_, "derived"))
        elif star and id(column) in seen:
            continue
        elif _is_named(arg):
            seen.add(id(column))
            columns.append(_under(column, arg.names[0].value))  # type: ignore[union-attr]
        elif id(column) in seen:
            columns.append(_copy(column))
        else:
            seen.add(id(column))
            columns.append(column)
    return Tuple(tuple(columns), prefix)


def _arg(context: Context, expr: tree.Call, types: Sequence[str], prefix: str) -> str:
    if not expr.args:
        return UNKNOWN
    columns: list[Column] = []
    star = any(isinstance(arg, tree.Star) for arg in expr.args)
    keys, seen = context.keys, set()
    primary = result_name(context, expr.args[0], "") or ""
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if isinstance(arg, tree.Star):
            columns.extend(_rest(context, seen, keys))
            continue
        column = column_of(context, arg.value if _is_named(arg) else arg)  # type: ignore[union-attr]
        if column is None:
            name = result_name(context, arg, None)
            if name is None:
                name = f"{prefix}_" if at == 0 else f"{prefix}_{primary}_arg{at}"
            columns.append(Column(name, type_, "derived"))
        elif at and star and (id(column) in seen or id(column) in keys):
            continue
        elif _is_named(arg):
            seen.add(id(column))
            columns.append(_under(column, arg.names[0].value))  # type: ignore[union-attr]
        elif id(column) in seen or id(column) in keys:
            columns.append(_copy(column))
        else:
            seen.add(id(column))
            columns.append(column)
    return Tuple(tuple(columns))


def _arg_prefixed(context: Context, expr: tree.Call, types: Sequence[str], prefix: str) -> str:
    """`argmax` and `argmin`, the old spellings: `max_T`, `max_T_b`."""
    if not expr.args:
        return UNKNOWN
    columns: list[Column] = []
    star = any(isinstance(arg, tree.Star) for arg in expr.args)
    keys, seen = context.keys, set()
    primary = ""
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if isinstance(arg, tree.Star):
            for column in _rest(context, seen, keys):
                columns.append(_under(column, f"{primary}_{column.name}"))
            continue
        column = column_of(context, arg.value if _is_named(arg) else arg)  # type: ignore[union-attr]
        if at == 0:
            primary = column.name if column is not None else result_name(context, arg, "") or ""
            if column is not None:
                seen.add(id(column))
            columns.append(column if column is not None else Column(primary, type_, "derived"))
            continue
        if column is None:
            name = result_name(context, arg, None) or f"arg{at}"
            columns.append(Column(f"{primary}_{name}", type_, "derived"))
        elif not (star and (id(column) in seen or id(column) in keys)):
            seen.add(id(column))
            name = arg.names[0].value if _is_named(arg) else column.name  # type: ignore[union-attr]
            columns.append(_under(column, f"{primary}_{name}"))
    return Tuple(tuple(columns), prefix)


def _is_named(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Named) and len(expr.names) == 1


def _rest(context: Context, seen: set[int], keys: frozenset[int] = frozenset()) -> list[Column]:
    """Return what `*` stands for: the row's columns but for those seen already and the keys."""
    columns = []
    for column in context.row.columns.values():
        if id(column) not in seen and id(column) not in keys:
            seen.add(id(column))
            columns.append(column)
    return columns


def _under(column: Column, name: str) -> Column:
    return carried(column, name) if name != column.name else _copy(column)


def _copy(column: Column) -> Column:
    """Return an equal column that is not the same one, so that it is not taken for one listed already."""
    return Column(*column)


# --------------------------------------------------------------------------- names of results


def result_name(context: Context, expr: tree.Expr, default: str | None) -> str | None:
    """Return the name that an expression gives its result, or the default if it gives none."""
    kind = type(expr)
    if kind is tree.Name:
        return expr.value  # type: ignore[union-attr]
    if isinstance(expr, tree.Call):
        return _call_name(context, expr, default)
    if isinstance(expr, tree.Path):
        return _joined_name(context, expr.base, expr.member, default)
    if isinstance(expr, tree.Index):
        return _joined_name(context, expr.base, expr.index, default)
    if isinstance(expr, tree.Group):
        return result_name(context, expr.inner, default)
    if isinstance(expr, tree.Ordered):
        return result_name(context, expr.value, default)
    if isinstance(expr, tree.Named):
        return expr.names[0].value if len(expr.names) == 1 else default
    return default


def _joined_name(context: Context, base: tree.Expr, member: tree.Expr, default: str | None) -> str | None:
    recording, context.recording = context.recording, False
    container = is_container(evaluate(context, base))
    context.recording = recording
    right = _selector_name(context, member)
    if not container:
        return right if right is not None else default
    left = result_name(context, base, None)
    return f"{left}_{right or ''}" if left and not left.isspace() else right


def _selector_name(context: Context, member: tree.Expr) -> str | None:
    if isinstance(member, tree.Literal):
        text = context.text[member.start : member.end]
        if member.type == "string":
            return string_value(text)
        return text if member.type in ("long", "int") else None
    return result_name(context, member, None)


def _call_name(context: Context, expr: tree.Call, default: str | None) -> str | None:
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


_KINDS: dict[type, Callable[[Context, Any], str]] = {
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
