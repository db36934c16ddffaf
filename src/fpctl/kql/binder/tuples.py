"""Calls that give several columns: `arg_max(T, *)`, `take_any(a, b)`, `percentiles(x, 50, 95)`, `series_stats(s)`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Scalar
from fpctl.kql.binder.context import BinderContext
from fpctl.kql.binder.functions import builtins
from fpctl.kql.binder.projection import carried
from fpctl.kql.binder.references import column_of, result_name
from fpctl.kql.binder.scalar import ARRAY, UNKNOWN, Dynamic, Tuple
from fpctl.kql.binder.scope import Column
from fpctl.kql.literals import string_value

_NOT_A_NAME = re.compile(r"[^0-9A-Za-z]")


def series_parts(context: BinderContext, expr: tree.Call) -> str:
    """Return the columns of a series function, named after it and its argument."""
    name = expr.name.value
    argument = result_name(context, expr.args[0], "") if expr.args else ""
    return Tuple(
        tuple(Column(f"{name}_{argument}_{part}", type_, "derived") for part, type_ in builtins().tuples[name])
    )


def sorted_arrays(context: BinderContext, expr: tree.Call, types: Sequence[str]) -> str:
    """Return the columns of `array_sort_asc` and `array_sort_desc`: a sorted one for each array."""
    columns = []
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if type_ != "dynamic" or (isinstance(type_, Dynamic) and type_.shape != "array"):
            break
        name = result_name(context, arg, "")
        columns.append(Column(f"{name}_sorted" if name else f"array{at}_sorted", type_, "derived"))
    return Tuple(tuple(columns))


def several(context: BinderContext, expr: tree.Call, types: Sequence[str]) -> str:
    """Return the columns of an aggregate whose facts say `special`, from its arguments' types."""
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


def _percentiles(context: BinderContext, expr: tree.Call, types: Sequence[str]) -> str:
    name, args = expr.name.value, expr.args
    if not args:
        return UNKNOWN
    value = result_name(context, args[0], "")
    weighted = 2 if name.startswith(("percentilew", "percentilesw")) else 1
    if name.endswith("_array"):
        return Tuple((Column(f"percentiles_{value}", ARRAY, "derived"),))
    columns = []
    for arg in args[weighted:]:
        text = _constant(context, arg)
        columns.append(
            Column(f"percentile_{value}_{_NOT_A_NAME.sub('_', text)}", _percentile_type(types[0]), "derived")
        )
    return Tuple(tuple(columns))


def _percentile_type(type_: str) -> str:
    return {"int": "long", "decimal": "real"}.get(type_, type_)


def _constant(context: BinderContext, expr: tree.Expr) -> str:
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


def _any(context: BinderContext, expr: tree.Call, types: Sequence[str], prefix: str | None, unnamed: str) -> str:
    columns: list[Column] = []
    star = any(isinstance(arg, tree.Star) for arg in expr.args)
    seen = set(context.keys)
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if isinstance(arg, tree.Star):
            columns.extend(_rest(context, seen))
            continue
        name, column = _named_column(context, arg)
        if column is None:
            columns.append(Column(result_name(context, arg, "") or f"{unnamed}arg{at}", type_, "derived"))
        elif star and id(column) in seen:
            continue
        elif name is not None:
            seen.add(id(column))
            columns.append(_under(column, name))
        elif id(column) in seen:
            columns.append(_copy(column))
        else:
            seen.add(id(column))
            columns.append(column)
    return Tuple(tuple(columns), prefix)


def _arg(context: BinderContext, expr: tree.Call, types: Sequence[str], prefix: str) -> str:
    if not expr.args:
        return UNKNOWN
    columns: list[Column] = []
    star = any(isinstance(arg, tree.Star) for arg in expr.args)
    keys, seen = context.keys, set[int]()
    primary = result_name(context, expr.args[0], "") or ""
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if isinstance(arg, tree.Star):
            columns.extend(_rest(context, seen, keys))
            continue
        name, column = _named_column(context, arg)
        if column is None:
            name = result_name(context, arg, None)
            if name is None:
                name = f"{prefix}_" if at == 0 else f"{prefix}_{primary}_arg{at}"
            columns.append(Column(name, type_, "derived"))
        elif at and star and (id(column) in seen or id(column) in keys):
            continue
        elif name is not None:
            seen.add(id(column))
            columns.append(_under(column, name))
        elif id(column) in seen or id(column) in keys:
            columns.append(_copy(column))
        else:
            seen.add(id(column))
            columns.append(column)
    return Tuple(tuple(columns))


def _arg_prefixed(context: BinderContext, expr: tree.Call, types: Sequence[str], prefix: str) -> str:
    """`argmax` and `argmin`, the old spellings: `max_T`, `max_T_b`."""
    if not expr.args:
        return UNKNOWN
    columns: list[Column] = []
    star = any(isinstance(arg, tree.Star) for arg in expr.args)
    keys, seen = context.keys, set[int]()
    primary = ""
    for at, (arg, type_) in enumerate(zip(expr.args, types, strict=True)):
        if isinstance(arg, tree.Star):
            columns.extend(_under(rest, f"{primary}_{rest.name}") for rest in _rest(context, seen, keys))
            continue
        name, column = _named_column(context, arg)
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
            columns.append(_under(column, f"{primary}_{name or column.name}"))
    return Tuple(tuple(columns), prefix)


def _named_column(context: BinderContext, arg: tree.Expr) -> tuple[str | None, Column | None]:
    """Return the name an argument is given, if any, and the column that it is."""
    if isinstance(arg, tree.Named) and len(arg.names) == 1:
        return arg.names[0].value, column_of(context, arg.value)
    return None, column_of(context, arg)


def _rest(context: BinderContext, seen: set[int], keys: frozenset[int] = frozenset()) -> list[Column]:
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
