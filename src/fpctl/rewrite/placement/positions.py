"""The positions of a query's pipelines: which uses which, and what removing rows does there."""

from __future__ import annotations

from dataclasses import dataclass, field

from fpctl.kql import tree
from fpctl.kql.operators.model import Polarity


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a pipeline to a pipeline it uses.

    `index` is the position of the using operator in the parent (0 for the source, i for the i-th
    operator); `where` names the construct for people: `the right side of join kind=leftanti`.
    `feeds_rows` is set when the child's rows become rows of the parent at that operator. `polarity` counts what
    the parent does to them afterwards, too; `at` is the offset of that construct if `where` names it.
    """

    parent: tree.Pipeline
    child: tree.Pipeline
    index: int
    node: tree.Node
    polarity: Polarity
    where: str
    feeds_rows: bool
    at: int | None = None

    @property
    def offset(self) -> int:
        """Where the construct that `where` names begins."""
        return self.node.start if self.at is None else self.at


@dataclass(frozen=True, slots=True)
class PolarityEffect:
    """What an operator does to the sign of the rows that come into it; `where` names it for people.

    `also` is set when the rows go on as they are, and to another part of the query besides.
    """

    polarity: Polarity
    where: str
    at: int
    also: bool = False


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
    functions: dict[str, list[tree.Function]] = field(default_factory=dict)
    """The functions that the query defines, by name."""
    row_effects: dict[int, PolarityEffect] = field(default_factory=dict)
    """The operators that do not just pass on a part of their rows, by `id(operator)`."""

    fed: set[int] = field(default_factory=set)
    """What operators read that leads to a pipeline of the query, by `id(node)` of the input."""

    def of(self, pipeline: tree.Pipeline) -> set[Polarity]:
        """Return the polarities of a pipeline; empty when no result uses it."""
        return self.polarities.get(id(pipeline), set())

    def row_effect(self, operator: tree.Operator) -> PolarityEffect | None:
        """Return what an operator does to the rows that come into it; None when fewer rows in give fewer rows out."""
        return self.row_effects.get(id(operator))

    def blame(self, pipeline: tree.Pipeline) -> Edge | None:
        """Return the nearest use on the way to a result that does not take rows as they come."""
        seen = {id(pipeline)}
        wave = [pipeline]
        while wave:
            uses = [use for node in wave for use in self.uses.get(id(node), ())]
            for use in uses:
                if use.polarity is not Polarity.POSITIVE:
                    return use
            wave = [use.parent for use in uses if id(use.parent) not in seen]
            seen.update(map(id, wave))
        return None
