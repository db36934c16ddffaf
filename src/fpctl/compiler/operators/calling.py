"""`invoke` and `partition`: functions and sub-queries over the rows."""

from __future__ import annotations

from fpctl.compiler.context import Expressions
from fpctl.compiler.relation import Relation
from fpctl.kql import tree
from fpctl.kql.binder import product_functions
from fpctl.kql.binder.bindings import Routine


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
    if name.value in product_functions.ENRICHMENTS:
        compiler.refuse("invoke", f"{name.value}() looks things up in the service, which the local engine cannot", name)
    compiler.refuse("invoke", f"there is no function {name.value}", name, code="unknown-function")


def partition(compiler: Expressions, node: tree.Partition, rows: Relation) -> Relation:
    """`partition by key (body)`: not had, but for bodies that look at each row by itself."""
    if node.body.source is None and all(
        isinstance(one, tree.Where | tree.Extend | tree.Project | tree.ProjectAway) for one in node.body.operators
    ):
        return compiler.pipeline(node.body, rows)
    compiler.refuse("partition", "the operator partition is not had by the local engine", node)
