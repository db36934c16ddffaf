"""Graph operators: a graph has the shape of its edges and of its nodes, and no row to filter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Record
from fpctl.kql.binder.branches import united
from fpctl.kql.binder.context import Context, Row, barrier
from fpctl.kql.binder.expressions import evaluate, evaluate_all
from fpctl.kql.binder.outputs import Style, add_item
from fpctl.kql.binder.projection import Projection
from fpctl.kql.binder.references import result_name
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import source

_VARIABLE_EDGE = re.compile(r"\[\s*(\w+)\s*\*")
_TABLES = re.compile(r"\b(?:nodes|edges)\b")


@dataclass(frozen=True, slots=True)
class Graph(Scope):
    """A graph: no visible columns, but those of its edges and nodes for the graph operators after it."""

    edges: Mapping[str, Column] = field(default_factory=dict)
    nodes: Mapping[str, Column] = field(default_factory=dict)
    partly_known: bool = False


def make_graph(context: Context, node: tree.MakeGraph, scope: Scope) -> Scope:
    """`make-graph source --> target [with ...]`."""
    types = evaluate_all(context, (node.source, node.target))
    edges = context.visible().columns
    nodes: dict[str, Column] = {}
    partly = scope.open
    if node.nodes:
        tables = []
        for at, table in enumerate(node.nodes):
            found = source(context, table)
            tables.append(found)
            if at < len(node.node_ids):
                outer, context.row = context.row, Row(found.columns, found)
                evaluate(context, node.node_ids[at])
                context.row = outer
        together = united(tables)
        nodes, partly = dict(together.columns), partly or together.open
    elif node.node_ids:
        name = node.node_ids[0].value
        nodes = {name: Column(name, types[0], "derived")}
    graph = Graph({}, False, scope.branches, scope.union, False, edges=edges, nodes=nodes, partly_known=partly)
    if node.partition_body is None:
        return graph
    body = context.pipeline(node.partition_body, context.numbered("partitioned-by"), graph)
    return barrier(body, body.columns, is_open=body.open)


def graph_operator(context: Context, node: tree.GraphOperator, scope: Scope) -> Scope:
    """`graph-match`, `graph-shortest-paths`, `graph-mark-components`, `graph-to-table`, `graph-where-*`."""
    graph = scope if isinstance(scope, Graph) else Graph({}, edges=scope.columns, rowwise=False)
    if node.keyword in ("graph-match", "graph-shortest-paths"):
        return _match(context, node, graph)
    if node.keyword == "graph-to-table":
        return _to_table(context, node, graph)
    if node.keyword == "graph-mark-components":
        name = context.parameter_text(node.parameters, "with_component_id") or "ComponentId"
        return _graph(graph, {**graph.nodes, name: Column(name, "long", "derived")})
    if node.predicate is not None:
        columns = graph.edges if node.keyword == "graph-where-edges" else graph.nodes
        outer = context.row
        context.row = Row(columns, Scope(columns, open=True))
        evaluate_all(context, (node.predicate,))
        context.row = outer
    return graph


def _graph(graph: Graph, nodes: Mapping[str, Column]) -> Graph:
    return Graph({}, False, graph.branches, graph.union, False, edges=graph.edges, nodes=nodes,
                 partly_known=graph.partly_known)  # fmt: skip


def _match(context: Context, node: tree.GraphOperator, graph: Graph) -> Scope:
    names, context.names = context.names, context.names.child()
    elements = {**graph.nodes, **graph.edges}
    for element in node.names:
        context.names[element.value] = Record(elements, True)
    outer, context.row = context.row, Row()
    if node.predicate is not None:
        evaluate_all(context, (node.predicate,))
    types = evaluate_all(context, node.project)
    runs = _variable_edges(context, node)
    output = Projection()
    for item, type_ in zip(node.project, types, strict=True):
        mentioned = any(isinstance(part, tree.Name) and part.value in runs for part in tree.walk(item))
        as_type = "dynamic" if mentioned else None
        if isinstance(item, tree.Named):
            add_item(context, output, item, type_, Style.SUMMARIZE, as_type=as_type)
        else:
            name = _element_name(context, item) or context.column_name(extending=False)
            output.add(Column(name, as_type or type_, "derived"))
    output.columns = {name: Column(name, column.type, "derived") for name, column in output.columns.items()}
    context.row, context.names = outer, names
    return barrier(graph, output.columns) if node.project else graph


def _variable_edges(context: Context, node: tree.GraphOperator) -> set[str]:
    """Return the names of edges that stand for several (`-[e*1..3]->`): what is projected of them are arrays."""
    return set(_VARIABLE_EDGE.findall(context.text[node.start : node.end]))


def _element_name(context: Context, item: tree.Expr) -> str:
    """`n.prop.x` -> `n_prop_x`, whatever the types."""
    if isinstance(item, tree.Path):
        left, right = _element_name(context, item.base), result_name(context, item.member, "") or ""
        return f"{left}_{right}" if left else right
    if isinstance(item, tree.Index):
        left = _element_name(context, item.base)
        right = context.text[item.index.start : item.index.end].strip("'\"")
        return f"{left}_{right}" if left else right
    return result_name(context, item, "") or ""


def _to_table(context: Context, node: tree.GraphOperator, graph: Graph) -> Scope:
    wanted = set(_TABLES.findall(context.text[node.start : node.end]))
    edges = "edges" in wanted
    if len(wanted) == 2:
        return barrier(graph, {})
    hashes = ("with_source_id", "with_target_id") if edges else ("with_node_id",)
    added = [name for hash_ in hashes if (name := context.parameter_text(node.parameters, hash_))]
    columns = {name: Column(name, "long", "derived") for name in added}
    return barrier(graph, {**columns, **(graph.edges if edges else graph.nodes)}, is_open=graph.partly_known)
