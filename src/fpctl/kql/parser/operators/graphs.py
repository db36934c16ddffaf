"""The graph operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpctl.kql.parser.cursor import new
from fpctl.kql.parser.expressions import as_source
from fpctl.kql.parser.operators.combining import body
from fpctl.kql.parser.parameters import parameters
from fpctl.kql.parser.sources import simple_path
from fpctl.kql.tree import GraphOperator, MakeGraph, Name, Parameter, Pipeline, Source

if TYPE_CHECKING:
    from fpctl.kql.parser.expressions import Expressions

_PATHS = frozenset(("output",))
_COMPONENTS = frozenset(("with_component_id",))
_NODE_TABLE = frozenset(("with_node_id",))
_EDGE_TABLE = frozenset(("with_source_id", "with_target_id"))


def make_graph(p: Expressions) -> MakeGraph:
    at = p.at
    p.at = at + 1
    found = parameters(p)
    source = p.name("the source column of `make-graph`")
    arrow = p.run(p.at, "-->") or p.run(p.at, "--")
    if not arrow:
        raise p.unexpected("`-->` or `--` in `make-graph`")
    p.at = arrow
    target = p.name("the target column of `make-graph`")
    nodes: list[Source] = []
    node_ids: list[Name] = []
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
    pipeline: Pipeline | None = None
    if p.take("partitioned-by"):
        simple_path(p)
        pipeline = body(p)
    span = (p.starts[at], p.end(), p.texts[at])
    return new(MakeGraph, (*span, found, source, target, tuple(nodes), tuple(node_ids), pipeline))


def match(p: Expressions) -> GraphOperator:
    """Parse `graph-match` or `graph-shortest-paths`."""
    at = p.at
    p.at = at + 1
    found = parameters(p, _PATHS if p.texts[at] == "graph-shortest-paths" else frozenset())
    names: list[Name] = []
    _pattern(p, names)
    while p.take(","):
        _pattern(p, names)
    predicate = p.query_value() if p.take("where") else None
    project = p.named_list() if p.take("project") else ()
    return new(GraphOperator, (p.starts[at], p.end(), p.texts[at], found, tuple(names), predicate, project))


def _pattern(p: Expressions, names: list[Name]) -> None:
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


def _pattern_name(p: Expressions, names: list[Name]) -> None:
    if p.name_end(p.at):
        names.append(p.name())


def where(p: Expressions) -> GraphOperator:
    """Parse `graph-where-nodes` or `graph-where-edges`."""
    at = p.at
    p.at = at + 1
    predicate = p.expression()
    return new(GraphOperator, (p.starts[at], p.end(), p.texts[at], (), (), predicate, ()))


def mark_components(p: Expressions) -> GraphOperator:
    at = p.at
    p.at = at + 1
    found = parameters(p, _COMPONENTS)
    return new(GraphOperator, (p.starts[at], p.end(), p.texts[at], found, (), None, ()))


def to_table(p: Expressions) -> GraphOperator:
    at = p.at
    p.at = at + 1
    names: list[Name] = []
    found = _output_table(p, names)
    while p.take(","):
        found += _output_table(p, names)
    return new(GraphOperator, (p.starts[at], p.end(), p.texts[at], tuple(found), tuple(names), None, ()))


def _output_table(p: Expressions, names: list[Name]) -> list[Parameter]:
    which = p.kinds[p.at]
    if which not in ("nodes", "edges"):
        raise p.unexpected("`nodes` or `edges`")
    p.at += 1
    if p.take("as"):
        names.append(p.name("a name after `as`"))
    return list(parameters(p, _NODE_TABLE if which == "nodes" else _EDGE_TABLE))
