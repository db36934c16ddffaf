"""Operators that run other pipelines on their rows: partition, fork, facet, macro-expand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Scalar
from fpctl.kql.binder.context import BinderContext, with_columns
from fpctl.kql.binder.expressions import evaluate_all
from fpctl.kql.binder.references import column_of
from fpctl.kql.binder.scope import Scope
from fpctl.kql.grammar.clauses import body, by_follows
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.grammar.sources import (
    entity,
    simple_path,
)
from fpctl.kql.operators.model import Input, OperatorSpec, Polarity, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


def _parse_partition(p: Expressions) -> tree.Partition:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    p.expect("by", "in `partition`")
    by = simple_path(p)
    if p.take("in") and p.literal() is None:
        name = p.name("a function after `in`")
        p.call(name)
    if p.kinds[p.at] == "{":
        p.at += 1
        p.descend()
        pipeline = p.pipeline()
        p.expect("}", "to close the sub-query")
        p.depth -= 1
    else:
        pipeline = body(p)
    return new(tree.Partition, (p.starts[at], p.end(), p.texts[at], found, by, pipeline))


def _parse_partition_by(p: Expressions) -> tree.Partition:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    by = simple_path(p)
    if p.take("id") and p.literal() is None:
        raise p.unexpected("a literal after `id`")
    pipeline = body(p)
    return new(tree.Partition, (p.starts[at], p.end(), p.texts[at], found, by, pipeline))


def _parse_fork(p: Expressions) -> tree.Fork:
    at = p.at
    p.at = at + 1
    legs = [_fork_leg(p)]
    while p.kinds[p.at] == "(" or _named_leg_follows(p):
        legs.append(_fork_leg(p))
    return new(tree.Fork, (p.starts[at], p.end(), p.texts[at], tuple(legs)))


def _named_leg_follows(p: Expressions) -> bool:
    end = p.name_end(p.at)
    return bool(end) and p.kinds[end] == "="


def _fork_leg(p: Expressions) -> tree.ForkLeg:
    at = p.at
    name = None
    if p.kinds[at] != "(":
        name = p.name("`(` or a name after `fork`")
        p.expect("=", "after the leg's name")
    p.expect("(", "and a sub-query")
    p.descend()
    pipeline = _fork_body(p)
    p.expect(")", "to close the sub-query")
    p.depth -= 1
    return new(tree.ForkLeg, (p.starts[at], p.end(), name, pipeline))


def _fork_body(p: Expressions) -> tree.Pipeline:
    # Here `count` and its like are operators, though elsewhere they would be names.
    if p.starts_body():
        return p.body()
    return p.pipeline()


def _parse_facet(p: Expressions) -> tree.Facet:
    at = p.at
    p.at = at + 1
    p.expect("by", "after `facet`")
    by = [simple_path(p)]
    while p.take(","):
        by.append(simple_path(p))
    pipeline: tree.Pipeline | None = None
    if p.take("with"):
        p.descend()
        pipeline = body(p) if p.kinds[p.at] == "(" else p.one_operator()
        p.depth -= 1
    return new(tree.Facet, (p.starts[at], p.end(), p.texts[at], tuple(by), pipeline))


def _parse_macro_expand(p: Expressions) -> tree.MacroExpand:
    at = p.at
    p.at = at + 1
    found = parameters(p, frozenset(("best_effort",)))
    group = _entity_group(p)
    p.expect("as", "in `macro-expand`")
    alias = p.name("a name after `as`")
    p.expect("(", "and statements")
    p.descend()
    statements = p.statements(")")
    p.expect(")", "to close `macro-expand`")
    p.depth -= 1
    return new(tree.MacroExpand, (p.starts[at], p.end(), p.texts[at], found, group, alias, statements))


def _entity_group(p: Expressions) -> tree.Expr:
    if p.kinds[p.at] == "entity_group":
        return p.entity_group()
    if p.texts[p.at] in ("cluster", "database") and p.kinds[p.at + 1] == "(":
        path = entity(p)
        assert not isinstance(path, tree.Union | tree.Search | tree.Find | tree.MacroExpand)
        return path  # type: ignore[return-value]
    return p.name("an entity group")


def _bind_partition(context: BinderContext, node: tree.Partition, scope: Scope) -> Scope:
    """`partition by key (body)`: what the body gives for each key."""
    evaluate_all(context, (node.by,))
    names, context.names = context.names, context.names.child()
    key = column_of(context, node.by)
    if key is not None:
        context.names[key.name] = Scalar(key.type)
    body = context.pipeline(node.body, context.numbered("partition"), context.visible())
    context.names = names
    return body


def _bind_fork(context: BinderContext, node: tree.Fork, scope: Scope) -> Scope:
    """`fork`: several results; nothing can follow."""
    for leg in node.legs:
        context.pipeline(leg.body, context.numbered("fork"), scope)
    return with_columns(scope, {}, is_open=False)


def _bind_facet(context: BinderContext, node: tree.Facet, scope: Scope) -> Scope:
    """`facet by`: several results; nothing can follow."""
    evaluate_all(context, node.by)
    if node.body is not None:
        context.pipeline(node.body, context.numbered("facet"), scope)
    return with_columns(scope, {}, is_open=False)


def _bind_macro_expand(context: BinderContext, node: tree.MacroExpand, scope: Scope | None) -> Scope:
    names, context.names = context.names, context.names.child()
    result = context.statements(node.body, context.numbered("macro-expand"))
    context.names = names
    return Scope({}, open=True) if not isinstance(result, Scope) else result


def _partition_inputs(node: tree.Partition) -> tuple[Input, ...]:
    return (Input(node.body, Polarity.POSITIVE, f"the body of {node.keyword}", True),)


def _fork_inputs(node: tree.Fork) -> list[Input]:
    return [Input(leg.body, Polarity.POSITIVE, "a leg of fork", True) for leg in node.legs]


def _facet_inputs(node: tree.Facet) -> list[Input]:
    return [] if node.body is None else [Input(node.body, Polarity.POSITIVE, "the body of facet", True)]


def _macro_inputs(node: tree.MacroExpand) -> list[Input]:
    return [
        Input(statement.pipeline, Polarity.POSITIVE, "the body of macro-expand", True)
        for statement in node.body
        if isinstance(statement, tree.QueryStatement)
    ]


OPERATORS = (
    OperatorSpec(
        ("partition",),
        tree.Partition,
        _parse_partition,
        _bind_partition,
        RowEffect.BARRIER,
        fewer_rows=None,
        inputs=_partition_inputs,
        begins=by_follows,
    ),
    OperatorSpec(
        ("__partitionby",),
        tree.Partition,
        _parse_partition_by,
        _bind_partition,
        RowEffect.BARRIER,
        fewer_rows=None,
        inputs=_partition_inputs,
        suggested=False,
    ),
    OperatorSpec(
        ("fork",),
        tree.Fork,
        _parse_fork,
        _bind_fork,
        RowEffect.BARRIER,
        fewer_rows=None,
        inputs=_fork_inputs,
        where_may_follow=False,
    ),
    OperatorSpec(
        ("facet",),
        tree.Facet,
        _parse_facet,
        _bind_facet,
        RowEffect.BARRIER,
        fewer_rows=None,
        inputs=_facet_inputs,
        where_may_follow=False,
        begins=lambda p, at: p.kinds[at] == "by",
    ),
    OperatorSpec(
        ("macro-expand",),
        tree.MacroExpand,
        _parse_macro_expand,
        _bind_macro_expand,
        RowEffect.BOUND,
        fewer_rows=None,
        inputs=_macro_inputs,
        source=True,
        after_pipe=False,
    ),
)
