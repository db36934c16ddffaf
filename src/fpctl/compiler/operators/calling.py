"""`invoke` and `partition`: functions and sub-queries over the rows."""

from __future__ import annotations

from fpctl.compiler.context import Expressions, Row
from fpctl.compiler.operator_registry import operator
from fpctl.compiler.operators.enriching import file_profile
from fpctl.compiler.operators.uniting import joined
from fpctl.compiler.relation import Relation
from fpctl.compiler.sql import Infix, Named, Select
from fpctl.compiler.values.literals import constant
from fpctl.compiler.values.value import Value
from fpctl.kql import tree
from fpctl.kql.binder.bindings import Routine

MOST_PARTITIONS = 64
"""How many are made, as by the service where no strategy is given (partition-operator)."""


@operator(tree.Invoke)
def invoke(compiler: Expressions, node: tree.Invoke, rows: Relation) -> Relation:
    """`invoke f(...)`."""
    call = node.call
    name = call.name if isinstance(call, tree.Call) else call
    if not isinstance(name, tree.Name):
        compiler.refuse("invoke", "invoke takes a function", node)
    whole = call if isinstance(call, tree.Call) else tree.Call(name.start, name.end, name, ())
    bound = compiler.binder.names.get(name.value)
    routine = bound if isinstance(bound, Routine) else compiler.binder.stored_function(name.value)
    if isinstance(routine, Routine):
        found = compiler.called(routine, whole, first=compiler.nameable(rows))
        if not isinstance(found, Relation):
            compiler.refuse("invoke", f"{name.value} gives no table", node)
        return found
    if name.value == "FileProfile":
        return file_profile(compiler, node, whole, rows)
    compiler.refuse("invoke", f"there is no function {name.value}", name, code="unknown-function")


@operator(tree.Partition)
def partition(compiler: Expressions, node: tree.Partition, rows: Relation) -> Relation:
    """`partition by key (body)`: the body over the rows of each key, which are asked of the data."""
    if node.body.source is None and all(
        isinstance(one, tree.Where | tree.Extend | tree.Project | tree.ProjectAway) for one in node.body.operators
    ):
        return compiler.pipeline(node.body, rows)
    key = compiler.value(node.by)
    if node.body.source is not None or not isinstance(node.by, tree.Name):
        compiler.refuse("partition", "a partition with a source of its own is not supported by the local engine", node)
    keys = compiler.ask(Select(rows.as_source(), (Named(key.sql, "fpctl_key"),), distinct=True))
    if keys is None:
        compiler.refuse("partition", "the keys of partition must be known before the query runs", node)
    if len(keys) > MOST_PARTITIONS:
        compiler.refuse("partition", f"partition makes at most {MOST_PARTITIONS} parts here", node)
    shared = compiler.nameable(rows)
    legs = []
    values = [_constant(one, key.type) for (one,) in sorted(keys, key=repr)] or [constant(None, key.type)]
    for value in values:
        with compiler.in_row(Row(shared.columns), shared.scope):
            same = Infix("IS NOT DISTINCT FROM", (compiler.value(node.by).sql, value.sql))
        names, compiler.binder.names = compiler.binder.names, compiler.binder.names.child()
        compiler.bind_scalar(node.by.value, value, None)
        legs.append(("", compiler.pipeline(node.body, shared.filtered(same))))
        compiler.binder.names = names
    return joined(legs, legs[0][1].scope, None)


def _constant(found: object, kind: str) -> Value:
    return constant(str(found) if kind == "guid" and found is not None else found, kind)
