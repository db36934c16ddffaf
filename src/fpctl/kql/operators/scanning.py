"""`scan`: the operator with steps of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Record, Scalar
from fpctl.kql.binder.context import BinderContext, with_columns
from fpctl.kql.binder.expressions import evaluate, evaluate_all
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.grammar.clauses import ordered_list
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.operators.model import OperatorSpec, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

_OUTPUTS = frozenset(("all", "last", "none"))


def _parse_scan(p: Expressions) -> tree.Scan:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    order_by: tuple[tree.Ordered, ...] = ()
    partition_by: tuple[tree.Expr, ...] = ()
    if p.take("order"):
        p.expect("by", "after `order`")
        order_by = ordered_list(p)
    if p.take("partition"):
        p.expect("by", "after `partition`")
        partition_by = p.expression_list()
    declare = _declarations(p) if p.take("declare") else ()
    p.expect("with", "and the steps of `scan`")
    p.expect("(", "after `with`")
    steps: list[tree.ScanStep] = []
    while p.kinds[p.at] == "step":
        steps.append(_step(p))
    p.expect(")", "to close the steps of `scan`")
    span = (p.starts[at], p.end(), p.texts[at])
    return new(tree.Scan, (*span, found, order_by, partition_by, declare, tuple(steps)))


def _declarations(p: Expressions) -> tuple[tree.FunctionParameter, ...]:
    p.expect("(", "after `declare`")
    columns: list[tree.FunctionParameter] = []
    if p.kinds[p.at] != ")":
        columns.append(p.function_parameter())
        while p.take(","):
            columns.append(p.function_parameter())
    p.expect(")", "to close `declare (`")
    return tuple(columns)


def _step(p: Expressions) -> tree.ScanStep:
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
    assignments: list[tree.Named] = []
    if p.take("=>"):
        assignments.append(_assignment(p))
        while p.take(","):
            assignments.append(_assignment(p))
    p.expect(";", "after a step")
    return new(tree.ScanStep, (p.starts[at], p.end(), name, optional, output, condition, tuple(assignments)))


def _assignment(p: Expressions) -> tree.Named:
    name = p.declared_name("a column")
    p.expect("=", "after the column")
    value = p.expression()
    return new(tree.Named, (name[0], p.end(), (name,), value))


def _bind_scan(context: BinderContext, node: tree.Scan, scope: Scope) -> Scope:
    """`scan`: the row's columns, the declared ones, and the number of the match."""
    evaluate_all(context, [item.value for item in node.order_by])
    evaluate_all(context, node.partition_by)
    names, context.names = context.names, context.names.child()
    declared = {
        name: Column(name, column.type or "string", "derived")
        for column in node.declare
        for name in (column.name.value,)
    }
    visible = context.visible()
    for name, column in declared.items():
        context.names[name] = Scalar(column.type)
    for step in node.steps:
        context.names[step.name.value] = Record({**visible.columns, **declared}, scope.open)
    for step in node.steps:
        evaluate(context, step.condition)
        _assignments(context, step.assignments)
    context.names = names
    match = context.parameter_text(node.parameters, "with_match_id") or "match_id"
    columns = {**context.visible().columns, **declared}
    columns.setdefault(match, Column(match, "long", "derived"))
    return with_columns(scope, columns, is_open=scope.open)


def _assignments(context: BinderContext, assignments: Sequence[tree.Named]) -> None:
    for assignment in assignments:
        evaluate(context, assignment.value)


OPERATORS = (
    OperatorSpec(
        ("scan",),
        tree.Scan,
        _parse_scan,
        _bind_scan,
        RowEffect.BARRIER,
        fewer_rows="the removed rows are missing from the sequences it matches",
    ),
)
