"""Operators that call something by name: evaluate (plugins), invoke (functions)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fpctl.kql import tree
from fpctl.kql.binder import product_functions
from fpctl.kql.binder.bindings import Routine
from fpctl.kql.binder.context import BinderContext, RowScope, with_columns
from fpctl.kql.binder.expressions import call_routine
from fpctl.kql.binder.nearest import nearest
from fpctl.kql.binder.plugins import evaluate_plugin
from fpctl.kql.binder.projection import (
    captured,
    derived_columns,
)
from fpctl.kql.binder.scope import Scope
from fpctl.kql.grammar.clauses import name_follows
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.operators.model import OperatorSpec, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


def _parse_evaluate(p: Expressions) -> tree.Evaluate:
    at = p.at
    p.at = at + 1
    found = parameters(p, before_equals=False)
    name = p.name("a plugin after `evaluate`")
    if p.kinds[p.at] != "(":
        raise p.unexpected("`(` after the plugin's name")
    call = p.call(name)
    schema: tuple[tree.ColumnDecl, ...] | None = p.row_schema(open_ended=True) if p.take(":") else None
    return new(tree.Evaluate, (p.starts[at], p.end(), p.texts[at], found, call, schema))


def _parse_invoke(p: Expressions) -> tree.Invoke:
    at = p.at
    p.at = at + 1
    call: tree.Call | tree.Path = _invoked(p)
    while p.kinds[p.at] == ".":
        end = p.name_end(p.at + 1)
        if not end or p.kinds[end] != "(":
            break
        p.at += 1
        step = _invoked(p)
        call = new(tree.Path, (call[0], step[1], call, step))
    return new(tree.Invoke, (p.starts[at], p.end(), p.texts[at], call))


def _invoked(p: Expressions) -> tree.Call:
    name: tree.Name = p.name("a function after `invoke`")
    if p.kinds[p.at] != "(":
        raise p.unexpected("`(` after the function's name")
    return p.call(name)


def _bind_invoke(context: BinderContext, node: tree.Invoke, scope: Scope) -> Scope:
    """`invoke f(...)`: the function's result for the rows, which are its first argument."""
    context.row = RowScope()
    call = node.call
    name = call.name if isinstance(call, tree.Call) else call
    if isinstance(name, tree.Name):
        bound = context.names.get(name.value)
        routine = bound if isinstance(bound, Routine) else context.stored_function(name.value)
        if isinstance(routine, Routine):
            at = call if isinstance(call, tree.Call) else tree.Call(name.start, name.end, name, ())
            result = call_routine(context, routine, at, first=scope)
            if isinstance(result, Scope):
                return result
        elif routine is not None:
            return with_columns(scope, derived_columns(routine), is_open=False)
        elif name.value in product_functions.ENRICHMENTS:
            return _enriched(scope, product_functions.ENRICHMENTS[name.value])
        elif name.value in product_functions.INVOKED:
            return with_columns(Scope({}), derived_columns(product_functions.INVOKED[name.value]), is_open=True)
        else:
            context.assumed.add(name.value)
            hint = nearest(name.value, context.names.visible())
            context.problem(name.start, "unknown-function", f"the function {name.value} is not known", hint)
    return with_columns(scope, {}, is_open=True)


def _enriched(scope: Scope, added: Mapping[str, str]) -> Scope:
    """Return a scope with columns looked up for each row; one of a name that was there may hold another value."""
    columns = dict(scope.columns)
    for name, type_ in added.items():
        captured(columns, name, type_)
    return with_columns(scope, columns)


ROW_BY_ROW_PLUGINS = frozenset({"ipv4_lookup", "ipv6_lookup", "geo_polygon_lookup", "geo_line_lookup"})
"""Plugins that look up each row by itself."""


def _plugin_fewer_rows(node: tree.Evaluate) -> str | None:
    plugin = node.call.name.value
    # With a schema, bag_unpack works on each row alone; without one its columns depend on all rows.
    if plugin in ROW_BY_ROW_PLUGINS or (plugin == "bag_unpack" and node.schema is not None):
        return None
    return f"the result of {plugin}() is formed without the removed rows"


OPERATORS = (
    OperatorSpec(
        ("evaluate",),
        tree.Evaluate,
        _parse_evaluate,
        evaluate_plugin,
        RowEffect.BARRIER,
        fewer_rows=_plugin_fewer_rows,
        source=True,
        begins=name_follows,
    ),
    # What the function does without rows is followed into its body where the query defines it.
    OperatorSpec(("invoke",), tree.Invoke, _parse_invoke, _bind_invoke, RowEffect.BARRIER, fewer_rows=None),
)
