"""`scan`: the operator with steps of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import new
from fpctl.kql.parser.operators.rows import ordered_list
from fpctl.kql.parser.parameters import parameters
from fpctl.kql.tree import ColumnDecl, Expr, Named, Ordered, Scan, ScanStep

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

_OUTPUTS = frozenset(("all", "last", "none"))


def scan(p: Expressions) -> Scan:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    order_by: tuple[Ordered, ...] = ()
    partition_by: tuple[Expr, ...] = ()
    if p.take("order"):
        p.expect("by", "after `order`")
        order_by = ordered_list(p)
    if p.take("partition"):
        p.expect("by", "after `partition`")
        partition_by = p.expression_list()
    declare = _declarations(p) if p.take("declare") else ()
    p.expect("with", "and the steps of `scan`")
    p.expect("(", "after `with`")
    steps: list[ScanStep] = []
    while p.kinds[p.at] == "step":
        steps.append(_step(p))
    p.expect(")", "to close the steps of `scan`")
    span = (p.starts[at], p.end(), p.texts[at])
    return new(Scan, (*span, found, order_by, partition_by, declare, tuple(steps)))


def _declarations(p: Expressions) -> tuple[ColumnDecl, ...]:
    p.expect("(", "after `declare`")
    columns: list[ColumnDecl] = []
    if p.kinds[p.at] != ")":
        columns.append(_declaration(p))
        while p.take(","):
            columns.append(_declaration(p))
    p.expect(")", "to close `declare (`")
    return tuple(columns)


def _declaration(p: Expressions) -> ColumnDecl:
    parameter = p.function_parameter()
    return new(ColumnDecl, (parameter[0], parameter[1], parameter.name.value, parameter.type))


def _step(p: Expressions) -> ScanStep:
    at = p.at
    p.at = at + 1
    name = p.declared_name("a step's name")
    optional = p.take("optional")
    output: str | None = None
    if p.take("output"):
        p.expect("=", "after `output`")
        output = p.texts[p.at]
        if output not in _OUTPUTS:
            raise p.unexpected("`all`, `last` or `none`")
        p.at += 1
    p.expect(":", "and the step's condition")
    condition = p.expression()
    assignments: list[Named] = []
    if p.take("=>"):
        assignments.append(_assignment(p))
        while p.take(","):
            assignments.append(_assignment(p))
    p.expect(";", "after a step")
    return new(ScanStep, (p.starts[at], p.end(), name, optional, output, condition, tuple(assignments)))


def _assignment(p: Expressions) -> Named:
    name = p.declared_name("a column")
    p.expect("=", "after the column")
    value = p.expression()
    return new(Named, (name[0], p.end(), (name,), value))
