"""The visible columns at every gap of every pipeline of a query, with their types and lineage: `analyse`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fpctl.kql import tree
from fpctl.kql.analysis.walk import Binder
from fpctl.kql.binder.bindings import Binding
from fpctl.kql.binder.context import BinderProblem, PipelineColumns
from fpctl.kql.binder.environment import Environment
from fpctl.kql.binder.scope import InsertionPoint


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a query's columns.

    Attributes:
        pipelines: the outermost first, then let bodies, join sides, union legs, sub-queries, in
            order of position.
        lets: what each name of a `let` (or `as`, or `declare query_parameters`) is.
        problems: what would not work when the query runs, in the order of the text; warnings.
        assumed: names of unknown tables and functions, whose columns are assumed.
    """

    pipelines: tuple[PipelineColumns, ...]
    lets: Mapping[str, Binding]
    problems: tuple[BinderProblem, ...]
    assumed: tuple[str, ...]
    _by_node: Mapping[int, PipelineColumns]
    _walks: Mapping[int, Sequence[tuple[InsertionPoint, ...]]]
    _declared_walks: Mapping[int, Sequence[tuple[InsertionPoint, ...]]]

    def calls(self, node: tree.Pipeline) -> Sequence[tuple[InsertionPoint, ...]]:
        """Return the insertion points of a pipeline as a clause there sees them, for each call of its function.

        A pipeline that is in no function is walked once. In the body of one that is given tables only the
        columns can be named that the parameters declare (Microsoft's binder: KS142); what `columns_of` returns
        are all columns that are passed on.

        Raises:
            KeyError: the node is not a pipeline of this query, or no walk came to it.
        """
        return self._declared_walks.get(id(node)) or self._walks[id(node)]

    def reads_rows(self, node: tree.Pipeline) -> bool:
        """Return whether a pipeline of the query gives rows; the result of a function may be a value instead."""
        return id(node) in self._by_node

    def columns_of(self, node: tree.Pipeline) -> PipelineColumns:
        """Return the insertion points of a pipeline node of the query.

        Raises:
            KeyError: the node is not a pipeline of this query, or no walk came to it.
        """
        return self._by_node[id(node)]


def _distinct(problems: Sequence[BinderProblem]) -> tuple[BinderProblem, ...]:
    """Return problems in the order of the text, one of a kind at a place: a body may be walked several times."""
    found: dict[tuple[int, str, str], BinderProblem] = {}
    for problem in problems:
        found.setdefault((problem.offset, problem.code, problem.message), problem)
    return tuple(sorted(found.values(), key=lambda problem: problem.offset))


def analyse(query: tree.Query, environment: Environment) -> Analysis:
    """Work out the visible columns at every insertion point of a query.

    Never raises for a query that parses: what cannot be known is open or unknown, and noted.
    """
    binder = Binder(query.text, environment)
    binder.statements(query.statements, "main")
    binder.uncalled()
    outermost = {id(statement.pipeline) for statement in query.results()}
    ordered = sorted(
        binder.pipelines.values(),
        key=lambda found: (id(found.node) not in outermost, found.node.start, -found.node.end),
    )
    return Analysis(
        tuple(ordered),
        binder.names.visible(),
        _distinct(binder.problems),
        tuple(sorted(binder.assumed)),
        binder.pipelines,
        binder.walks,
        binder.declared_walks,
    )
