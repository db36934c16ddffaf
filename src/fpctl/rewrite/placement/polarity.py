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
from dataclasses import replace

from fpctl.kql import tree
from fpctl.kql.operators.model import Polarity
from fpctl.kql.operators.table import is_operator, spec_of
from fpctl.rewrite.placement.positions import Edge, Positions, RowEffect

_SUBQUERY_OPERATORS = frozenset({"in", "in~", "has_any", "has_all"})
_TRANSPARENT_CALLS = frozenset({"materialize", "hint.materialized"})


def positions(query: tree.Query, *, single: bool = False) -> Positions:
    """Walk a query from its results and return every pipeline's positions.

    Args:
        single: the query is known to have one pipeline: then none feeds another.
    """
    return _Walker(query, single).run()


class _Walker:
    """Follows names to `let` pipelines and functions to their bodies."""

    def __init__(self, query: tree.Query, single: bool = False) -> None:
        self.query = query
        self.single = single
        # A name may be bound again inside a function body. Following every binding keeps the answer on
        # the safe side: a wrong one can only add a polarity, never hide one.
        self.lets: dict[str, list[tree.Expr | tree.Function]] = {}
        self.collect(query.statements)
        self.out = Positions(
            functions={
                name: found
                for name, values in self.lets.items()
                if (found := [value for value in values if isinstance(value, tree.Function)])
            }
        )
        self.seen: set[tuple[int, Polarity]] = set()
        self.visited: list[tree.Pipeline] = []
        self.invoked: set[int] = set()
        self.aliases: frozenset[str] | None = None

    def run(self) -> Positions:
        work: list[tuple[tree.Pipeline, Polarity]] = [
            (statement.pipeline, Polarity.POSITIVE) for statement in self.query.results()
        ]
        while work:
            pipeline, polarity = work.pop()
            if (id(pipeline), polarity) in self.seen:
                continue
            self.seen.add((id(pipeline), polarity))
            if id(pipeline) not in self.out.polarities:
                self.visited.append(pipeline)
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

    def edges_of(self, pipeline: tree.Pipeline) -> Iterator[Edge]:
        """Yield the pipelines that this one reads or tests against."""
        later = [
            (index, row_effect)
            for index, operator in enumerate(pipeline.operators, 1)
            if (row_effect := self.row_effect(operator)) is not None
        ]
        for edge in self.direct_edges(pipeline):
            behind = edge
            for index, row_effect in later:
                if index <= edge.index:
                    continue
                polarity = edge.polarity.through(row_effect.polarity)
                if row_effect.also:
                    yield replace(edge, polarity=polarity, where=row_effect.where, at=row_effect.at)
                elif behind.polarity is Polarity.POSITIVE:
                    behind = replace(edge, polarity=polarity, where=row_effect.where, at=row_effect.at)
                else:
                    behind = replace(behind, polarity=Polarity.OPAQUE)
            yield behind

    def row_effect(self, node: tree.Operator) -> RowEffect | None:
        """Return what an operator does to the sign of its rows; None where fewer rows in give fewer rows out."""
        found = self._row_effect(node)
        if found is not None:
            self.out.row_effects[id(node)] = found
        return found

    def _row_effect(self, node: tree.Operator) -> RowEffect | None:
        spec = spec_of(node)
        own = spec.own_rows(node) if spec.own_rows is not None else None
        if own is not None:
            return RowEffect(own.polarity, own.where, node.start)
        if isinstance(node, tree.As):
            if node.name.value in self.read_aliases():
                where = f"`as {node.name.value}`, from where another part of the query reads them"
                return RowEffect(Polarity.OPAQUE, where, node.start, also=True)
        elif isinstance(node, tree.Invoke):
            return self.invocation(node)
        else:
            return next(
                (found for body in _bodies(node) for op in body.operators if (found := self.row_effect(op))), None
            )
        return None

    def invocation(self, node: tree.Invoke) -> RowEffect | None:
        """Return what `invoke f()` does to its rows, where the query defines f."""
        if not isinstance(node.call, tree.Call):
            return None
        for function in self.out.functions.get(node.call.name.value, ()):
            if function.parameters and id(function) not in self.invoked:
                self.invoked.add(id(function))
                found = self.through_body(function)
                self.invoked.discard(id(function))
                if found is not None:
                    where = f"invoke {node.call.name.value}(), there {found.where}"
                    return RowEffect(found.polarity, where, node.start)
        return None

    def through_body(self, function: tree.Function) -> RowEffect | None:
        """Return what a function's body does to the rows of its first parameter."""
        name = function.parameters[0].name.value
        inner = _Walker(tree.Query(function.start, function.end, self.query.text, function.body))
        inner.invoked = self.invoked
        found = inner.run()
        fed = [p for p in inner.visited if isinstance(p.source, tree.Name) and p.source.value == name]
        for pipeline in fed:
            for operator in pipeline.operators:
                row_effect = found.row_effect(operator)
                if row_effect is not None:
                    return row_effect
            edge = found.blame(pipeline)
            if edge is not None:
                return RowEffect(edge.polarity, edge.where, edge.offset)
        uses = sum(
            isinstance(item, tree.Name) and item.value == name
            for statement in function.body
            for item in tree.walk(statement)
        )
        if uses != len(fed):
            return RowEffect(Polarity.OPAQUE, f"a use of {name} that is not its own pipeline", function.start)
        return None

    def read_aliases(self) -> frozenset[str]:
        """Return the names given with `as` that are read somewhere."""
        if self.aliases is None:
            given: set[str] = set()
            named: dict[str, int] = {}
            for node in tree.walk(self.query):
                if isinstance(node, tree.As):
                    given.add(node.name.value)
                elif isinstance(node, tree.Name):
                    named[node.value] = named.get(node.value, 0) + 1
            self.aliases = frozenset(name for name in given if named[name] > 1)
        return self.aliases

    def direct_edges(self, pipeline: tree.Pipeline) -> Iterator[Edge]:
        if self.single:
            return
        if pipeline.source is not None:
            yield from self.source(pipeline, pipeline.source, 0, pipeline.source, Polarity.POSITIVE, "the source", True)
        for index, operator in enumerate(pipeline.operators, 1):
            yield from self.operator(pipeline, operator, index)

    def operator(self, parent: tree.Pipeline, node: tree.Operator, index: int) -> Iterator[Edge]:
        inputs = spec_of(node).inputs_of(node)
        for read in inputs:
            if isinstance(read.node, tree.Pipeline):
                yield Edge(parent, read.node, index, node, read.polarity, read.where, read.feeds_rows)
            elif read.condition:
                yield from self.expression(parent, read.node, index, node, read.polarity)
            else:
                yield from self.source(parent, read.node, index, node, read.polarity, read.where, read.feeds_rows)
        followed = {id(read.node) for read in inputs}
        for item in tree.children(node):
            # Elsewhere (extend, summarize, top ...) the value of a sub-query is data, not a filter.
            if id(item) not in followed:
                yield from self.expression(parent, item, index, node, Polarity.OPAQUE)

    def source(
        self,
        parent: tree.Pipeline,
        source: tree.Source,
        index: int,
        node: tree.Node,
        polarity: Polarity,
        where: str,
        feeds_rows: bool,
        depth: int = 0,
    ) -> Iterator[Edge]:
        """Yield the pipelines that a source stands for: a sub-query, a `let`, a function body."""
        if depth > 64:
            return
        if isinstance(source, tree.Subquery):
            yield Edge(parent, source.pipeline, index, node, polarity, where, feeds_rows)
        elif isinstance(source, tree.Group):
            yield from self.source(parent, source.inner, index, node, polarity, where, feeds_rows, depth + 1)
        elif isinstance(source, tree.Name):
            for value in self.lets.get(source.value, ()):
                if isinstance(value, tree.Function):
                    yield from self.body(parent, value, index, node, polarity, where, feeds_rows)
                else:
                    yield from self.source(parent, value, index, node, polarity, where, feeds_rows, depth + 1)
        elif isinstance(source, tree.Call):
            yield from self.call(parent, source, index, node, polarity, where, feeds_rows, depth)
        elif isinstance(source, tree.Path) and isinstance(source.member, tree.Call):
            yield from self.call(parent, source.member, index, node, polarity, where, feeds_rows, depth)
        elif is_operator(source) and (inputs := spec_of(source).inputs_of(source)):
            if isinstance(source, tree.MacroExpand):
                self.collect(source.body)
            for read in inputs:
                if isinstance(read.node, tree.Pipeline):
                    yield Edge(parent, read.node, index, node, polarity, read.where, feeds_rows)
                else:
                    yield from self.source(
                        parent, read.node, index, source, polarity, read.where, feeds_rows, depth + 1
                    )
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
        feeds_rows: bool,
        depth: int,
    ) -> Iterator[Edge]:
        name = call.name.value
        functions = self.out.functions.get(name, ())
        if name in _TRANSPARENT_CALLS:
            for argument in call.args:
                yield from self.source(parent, argument, index, node, polarity, where, feeds_rows, depth + 1)
            return
        for function in functions:
            yield from self.body(parent, function, index, node, polarity, where, feeds_rows)
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
        feeds_rows: bool,
    ) -> Iterator[Edge]:
        for statement in function.body:
            if isinstance(statement, tree.QueryStatement):
                yield Edge(parent, statement.pipeline, index, node, polarity, where, feeds_rows)

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
                    inside = sign.flipped()
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
                    stack.extend((argument, sign.flipped()) for argument in current.args)
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

    def scalar_let(self, parent: tree.Pipeline, value: tree.Expr, index: int, node: tree.Node) -> Iterator[Edge]:
        where = "a `let` used as a value"
        for inner in tree.walk(value):
            if isinstance(inner, tree.Subquery):
                yield Edge(parent, inner.pipeline, index, node, Polarity.OPAQUE, where, False)
            elif isinstance(inner, tree.Call) and inner.name.value in ("toscalar", "materialize"):
                for argument in inner.args:
                    if isinstance(argument, tree.Name):
                        yield from self.source(parent, argument, index, node, Polarity.OPAQUE, where, False)


def _bodies(node: tree.Operator) -> list[tree.Pipeline]:
    """Return the pipelines that an operator runs its rows through."""
    return [read.node for read in spec_of(node).inputs_of(node) if isinstance(read.node, tree.Pipeline)]
