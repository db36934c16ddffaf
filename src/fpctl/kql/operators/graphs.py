"""Graph operators: a graph has the columns of its edges and of its nodes, and no row to filter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fpctl.kql import tree
from fpctl.kql.binder.bindings import Record
from fpctl.kql.binder.branches import united
from fpctl.kql.binder.context import BinderContext, RowScope, with_columns
from fpctl.kql.binder.expressions import evaluate, evaluate_all
from fpctl.kql.binder.outputs import Style, add_item
from fpctl.kql.binder.projection import (
    Projection,
)
from fpctl.kql.binder.references import result_name
from fpctl.kql.binder.scope import Column, Scope
from fpctl.kql.binder.sources import source
from fpctl.kql.grammar.clauses import body
from fpctl.kql.grammar.cursor import new
from fpctl.kql.grammar.expressions import as_source
from fpctl.kql.grammar.parameters import parameters
from fpctl.kql.grammar.sources import (
    simple_path,
)
from fpctl.kql.operators.model import Input, OperatorSpec, Polarity, RowEffect

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions

_PATHS = frozenset(("output",))


_COMPONENTS = frozenset(("with_component_id",))


_NODE_TABLE = frozenset(("with_node_id",))


_EDGE_TABLE = frozenset(("with_source_id", "with_target_id"))


def _parse_make_graph(p: Expressions) -> tree.MakeGraph:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    source = p.name("the source column of `make-graph`")
    arrow = p.run(p.at, "-->") or p.run(p.at, "--")
    if not arrow:
        raise p.unexpected("`-->` or `--` in `make-graph`")
    p.at = arrow
    target = p.name("the target column of `make-graph`")
    nodes: list[tree.Source] = []
    node_ids: list[tree.Name] = []
    if p.take("with_node_id"):
        p.expect("=", "after `with_node_id`")
        node_ids.append(p.name("a name after `with_node_id=`"))
    elif p.take("with"):
        while True:
            nodes.append(as_source(p.operand()))
            p.expect("on", "in `make-graph ... with`")
            node_ids.append(p.name("a column after `on`"))
            if not p.take(","):
                break
    pipeline: tree.Pipeline | None = None
    if p.take("partitioned-by"):
        simple_path(p)
        pipeline = body(p)
    span = (p.starts[at], p.end(), p.texts[at])
    return new(tree.MakeGraph, (*span, found, source, target, tuple(nodes), tuple(node_ids), pipeline))


def _parse_match(p: Expressions) -> tree.GraphOperator:
    """Parse `graph-match` or `graph-shortest-paths`."""
    at = p.at
    p.at = at + 1
    found = parameters(p, _PATHS if p.texts[at] == "graph-shortest-paths" else frozenset())
    names: list[tree.Name] = []
    _pattern(p, names)
    while p.take(","):
        _pattern(p, names)
    predicate = p.query_value() if p.take("where") else None
    project = p.named_list() if p.take("project") else ()
    return new(tree.GraphOperator, (p.starts[at], p.end(), p.texts[at], found, tuple(names), predicate, project))


def _pattern(p: Expressions, names: list[tree.Name]) -> None:
    """Parse `(a)-[e*1..3]->(b)--(c)`: nodes and edges in any order, at least one."""
    start = p.at
    while True:
        if p.take("("):
            _pattern_name(p, names)
            p.expect(")", "to close a node")
            continue
        plain = p.run(p.at, "-->") or p.run(p.at, "<--") or p.run(p.at, "--")
        if plain:
            p.at = plain
            continue
        edge = p.run(p.at, "-[") or p.run(p.at, "<-[")
        if not edge:
            break
        p.at = edge
        _pattern_name(p, names)
        if p.take("*"):
            p.operand()
            p.expect("..", "in the edge's range")
            p.operand()
        close = p.run(p.at, "]->") or p.run(p.at, "]-")
        if not close:
            raise p.unexpected("`]->` or `]-` to close an edge")
        p.at = close
    if p.at == start:
        raise p.unexpected("a graph pattern such as (a)-[e]->(b)")


def _pattern_name(p: Expressions, names: list[tree.Name]) -> None:
    if p.name_end(p.at):
        names.append(p.name())


def _parse_graph_where(p: Expressions) -> tree.GraphOperator:
    """Parse `graph-where-nodes` or `graph-where-edges`."""
    at = p.at
    p.at = at + 1
    predicate = p.expression()
    return new(tree.GraphOperator, (p.starts[at], p.end(), p.texts[at], (), (), predicate, ()))


def _parse_mark_components(p: Expressions) -> tree.GraphOperator:
    at = p.at
    p.at = at + 1
    found = parameters(p, _COMPONENTS)
    return new(tree.GraphOperator, (p.starts[at], p.end(), p.texts[at], found, (), None, ()))


def _parse_to_table(p: Expressions) -> tree.GraphOperator:
    at = p.at
    p.at = at + 1
    names: list[tree.Name] = []
    found = _output_table(p, names)
    while p.take(","):
        found += _output_table(p, names)
    return new(tree.GraphOperator, (p.starts[at], p.end(), p.texts[at], tuple(found), tuple(names), None, ()))


def _output_table(p: Expressions, names: list[tree.Name]) -> list[tree.Parameter]:
    which = p.kinds[p.at]
    if which not in ("nodes", "edges"):
        raise p.unexpected("`nodes` or `edges`")
    p.at += 1
    if p.take("as"):
        names.append(p.name("a name after `as`"))
    return list(parameters(p, _NODE_TABLE if which == "nodes" else _EDGE_TABLE))


_VARIABLE_EDGE = re.compile(r"\[\s*(\w+)\s*\*")


_TABLES = re.compile(r"\b(?:nodes|edges)\b")


@dataclass(frozen=True, slots=True)
class Graph(Scope):
    """A graph: no visible columns, but those of its edges and nodes for the graph operators after it."""

    edges: Mapping[str, Column] = field(default_factory=dict)
    nodes: Mapping[str, Column] = field(default_factory=dict)
    partly_known: bool = False


def _bind_make_graph(context: BinderContext, node: tree.MakeGraph, scope: Scope) -> Scope:
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
                outer, context.row = context.row, RowScope(found.columns, found)
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
    return body


def _bind_graph_operator(context: BinderContext, node: tree.GraphOperator, scope: Scope) -> Scope:
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
        context.row = RowScope(columns, Scope(columns, open=True))
        evaluate_all(context, (node.predicate,))
        context.row = outer
    return graph


def _graph(graph: Graph, nodes: Mapping[str, Column]) -> Graph:
    return Graph({}, False, graph.branches, graph.union, False, edges=graph.edges, nodes=nodes,
                 partly_known=graph.partly_known)  # fmt: skip


def _match(context: BinderContext, node: tree.GraphOperator, graph: Graph) -> Scope:
    names, context.names = context.names, context.names.child()
    elements = {**graph.nodes, **graph.edges}
    for element in node.names:
        context.names[element.value] = Record(elements, True)
    outer, context.row = context.row, RowScope()
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
    return with_columns(graph, output.columns, is_open=False) if node.project else graph


def _variable_edges(context: BinderContext, node: tree.GraphOperator) -> set[str]:
    """Return the names of edges that stand for several (`-[e*1..3]->`): what is projected of them are arrays."""
    return set(_VARIABLE_EDGE.findall(context.text[node.start : node.end]))


def _element_name(context: BinderContext, item: tree.Expr) -> str:
    """`n.prop.x` -> `n_prop_x`, whatever the types."""
    if isinstance(item, tree.Path):
        left, right = _element_name(context, item.base), result_name(context, item.member, "") or ""
        return f"{left}_{right}" if left else right
    if isinstance(item, tree.Index):
        left = _element_name(context, item.base)
        right = context.text[item.index.start : item.index.end].strip("'\"")
        return f"{left}_{right}" if left else right
    return result_name(context, item, "") or ""


def _to_table(context: BinderContext, node: tree.GraphOperator, graph: Graph) -> Scope:
    wanted = set(_TABLES.findall(context.text[node.start : node.end]))
    edges = "edges" in wanted
    if len(wanted) == 2:
        return with_columns(graph, {}, is_open=False)
    hashes = ("with_source_id", "with_target_id") if edges else ("with_node_id",)
    added = [name for hash_ in hashes if (name := context.parameter_text(node.parameters, hash_))]
    columns = {name: Column(name, "long", "derived") for name in added}
    return with_columns(graph, {**columns, **(graph.edges if edges else graph.nodes)}, is_open=graph.partly_known)


def _node_tables(node: tree.MakeGraph) -> list[Input]:
    found = [Input(table, Polarity.OPAQUE, "the nodes of make-graph") for table in node.nodes]
    if node.partition_body is not None:
        found.append(Input(node.partition_body, Polarity.OPAQUE, "the body of make-graph"))
    return found


def _graph_operator(
    keyword: str, parse: Any, *others: str, fewer_rows: str | None = None, where_may_follow: bool = True
) -> OperatorSpec:
    return OperatorSpec(
        (keyword, *others),
        tree.GraphOperator,
        parse,
        _bind_graph_operator,
        RowEffect.BARRIER,
        fewer_rows=fewer_rows,
        where_may_follow=where_may_follow,
    )


OPERATORS = (
    OperatorSpec(
        ("make-graph",),
        tree.MakeGraph,
        _parse_make_graph,
        _bind_make_graph,
        RowEffect.BARRIER,
        fewer_rows=None,
        inputs=_node_tables,
        where_may_follow=False,
    ),
    _graph_operator("graph-match", _parse_match),
    _graph_operator(
        "graph-shortest-paths", _parse_match, fewer_rows="without an edge another path becomes the shortest"
    ),
    _graph_operator(
        "graph-mark-components",
        _parse_mark_components,
        fewer_rows="without an edge a component falls into parts",
        where_may_follow=False,
    ),
    _graph_operator("graph-to-table", _parse_to_table),
    _graph_operator("graph-where-nodes", _parse_graph_where, "graph-where-edges", where_may_follow=False),
)
