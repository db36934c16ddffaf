"""`join` of every kind, and `lookup`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import NamedTuple

from fpctl.compiler.comparison import Incomparable, same_key
from fpctl.compiler.context import NO_ROW, Expressions, Row
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.relation import Made, Names, Relation, held_for, stored
from fpctl.compiler.sql import (
    Column,
    Func,
    Infix,
    Join,
    Named,
    Number,
    Select,
    Sql,
    Subselect,
    Text,
    Window,
    conjunction,
    func,
)
from fpctl.compiler.values.value import Held, Value
from fpctl.kql import tree
from fpctl.kql.binder.scope import Scope
from fpctl.kql.operators.joins import LEFT_ONLY, RIGHT_ONLY

LEFT, RIGHT = "L", "R"
_KINDS = {"inner": "INNER", "leftouter": "LEFT", "rightouter": "RIGHT", "fullouter": "FULL", "innerunique": "INNER"}


class Condition(NamedTuple):
    """One equality of a join: the sides, and their comparison."""

    left: Value
    right: Value
    sql: Sql


@operator(tree.Join)
def join(compiler: Expressions, node: tree.Join, rows: Relation) -> Relation:
    """`join`."""
    kind = compiler.binder.parameter_text(node.parameters, "kind") or "innerunique"
    right = _side(compiler, node.right)
    scope = compiler.bound(node, rows)
    conditions = list(_conditions(compiler, node.on, rows, right))
    on = conjunction([one.sql for one in conditions])
    if kind in LEFT_ONLY:
        return _filtering(rows, right, on, scope, LEFT, RIGHT, anti=kind != "leftsemi")
    if kind in RIGHT_ONLY:
        return _filtering(right, rows, on, scope, RIGHT, LEFT, anti=kind != "rightsemi")
    if kind not in _KINDS:
        compiler.refuse("join", f"there is no join of kind {kind}", node)
    if kind == "innerunique":
        rows = one_for_each_key(rows, [one.left for one in conditions])
    pairs = [(LEFT, held) for held in rows.columns.values()] + [(RIGHT, held) for held in right.columns.values()]
    return beside(rows, right, _KINDS[kind], on, pairs, scope)


@operator(tree.Lookup)
def lookup(compiler: Expressions, node: tree.Lookup, rows: Relation) -> Relation:
    """`lookup`: a join whose right keys are left out."""
    kind = compiler.binder.parameter_text(node.parameters, "kind") or "leftouter"
    if kind not in ("leftouter", "inner"):
        compiler.refuse("lookup", f"there is no lookup of kind {kind}", node)
    right = _side(compiler, node.right)
    scope = compiler.bound(node, rows)
    conditions = list(_conditions(compiler, node.on, rows, right))
    keys = {one.right.sql for one in conditions} | {one.right.moment for one in conditions if one.right.moment}
    others = [held for held in right.columns.values() if Column(held.sql, RIGHT) not in keys]
    pairs = [(LEFT, held) for held in rows.columns.values()] + [(RIGHT, held) for held in others]
    on = conjunction([one.sql for one in conditions])
    return beside(rows, right, _KINDS[kind], on, pairs, scope)


def _side(compiler: Expressions, node: tree.Source) -> Relation:
    number = compiler.binder.column_number
    with compiler.in_row(NO_ROW):
        found = compiler.source(node)
    compiler.binder.column_number = number
    return found


def _conditions(compiler: Expressions, on: Sequence[tree.Expr], left: Relation, right: Relation) -> Iterator[Condition]:
    row = Row(left.columns, LEFT, right.columns, RIGHT)
    for condition in on:
        for part in _conjuncts(condition):
            with compiler.in_row(row, left.scope):
                compiler.binder.row.right = right.scope
                yield _condition(compiler, part, left, right)


def _conjuncts(condition: tree.Expr) -> Iterator[tree.Expr]:
    while isinstance(condition, tree.Group):
        condition = condition.inner
    if isinstance(condition, tree.Binary) and set(condition.ops) == {"and"}:
        for operand in condition.operands:
            yield from _conjuncts(operand)
    else:
        yield condition


def _condition(compiler: Expressions, part: tree.Expr, left: Relation, right: Relation) -> Condition:
    if isinstance(part, tree.Name):
        for side, relation in (("left", left), ("right", right)):
            if part.value not in relation.columns:
                compiler.refuse(
                    "column", f"there is no column {part.value} on the {side} side", part, code="unknown-column"
                )
        a, b = left.columns[part.value].value(LEFT), right.columns[part.value].value(RIGHT)
    elif isinstance(part, tree.Binary) and part.ops == ("==",):
        a, b = compiler.value(part.operands[0]), compiler.value(part.operands[1])
        if _mentions(a.sql, RIGHT) and _mentions(b.sql, LEFT):
            a, b = b, a
        if not (_mentions(a.sql, LEFT) and _mentions(b.sql, RIGHT)):
            compiler.refuse("join", "a condition of a join compares one side with the other", part)
    else:
        compiler.refuse("join", "a join's conditions are equalities", part)
    if "dynamic" in (a.type, b.type):
        compiler.refuse("join", "a dynamic column cannot be the key of a join", part, "use tostring()")
    try:
        test = same_key(a, b)
    except Incomparable as error:
        compiler.refuse("join", f"{error} are not compared", part)
    return Condition(a, b, test)


def _mentions(node: object, of: str) -> bool:
    """Return whether an expression names a column of a side."""
    if isinstance(node, Column):
        return node.of == of
    if isinstance(node, tuple):
        return any(_mentions(part, of) for part in node)
    return isinstance(node, Sql) and any(_mentions(getattr(node, one.name), of) for one in fields(node))  # type: ignore[arg-type]


def _filtering(
    kept: Relation, other: Relation, on: Sql, scope: Scope, of: str, other_of: str, *, anti: bool
) -> Relation:
    kind = "ANTI" if anti else "SEMI"
    source = Join(kind, kept.as_source(), of, other.as_source(), other_of, on)
    names = Names()
    columns = {held.name: held._replace(sql=names.free(held.name)) for held in kept.columns.values()}
    made = tuple(
        Named(Column(held.sql, of), columns[held.name].sql) for held in kept.columns.values()
    )  # fmt: skip
    return Relation(Select(source, made), columns, scope, False)


def one_for_each_key(rows: Relation, keys: Sequence[Value]) -> Relation:
    """Return an arbitrary row of those with equal keys, as the default kind of join does with the left side."""
    partition = tuple(_without_alias(key) for key in keys)
    number = Func("row_number", (), over=Window(partition))
    select = replace(rows.base(), qualify=Infix("=", (number, Number(1))))
    return rows._replace(select=select, open_ended=False)


def _without_alias(key: Value) -> Sql:
    found = _unaliased(key.moment if key.moment is not None else key.sql)
    assert isinstance(found, Sql)
    return found


def _unaliased(node: object) -> object:
    """Return an expression with its columns named as in the one relation that they are of."""
    if isinstance(node, Column):
        return Column(node.name)
    if isinstance(node, tuple):
        return tuple(map(_unaliased, node))
    if isinstance(node, Sql) and not isinstance(node, Subselect):
        return type(node)(*(_unaliased(getattr(node, one.name)) for one in fields(node)))  # type: ignore[arg-type]
    return node


def beside(
    left: Relation, right: Relation, kind: str, on: Sql, pairs: Sequence[tuple[str, Held]], scope: Scope
) -> Relation:
    source = Join(kind, left.as_source(), LEFT, right.as_source(), RIGHT, on)
    made = []
    for name, (side, held) in zip(scope.columns, pairs, strict=True):
        value = held.value(side)._replace(newest=None)
        if held.type == "string" and (kind in ("LEFT", "FULL") if side == RIGHT else kind in ("RIGHT", "FULL")):
            # On the side without a match a string is empty, not null.
            value = value._replace(sql=func("coalesce", value.sql, Text("")))
        made.append(Made(name, value))
    names = Names()
    columns = {one.name: held_for(one, names) for one in made}
    select = Select(source, tuple(Named(stored(one.value), columns[one.name].sql) for one in made))
    return Relation(select, columns, scope, False)
