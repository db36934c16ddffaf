"""The visible columns at every gap of every pipeline of a query, with their types and lineage: `analyse`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fpctl.kql import tree
from fpctl.kql.analysis.walk import Binder
from fpctl.kql.binder.bindings import Binding
from fpctl.kql.binder.context import PipelineColumns, Problem
from fpctl.kql.binder.environment import Environment


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a query's columns.

    Attributes:
        pipelines: the outermost first, then let bodies, join sides, union legs, sub-queries, in
            order of where they stand.
        lets: what each name of a `let` (or `as`, or `declare query_parameters`) is.
        problems: what would not work when the query runs, in order of where it stands; warnings.
        assumed: names of unknown tables and functions, whose columns are assumed.
    """

    pipelines: tuple[PipelineColumns, ...]
    lets: Mapping[str, Binding]
    problems: tuple[Problem, ...]
    assumed: tuple[str, ...]
    _by_node: Mapping[int, PipelineColumns]

    def columns_of(self, node: tree.Pipeline) -> PipelineColumns:
        """Return the insertion points of a pipeline node of the query.

        Raises:
            KeyError: the node is not a pipeline of this query, or no walk came to it.
        """
        return self._by_node[id(node)]


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
        tuple(dict.fromkeys(sorted(binder.problems, key=lambda problem: problem.offset))),
        tuple(sorted(binder.assumed)),
        binder.pipelines,
    )
