"""Whether removing rows at a place can only remove rows from the result.

Every pipeline of a query has a position: the result itself, a union leg, the right side of a join, the list of
an `in (...)`, the body of a `let` ... Removing rows there makes the result smaller (`positive`), or can make it
larger (`negative`: an allow-list, the right side of an anti-join), or neither can be said (`opaque`: a scalar
baseline, the right side of an outer join). A pipeline that is reached in several ways has the set of their
polarities.

The default is to refuse. Every reference to a name of a `let` is either followed here, through a position that the
table of operators or this module knows, or it counts as opaque: `unfollowed` looks for references that the walk did
not come to. Facts: section 3.7 of the KQL notes in docs/kql.md, and
https://learn.microsoft.com/kusto/query/join-operator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from fpctl.kql import tree
from fpctl.kql.binder.name_patterns import matching
from fpctl.kql.literals import string_value
from fpctl.kql.operators.model import Input, Polarity
from fpctl.kql.operators.table import is_operator, spec_of
from fpctl.rewrite.placement.positions import Edge, PolarityEffect, Positions

_MEMBERSHIP: Mapping[str, Polarity] = {
    **dict.fromkeys(("in", "in~", "has_any"), Polarity.POSITIVE),
    # With fewer values to look for, "all of them" becomes true more easily.
    **dict.fromkeys(("!in", "!in~", "has_all"), Polarity.NEGATIVE),
}
"""What removing rows of a sub-query does to a condition that looks for values in it; opaque where not listed."""
_PASSED_ON = frozenset({"materialize", "hint.materialized"})
"""Functions whose result is the rows of their argument."""
_BY_NAME = frozenset({"table"})
"""Functions that take the name of a table, or of a `let`, as text."""
_MOST_STEPS = 64
"""How many names may lead to one another; queries have a handful."""


def positions(query: tree.Query, *, single: bool = False) -> Positions:
    """Walk a query from its results and return every pipeline's positions.

    Args:
        single: the query is known to have one pipeline: then none feeds another.
    """
    return _Walker(query, single).run()


class _Use(NamedTuple):
    """How a pipeline uses what is being looked at: the parts of an `Edge` that are known before the child is."""

    parent: tree.Pipeline
    index: int  # type: ignore[assignment]  # of an operator, not of an element
    node: tree.Node
    polarity: Polarity
    where: str
    feeds_rows: bool = False
    steps: int = 0

    def edge(self, child: tree.Pipeline) -> Edge:
        return Edge(self.parent, child, self.index, self.node, self.polarity, self.where, self.feeds_rows)

    def deeper(self) -> _Use:
        return self.below(self.polarity, self.where, self.feeds_rows)

    def opaque(self, where: str) -> _Use:
        return self.below(Polarity.OPAQUE, where)

    def below(self, polarity: Polarity, where: str, feeds_rows: bool = False) -> _Use:
        """Return the use of something below what is looked at."""
        return _Use(self.parent, self.index, self.node, polarity, where, feeds_rows, self.steps + 1)


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
        self.followed: set[int] = set()
        """Identities of the names that the walk has reached."""
        self.valued: set[tuple[int, int, int]] = set()
        """The values of scalar `let`s that were followed, by pipeline, operator and value."""
        self.invoked: set[int] = set()
        self.aliases: frozenset[str] | None = None

    def run(self) -> Positions:
        self.walk([(statement.pipeline, Polarity.POSITIVE) for statement in self.query.results()])
        if not self.single and self.lets:
            self.walk(list(self.unfollowed()))
        return self.out

    def walk(self, work: list[tuple[tree.Pipeline, Polarity]]) -> None:
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

    def collect(self, statements: tuple[tree.Statement, ...]) -> None:
        for statement in statements:
            if isinstance(statement, tree.Let):
                self.lets.setdefault(statement.name.value, []).append(statement.value)
                if isinstance(statement.value, tree.Function):
                    self.collect(statement.value.body)

    # ------------------------------------------------------------------ references that nothing follows

    def unfollowed(self) -> Iterator[tuple[tree.Pipeline, Polarity]]:
        """Yield the pipelines of names that the results depend on and that the walk did not reach."""
        parent = self.query.results()[0].pipeline if self.query.results() else None
        if parent is None:
            return
        for name in list(self.references()):
            if id(name) in self.followed:
                continue
            use = _Use(parent, 0, name, Polarity.OPAQUE, f"a use of {name.value} that fpctl does not follow")
            for edge in self.named(use, name):
                self.out.uses.setdefault(id(edge.child), []).append(edge)
                yield edge.child, Polarity.OPAQUE

    def references(self) -> Iterator[tree.Name]:
        """Yield every name of a `let` in what the results depend on."""
        stack: list[tree.Node] = list(self.query.results())
        expanded: set[str] = set()
        while stack:
            node = stack.pop()
            stack.extend(_parts(node))
            if isinstance(node, tree.Name) and node.value in self.lets:
                yield node
                if node.value not in expanded:
                    expanded.add(node.value)
                    stack.extend(self.lets[node.value])

    # ------------------------------------------------------------------ operators

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

    def row_effect(self, node: tree.Operator) -> PolarityEffect | None:
        """Return what an operator does to the sign of its rows; None where fewer rows in give fewer rows out."""
        found = self._row_effect(node)
        if found is not None:
            self.out.row_effects[id(node)] = found
        return found

    def _row_effect(self, node: tree.Operator) -> PolarityEffect | None:
        spec = spec_of(node)
        own = spec.own_rows(node) if spec.own_rows is not None else None
        if own is not None:
            return PolarityEffect(own.polarity, own.where, node.start)
        if isinstance(node, tree.As):
            if node.name.value in self.read_aliases():
                where = f"`as {node.name.value}`, from where another part of the query reads them"
                return PolarityEffect(Polarity.OPAQUE, where, node.start, also=True)
        elif isinstance(node, tree.Invoke):
            return self.invocation(node)
        else:
            return next(
                (found for body in _bodies(node) for op in body.operators if (found := self.row_effect(op))), None
            )
        return None

    def invocation(self, node: tree.Invoke) -> PolarityEffect | None:
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
                    return PolarityEffect(found.polarity, where, node.start)
        return None

    def through_body(self, function: tree.Function) -> PolarityEffect | None:
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
                return PolarityEffect(edge.polarity, edge.where, edge.offset)
        uses = sum(
            isinstance(item, tree.Name) and item.value == name
            for statement in function.body
            for item in tree.walk(statement)
        )
        if uses != len(fed):
            return PolarityEffect(Polarity.OPAQUE, f"a use of {name} that is not its own pipeline", function.start)
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
            use = _Use(pipeline, 0, pipeline.source, Polarity.POSITIVE, "the source", True)
            yield from self.source(use, pipeline.source)
        for index, operator in enumerate(pipeline.operators, 1):
            yield from self.operator(_Use(pipeline, index, operator, Polarity.POSITIVE, "the rows"), operator)

    def operator(self, use: _Use, node: tree.Operator | tree.SourceOperator) -> Iterator[Edge]:
        """Yield what an operator reads by its entry in the table; whatever else is below it is a value."""
        inputs = spec_of(node).inputs_of(node)
        for read in inputs:
            yield from self.input(use, read)
        followed = {id(read.node) for read in inputs}
        below = use.opaque("a sub-query used as a value")
        for item in tree.children(node):
            if id(item) not in followed:
                yield from self.value(below, item)

    def input(self, use: _Use, read: Input) -> Iterator[Edge]:
        polarity = use.polarity.through(read.polarity)
        if read.condition:
            yield from self.value(use._replace(polarity=polarity, where=read.where, feeds_rows=False), read.node)
            return
        use = use._replace(polarity=polarity, where=read.where, feeds_rows=read.feeds_rows).deeper()
        if isinstance(read.node, tree.Pipeline):
            yield use.edge(read.node)
        else:
            for edge in self.source(use, read.node):
                self.out.fed.add(id(read.node))
                yield edge

    # ------------------------------------------------------------------ tables

    def source(self, use: _Use, source: tree.Source) -> Iterator[Edge]:
        """Yield the pipelines that a source stands for: a sub-query, a `let`, a function body."""
        if use.steps > _MOST_STEPS:
            return
        if isinstance(source, tree.Subquery):
            yield use.edge(source.pipeline)
        elif isinstance(source, tree.Group):
            yield from self.source(use.deeper(), source.inner)
        elif isinstance(source, tree.Name):
            yield from self.named(use, source)
        elif isinstance(source, tree.Wildcard):
            for name in matching(source.pattern, self.out.functions):
                yield from self.views(use, name)
        elif isinstance(source, tree.Call):
            yield from self.call(use, source)
        elif isinstance(source, tree.Path) and isinstance(source.member, tree.Call):
            yield from self.call(use, source.member)
        elif is_operator(source):
            yield from self.source_operator(use, source)
        else:
            for item in tree.children(source):
                yield from self.value(use.opaque("a sub-query used as a value"), item)

    def source_operator(self, use: _Use, source: tree.SourceOperator | tree.Operator) -> Iterator[Edge]:
        if isinstance(source, tree.MacroExpand):
            self.collect(source.body)
        if isinstance(source, tree.Search | tree.Find) and not source.tables:
            for name in self.out.functions:
                yield from self.views(use._replace(where=f"a table of {source.keyword}"), name)
        feeds_rows = use.feeds_rows
        at = use if isinstance(source, tree.MacroExpand) else use._replace(node=source)
        for edge in self.operator(at, source):
            yield edge if feeds_rows or not edge.feeds_rows else replace(edge, feeds_rows=False)

    def views(self, use: _Use, name: str) -> Iterator[Edge]:
        """Yield the bodies of the views of a name: a pattern of tables matches these too."""
        for function in self.out.functions.get(name, ()):
            if function.view:
                yield from self.body(use, function)

    def named(self, use: _Use, name: tree.Name) -> Iterator[Edge]:
        """Yield what a name stands for where a table is meant."""
        self.followed.add(id(name))
        if use.steps > _MOST_STEPS:
            return
        for value in self.lets.get(name.value, ()):
            if isinstance(value, tree.Function):
                yield from self.body(use, value)
            else:
                yield from self.source(use.deeper(), value)

    def call(self, use: _Use, call: tree.Call) -> Iterator[Edge]:
        """Yield what a call stands for where a table is meant."""
        name = call.name.value
        self.followed.add(id(call.name))
        if name in _PASSED_ON:
            for argument in call.args:
                yield from self.source(use.deeper(), argument)
            return
        if name in _BY_NAME:
            yield from self.by_name(use, call)
        for function in self.out.functions.get(name, ()):
            yield from self.body(use, function)
        for argument in call.args:
            yield from self.source(use.opaque(f"an argument of {name}()"), argument)

    def by_name(self, use: _Use, call: tree.Call) -> Iterator[Edge]:
        """Yield what `table('X')` reads, where X is a `let`; of a name that is not written there, any may be meant."""
        argument = call.args[0] if call.args else None
        if isinstance(argument, tree.Literal) and argument.type == "string":
            yield from self.named(use, tree.Name(argument.start, argument.end, self.string(argument)))
            return
        for node in tree.walk(self.query):
            if isinstance(node, tree.Literal) and node.type == "string" and (text := self.string(node)) in self.lets:
                yield from self.named(use.opaque(f"a name given to {call.name.value}()"), tree.Name(*node[:2], text))

    def string(self, literal: tree.Literal) -> str:
        return string_value(self.query.text[literal.start : literal.end])

    def body(self, use: _Use, function: tree.Function) -> Iterator[Edge]:
        for statement in function.body:
            if isinstance(statement, tree.QueryStatement):
                yield use.edge(statement.pipeline)

    # ------------------------------------------------------------------ values

    def value(self, use: _Use, expression: tree.Node) -> Iterator[Edge]:
        """Yield the sub-queries of an expression; `use.polarity` is the sign of the boolean around it."""
        stack: list[tuple[tree.Node, Polarity]] = [(expression, use.polarity)]
        while stack:
            current, sign = stack.pop()
            if isinstance(current, tree.Membership):
                inside = _MEMBERSHIP.get(current.op, Polarity.OPAQUE)
                inside = sign.flipped() if inside is Polarity.NEGATIVE else sign.through(inside)
                for item in current.items:
                    if isinstance(item, tree.Literal):
                        continue
                    listed = use._replace(polarity=inside, where=f"the list of `{current.op}`", feeds_rows=False)
                    yield from self.source(listed.deeper(), item)
                stack.append((current.left, Polarity.OPAQUE))
            elif isinstance(current, tree.Subquery):
                yield use.opaque(_value_of(use)).edge(current.pipeline)
            elif isinstance(current, tree.Call):
                if current.name.value == "not":
                    stack.extend((argument, sign.flipped()) for argument in current.args)
                else:
                    yield from self.called(use, current)
            elif isinstance(current, tree.Name):
                yield from self.scalar(use, current)
            elif isinstance(current, tree.Binary) and current.ops and current.ops[0] in ("and", "or"):
                stack.extend((operand, sign) for operand in current.operands)
            elif isinstance(current, tree.Group):
                stack.append((current.inner, sign))
            else:
                stack.extend((part, Polarity.OPAQUE) for part in _parts(current))

    def called(self, use: _Use, call: tree.Call) -> Iterator[Edge]:
        """Yield what the value of a call depends on: its arguments, and the body of a function of the query."""
        name = call.name.value
        if use.steps > _MOST_STEPS:
            return
        if name == "toscalar":
            self.followed.add(id(call.name))
            for argument in call.args:
                yield from self.source(use.opaque(_value_of(use, "toscalar()")), argument)
            return
        if self.out.functions.get(name) or name in _BY_NAME:
            yield from self.call(use.opaque(f"the value of {name}()"), call)
            return
        for argument in call.args:
            yield from self.value(use.opaque(_value_of(use)), argument)

    def scalar(self, use: _Use, name: tree.Name) -> Iterator[Edge]:
        """Yield what a name stands for where a value is meant: `let known = toscalar(T | ...)`, and what that names."""
        self.followed.add(id(name))
        if use.steps > _MOST_STEPS:
            return
        for value in self.lets.get(name.value, ()):
            key = (id(use.parent), use.index, id(value))
            if key in self.valued:
                # `let b = a + a; let c = b + b; ...` must not take twice as long with every line.
                continue
            self.valued.add(key)
            below = use.opaque(_LET_VALUE)
            if isinstance(value, tree.Function):
                yield from self.body(below, value)
            else:
                yield from self.value(below, value)


_LET_VALUE = "a `let` used as a value"


def _value_of(use: _Use, otherwise: str = "a sub-query used as a value") -> str:
    """Return how a position in a value is called: where a `let` leads to it, after that."""
    return use.where if use.where == _LET_VALUE else otherwise


_GIVEN: Mapping[type, tuple[str, ...]] = {
    **dict.fromkeys(
        (tree.Let, tree.As, tree.FunctionParameter, tree.ForkLeg, tree.ScanStep, tree.Range),
        ("name",),
    ),
    **dict.fromkeys((tree.Named, tree.GraphOperator), ("names",)),
    **dict.fromkeys((tree.Count, tree.MacroExpand), ("alias",)),
    tree.Parameter: ("value",),
    tree.MakeGraph: ("source", "target", "node_ids"),
}
"""By kind of node, where it has the names that it gives to something, or that name a column."""


def _parts(node: tree.Node) -> list[tree.Node]:
    """Return the nodes directly below one that may refer to something: names that are given, or members, do not."""
    if isinstance(node, tree.Path):
        return [node.base, node.member] if isinstance(node.member, tree.Call) else [node.base]
    below = tree.children(node)
    given = _GIVEN.get(node.__class__)
    if given is None or not below:
        return below
    names: set[int] = set()
    for field in given:
        value = getattr(node, field)
        names.update(map(id, value if value.__class__ is tuple else (value,)))
    return [child for child in below if id(child) not in names]


def _bodies(node: tree.Operator) -> list[tree.Pipeline]:
    """Return the pipelines that an operator runs its rows through."""
    return [read.node for read in spec_of(node).inputs_of(node) if isinstance(read.node, tree.Pipeline)]
