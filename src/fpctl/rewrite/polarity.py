"""Whether removing rows at a place can only remove rows from the result.

Every pipeline of a query stands in a position: the result itself, a union leg, the right side of a
join, the list of an `in (...)`, the body of a `let` ... Removing rows there makes the result smaller
(`positive`), or can make it larger (`negative`: an allow-list, the right side of an anti-join), or
neither can be said (`opaque`: a scalar baseline, the right side of an outer join). A pipeline that is
reached on several ways has the set of their polarities. Facts: section 3.7 of the KQL notes in
docs/kql.md, and https://learn.microsoft.com/kusto/query/join-operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from fpctl.kql import tree


class Polarity(Enum):
    """What removing rows in a position does to the result."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    OPAQUE = "opaque"

    def through(self, edge: Polarity) -> Polarity:
        """Return the polarity of a position reached from one of polarity `self` through an edge."""
        if edge is Polarity.POSITIVE:
            return self
        if self is Polarity.POSITIVE:
            return edge
        # Two inversions do not make a safe place: between them something may count the rows.
        return Polarity.OPAQUE


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a pipeline to a pipeline it uses.

    `index` is the position of the using operator in the parent (0 for the source, i for the i-th
    operator); `where` names the construct for people: `the right side of join kind=leftanti`.
    `flow` is set when the child's rows become rows of the parent at that operator.
    """

    parent: tree.Pipeline
    child: tree.Pipeline
    index: int
    node: tree.Node
    polarity: Polarity
    where: str
    flow: bool


@dataclass(slots=True)
class Positions:
    """The positions of every pipeline reachable from the results of a query.

    Keys are `id(pipeline)`: nodes are compared by identity.
    """

    polarities: dict[int, set[Polarity]] = field(default_factory=dict)
    uses: dict[int, list[Edge]] = field(default_factory=dict)
    """Edges into a pipeline."""
    edges: dict[int, list[Edge]] = field(default_factory=dict)
    """Edges out of a pipeline, in order of position."""

    def of(self, pipeline: tree.Pipeline) -> set[Polarity]:
        """Return the polarities of a pipeline; empty when no result uses it."""
        return self.polarities.get(id(pipeline), set())

    def only_positive(self, pipeline: tree.Pipeline) -> bool:
        """Return whether rows removed in this pipeline can only be missing from the result."""
        return self.of(pipeline) == {Polarity.POSITIVE}


JOIN_LEFT: dict[str, Polarity] = {
    "inner": Polarity.POSITIVE,
    "innerunique": Polarity.POSITIVE,
    "leftouter": Polarity.POSITIVE,
    "leftsemi": Polarity.POSITIVE,
    "leftanti": Polarity.POSITIVE,
    "anti": Polarity.POSITIVE,
    "leftantisemi": Polarity.POSITIVE,
    "rightsemi": Polarity.POSITIVE,
    # The right row stays and its left cells become empty: a different row, not a missing one.
    "rightouter": Polarity.OPAQUE,
    "fullouter": Polarity.OPAQUE,
    "rightanti": Polarity.NEGATIVE,
    "rightantisemi": Polarity.NEGATIVE,
}
JOIN_RIGHT: dict[str, Polarity] = {
    "inner": Polarity.POSITIVE,
    "innerunique": Polarity.POSITIVE,
    "rightouter": Polarity.POSITIVE,
    "rightsemi": Polarity.POSITIVE,
    "rightanti": Polarity.POSITIVE,
    "rightantisemi": Polarity.POSITIVE,
    "leftsemi": Polarity.POSITIVE,
    "leftouter": Polarity.OPAQUE,
    "fullouter": Polarity.OPAQUE,
    "leftanti": Polarity.NEGATIVE,
    "anti": Polarity.NEGATIVE,
    "leftantisemi": Polarity.NEGATIVE,
}
RIGHT_ROWS_FLOW = frozenset({"inner", "innerunique", "rightouter", "rightsemi", "rightanti", "rightantisemi"})
"""Join kinds whose output rows carry the right row."""

_SUBQUERY_OPERATORS = frozenset({"in", "in~", "has_any", "has_all"})
_TRANSPARENT_CALLS = frozenset({"materialize", "hint.materialized"})


def join_kind(node: tree.Join | tree.Lookup) -> str:
    """Return the kind of a join as written, or its default (innerunique; leftouter for lookup)."""
    for parameter in node.parameters:
        if parameter.name == "kind" and isinstance(parameter.value, (tree.Name, tree.Wildcard)):
            return parameter.value.value if isinstance(parameter.value, tree.Name) else parameter.value.pattern
    return "innerunique" if isinstance(node, tree.Join) else "leftouter"


def positions(query: tree.Query) -> Positions:
    """Walk a query from its results and return every pipeline's positions."""
    return _Walker(query).run()


class _Walker:
    """Follows names to `let` pipelines and functions to their bodies."""

    def __init__(self, query: tree.Query) -> None:
        self.query = query
        # A name may be bound again inside a function body. Following every binding keeps the answer on
        # the safe side: a wrong one can only add a polarity, never hide one.
        self.lets: dict[str, list[tree.Expr | tree.Function]] = {}
        self.collect(query.statements)
        self.out = Positions()
        self.seen: set[tuple[int, Polarity]] = set()

    def run(self) -> Positions:
        work: list[tuple[tree.Pipeline, Polarity]] = [
            (statement.pipeline, Polarity.POSITIVE) for statement in self.query.results()
        ]
        while work:
            pipeline, polarity = work.pop()
            if (id(pipeline), polarity) in self.seen:
                continue
            self.seen.add((id(pipeline), polarity))
            self.out.polarities.setdefault(id(pipeline), set()).add(polarity)
            edges = self.out.edges.get(id(pipeline))
            if edges is None:
                edges = list(self.edges_of(pipeline))
                self.out.edges[id(pipeline)] = edges
                for edge in edges:
                    self.out.uses.setdefault(id(edge.child), []).append(edge)
            work.extend((edge.child, polarity.through(edge.polarity)) for edge in edges)
        return self.out

    def collect(self, statements: tuple[tree.Statement, ...]) -> None:
        for statement in statements:
            if isinstance(statement, tree.Let):
                self.lets.setdefault(statement.name.value, []).append(statement.value)
                if isinstance(statement.value, tree.Function):
                    self.collect(statement.value.body)

    def functions(self, name: str) -> list[tree.Function]:
        return [value for value in self.lets.get(name, ()) if isinstance(value, tree.Function)]

    def edges_of(self, pipeline: tree.Pipeline) -> Iterator[Edge]:
        """Yield the pipelines that this one reads or tests against."""
        if pipeline.source is not None:
            yield from self.source(pipeline, pipeline.source, 0, pipeline.source, Polarity.POSITIVE, "the source", True)
        for index, operator in enumerate(pipeline.operators, 1):
            yield from self.operator(pipeline, operator, index)

    def operator(self, parent: tree.Pipeline, node: tree.Operator, index: int) -> Iterator[Edge]:
        if isinstance(node, tree.Join):
            kind = join_kind(node)
            polarity = JOIN_RIGHT.get(kind, Polarity.OPAQUE)
            yield from self.source(
                parent, node.right, index, node, polarity, f"the right side of join kind={kind}", kind in RIGHT_ROWS_FLOW
            )
        elif isinstance(node, tree.Lookup):
            kind = join_kind(node)
            polarity = Polarity.POSITIVE if kind == "inner" else Polarity.OPAQUE
            yield from self.source(
                parent, node.right, index, node, polarity, f"the right side of lookup kind={kind}", kind == "inner"
            )
        elif isinstance(node, tree.Union):
            for leg in node.legs:
                yield from self.source(parent, leg, index, node, Polarity.POSITIVE, "a leg of union", True)
        elif isinstance(node, (tree.MvApply, tree.Partition)):
            flow = isinstance(node, tree.Partition)
            yield Edge(parent, node.body, index, node, Polarity.POSITIVE, f"the body of {node.keyword}", flow)
            for item in tree.children(node):
                if item is not node.body:
                    yield from self.expression(parent, item, index, node, Polarity.POSITIVE)
        elif isinstance(node, tree.Fork):
            for fork_leg in node.legs:
                yield Edge(parent, fork_leg.body, index, node, Polarity.POSITIVE, "a leg of fork", True)
        elif isinstance(node, tree.Facet):
            if node.body is not None:
                yield Edge(parent, node.body, index, node, Polarity.POSITIVE, "the body of facet", True)
        elif isinstance(node, tree.MakeGraph):
            for source in node.nodes:
                yield from self.source(parent, source, index, node, Polarity.OPAQUE, "the nodes of make-graph", False)
        elif isinstance(node, tree.Where):
            yield from self.expression(parent, node.predicate, index, node, Polarity.POSITIVE)
        else:
            # Elsewhere (extend, summarize, top ...) the value of a sub-query is data, not a filter.
            for item in tree.children(node):
                yield from self.expression(parent, item, index, node, Polarity.OPAQUE)

    def source(
        self,
        parent: tree.Pipeline,
        source: tree.Source,
        index: int,
        node: tree.Node,
        polarity: Polarity,
        where: str,
        flow: bool,
        depth: int = 0,
    ) -> Iterator[Edge]:
        """Yield the pipelines that a source stands for: a sub-query, a `let`, a function body."""
        if depth > 64:
            return
        if isinstance(source, tree.Subquery):
            yield Edge(parent, source.pipeline, index, node, polarity, where, flow)
        elif isinstance(source, tree.Group):
            yield from self.source(parent, source.inner, index, node, polarity, where, flow, depth + 1)
        elif isinstance(source, tree.Union):
            for leg in source.legs:
                yield from self.source(parent, leg, index, source, polarity, "a leg of union", flow, depth + 1)
        elif isinstance(source, tree.Name):
            for value in self.lets.get(source.value, ()):
                if isinstance(value, tree.Function):
                    yield from self.body(parent, value, index, node, polarity, where, flow)
                else:
                    yield from self.source(parent, value, index, node, polarity, where, flow, depth + 1)
        elif isinstance(source, tree.Call):
            yield from self.call(parent, source, index, node, polarity, where, flow, depth)
        elif isinstance(source, tree.Path) and isinstance(source.member, tree.Call):
            yield from self.call(parent, source.member, index, node, polarity, where, flow, depth)
        elif isinstance(source, (tree.Search, tree.Find)):
            for table in source.tables:
                yield from self.source(parent, table, index, source, polarity, f"a table of {source.keyword}", flow, depth + 1)
        elif isinstance(source, tuple):
            for item in tree.children(source):
                yield from self.expression(parent, item, index, node, Polarity.OPAQUE)

    def call(
        self,
        parent: tree.Pipeline,
        call: tree.Call,
        index: int,
        node: tree.Node,
        polarity: Polarity,
        where: str,
        flow: bool,
        depth: int,
    ) -> Iterator[Edge]:
        name = call.name.value
        functions = self.functions(name)
        if name in _TRANSPARENT_CALLS:
            for argument in call.args:
                yield from self.source(parent, argument, index, node, polarity, where, flow, depth + 1)
            return
        for function in functions:
            yield from self.body(parent, function, index, node, polarity, where, flow)
        for argument in call.args:
            yield from self.source(
                parent, argument, index, node, Polarity.OPAQUE, f"an argument of {name}()", False, depth + 1
            )

    def body(
        self,
        parent: tree.Pipeline,
        function: tree.Function,
        index: int,
        node: tree.Node,
        polarity: Polarity,
        where: str,
        flow: bool,
    ) -> Iterator[Edge]:
        for statement in function.body:
            if isinstance(statement, tree.QueryStatement):
                yield Edge(parent, statement.pipeline, index, node, polarity, where, flow)

    def expression(
        self, parent: tree.Pipeline, expression: tree.Node, index: int, node: tree.Node, polarity: Polarity
    ) -> Iterator[Edge]:
        """Yield the sub-queries of an expression; `polarity` is the sign of the boolean around it."""
        stack: list[tuple[tree.Node, Polarity]] = [(expression, polarity)]
        while stack:
            current, sign = stack.pop()
            if isinstance(current, tree.Membership):
                inside = sign
                if current.op.startswith("!"):
                    inside = _flip(sign)
                elif current.op not in _SUBQUERY_OPERATORS:
                    inside = Polarity.OPAQUE
                where = f"the list of `{current.op}`"
                for item in current.items:
                    yield from self.source(parent, item, index, node, inside, where, False)
                stack.append((current.left, Polarity.OPAQUE))
            elif isinstance(current, tree.Subquery):
                yield Edge(parent, current.pipeline, index, node, Polarity.OPAQUE, "a sub-query used as a value", False)
            elif isinstance(current, tree.Call):
                name = current.name.value
                if name == "not":
                    stack.extend((argument, _flip(sign)) for argument in current.args)
                elif name == "toscalar":
                    for argument in current.args:
                        yield from self.source(parent, argument, index, node, Polarity.OPAQUE, "toscalar()", False)
                else:
                    stack.extend((argument, Polarity.OPAQUE) for argument in current.args)
            elif isinstance(current, tree.Name):
                # A scalar `let` may hold a sub-query: `let known = toscalar(T | ...)`.
                for value in self.lets.get(current.value, ()):
                    if not isinstance(value, (tree.Function, tree.Name)):
                        yield from self.scalar_let(parent, value, index, node)
            elif isinstance(current, tree.Binary) and current.ops and current.ops[0] in ("and", "or"):
                stack.extend((operand, sign) for operand in current.operands)
            elif isinstance(current, tree.Group):
                stack.append((current.inner, sign))
            else:
                stack.extend((child, Polarity.OPAQUE) for child in tree.children(current))

    def scalar_let(
        self, parent: tree.Pipeline, value: tree.Expr, index: int, node: tree.Node
    ) -> Iterator[Edge]:
        for inner in tree.walk(value):
            if isinstance(inner, tree.Subquery):
                yield Edge(parent, inner.pipeline, index, node, Polarity.OPAQUE, "a `let` used as a value", False)
            elif isinstance(inner, tree.Call) and inner.name.value in ("toscalar", "materialize"):
                for argument in inner.args:
                    if isinstance(argument, tree.Name):
                        yield from self.source(parent, argument, index, node, Polarity.OPAQUE, "a `let` used as a value", False)


def _flip(sign: Polarity) -> Polarity:
    if sign is Polarity.POSITIVE:
        return Polarity.NEGATIVE
    if sign is Polarity.NEGATIVE:
        return Polarity.POSITIVE
    return Polarity.OPAQUE
