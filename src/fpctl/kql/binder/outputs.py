"""Items of project, extend, summarize and their like, as output columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from fpctl.kql import tree
from fpctl.kql.binder.context import BinderContext
from fpctl.kql.binder.projection import Projection, carried, computed
from fpctl.kql.binder.references import column_of, referenced, result_name
from fpctl.kql.binder.scalar import Tuple
from fpctl.kql.binder.scope import Column


class Style(Enum):
    """What an item does where its name is taken."""

    PROJECT = auto()
    """Put it next to it under a suffixed name."""
    EXTEND = auto()
    """Take its place."""
    REPLACE = auto()
    """Take its place, even if it is the same column (mv-expand)."""
    SUMMARIZE = auto()
    """As project; columns of several values get the function's prefix."""
    PRINT = auto()
    """As project; only the first of several values counts."""


def add_items(context: BinderContext, output: Projection, items: Sequence[tree.Expr], types: Sequence[str],
              style: Style = Style.PROJECT) -> None:  # fmt: skip
    """Add the columns that items give, whose types were found before."""
    for item, type_ in zip(items, types, strict=True):
        add_item(context, output, item, type_, style)


def add_item(context: BinderContext, output: Projection, item: tree.Expr, type_: str, style: Style, *,
             as_type: str | None = None, default: str | None = None) -> None:  # fmt: skip
    """Add the column, or columns, that one item gives.

    Args:
        context: where we are; its row is the operator's input.
        output: the columns so far.
        item: the item, named or not.
        type_: its type.
        style: what to do with names that are taken.
        as_type: what the column's type becomes, if not the item's.
        default: the name of an unnamed result, if not `ColumnN`.
    """
    if isinstance(item, tree.Named):
        _named(context, output, item, type_, style, as_type)
        return
    if isinstance(item, tree.Star):
        for column in context.visible().columns.values():
            output.add(column, replace=True)
        return
    replace = style in (Style.EXTEND, Style.REPLACE)
    if isinstance(type_, Tuple):
        _several(context, output, type_, style, default)
        return
    if style is Style.PRINT:
        shown = default if default is not None else context.column_name(extending=False)
        output.add(computed(shown, type_, {}), stem=shown)
        return
    same = column_of(context, item)
    if same is not None:
        output.declare(_retyped(context, same, as_type), replace=style is Style.REPLACE)
        return
    name = result_name(context, item, None)
    if name is None:
        name = default or context.column_name(extending=style is Style.EXTEND)
    output.add(computed(name, as_type or type_, context.row.columns), replace=replace)


def _named(context: BinderContext, output: Projection, item: tree.Named, type_: str, style: Style,
           as_type: str | None) -> None:  # fmt: skip
    name = item.names[0].value
    before = context.row.columns
    replace = style in (Style.EXTEND, Style.REPLACE)
    if isinstance(type_, Tuple):
        for at, column in enumerate(type_.columns):
            if at < len(item.names):
                named = _under(column, item.names[at].value, as_type, before)
                output.declare(named, replace=replace or (at == 0 and len(item.names) == 1))
                if style is Style.SUMMARIZE:
                    output.block((column,))
            elif style is not Style.PRINT:
                output.add(_prefixed(column, type_))
        return
    same = column_of(context, item.value)
    if same is None:
        output.declare(computed(name, as_type or type_, before), replace=replace)
        return
    direct = referenced(context, item.value) is not None
    if as_type is None:
        output.declare(_under(same, name, None, before), replace=replace or direct)
    else:
        output.declare(computed(name, as_type, before), replace=True)


def _several(context: BinderContext, output: Projection, type_: Tuple, style: Style, default: str | None) -> None:
    if style is Style.PRINT and default is not None and len(type_.columns) == 1:
        output.add(computed(default, type_.columns[0].type, {}), stem=default)
        return
    for column in type_.columns:
        output.add(_prefixed(column, type_))


def _prefixed(column: Column, type_: Tuple) -> Column:
    return carried(column, f"{type_.prefix}_{column.name}") if type_.prefix is not None else column


def _under(column: Column, name: str, as_type: str | None, before: Mapping[str, Column]) -> Column:
    if as_type is not None:
        return Column(name, as_type, "derived")
    if column.kind == "derived" and name in before and before[name] is not column:
        return Column(name, column.type, "redefined")
    return carried(column, name)


def _retyped(context: BinderContext, column: Column, as_type: str | None) -> Column:
    """Return a column whose values are taken apart or together: no longer the table's."""
    return column if as_type is None else computed(column.name, as_type, context.row.columns)
