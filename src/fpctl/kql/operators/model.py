"""What fpctl has to know of a tabular operator: one `OperatorSpec` says all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from fpctl.kql import tree
from fpctl.kql.binder.context import BinderContext
from fpctl.kql.binder.scope import Scope

if TYPE_CHECKING:
    from fpctl.kql.grammar.expressions import Expressions


class RowEffect(Enum):
    """What an operator does to the events that its rows stand for."""

    ROW_WISE = "row-wise"
    """Every row that comes out is one that came in, a copy of one, or a part of one."""
    BARRIER = "barrier"
    """Rows that come out stand for several events, or which ones come out depends on the other rows."""
    BOUND = "bound"
    """It depends on the operator's arguments: its binding function sets `Scope.rowwise` and `Scope.kept`."""


class HandsOn(Enum):
    """Which of the rows that came in come out as they were, with all that is in their columns."""

    NOT = "not"
    """The operator makes rows of its own, or nothing is known about it."""
    SOME = "some"
    """Rows that came in: one of them several times, beside rows of another table, or chosen by what others hold."""
    EACH = "each"
    """Each row by itself, at most once, whatever the others are. Columns may be added, renamed and dropped."""


class Polarity(Enum):
    """What removing rows in a position does to the result."""

    POSITIVE = "positive"
    """It can only remove rows from the result."""
    NEGATIVE = "negative"
    """It can add rows to the result."""
    OPAQUE = "opaque"
    """It can change rows of the result, or nothing is known about it."""

    def through(self, edge: Polarity) -> Polarity:
        """Return the polarity of a position reached from one of polarity `self` through an edge."""
        if edge is Polarity.POSITIVE:
            return self
        if self is Polarity.POSITIVE:
            return edge
        # Two inversions do not make a safe place: between them something may count the rows.
        return Polarity.OPAQUE

    def flipped(self) -> Polarity:
        """Return the polarity under a `not`."""
        if self is Polarity.POSITIVE:
            return Polarity.NEGATIVE
        return Polarity.POSITIVE if self is Polarity.NEGATIVE else Polarity.OPAQUE


class Input(NamedTuple):
    """Something that an operator reads besides the rows that come into it.

    Attributes:
        node: a table or pipeline, or a condition that may hold sub-queries.
        polarity: what removing rows from it does to the operator's result. Of a condition: what it does
            where the condition becomes false.
        where: names the position to people: `the right side of join kind=leftanti`.
        feeds_rows: its rows become rows of the operator's result.
        condition: `node` is a condition that decides which rows come out.
    """

    node: tree.Source | tree.Pipeline
    polarity: Polarity
    where: str
    feeds_rows: bool = False
    condition: bool = False


class OwnRows(NamedTuple):
    """What removing rows before an operator does to its result, where that is not `POSITIVE`."""

    polarity: Polarity
    where: str


FewerRows: TypeAlias = "str | Callable[[Any], str | None] | None"
"""What becomes of an operator's result when rows are missing from its input, in the words of a warning.

None says that rows can only go missing: what comes out for the remaining rows is what came out before, apart from
columns that were computed over several rows (which `rewrite.placement.effects` follows). A function gets the node.
"""

PLACES_ARE_FILLED = "the places of removed rows are filled by other rows"


@dataclass(frozen=True, slots=True)
class OperatorSpec:
    """Everything that fpctl knows of one operator.

    To add an operator: a node class in `kql/tree.py` (or one that is there), and an entry in a module of this
    folder. Parser, binder and placement read the table.

    Attributes:
        keywords: the keyword, and other spellings of it (`where`, `filter`).
        node: the class of its node in the tree; several operators may share one.
        parse: parses it; the parser is at its keyword.
        bind: returns the columns of its result from (context, node, scope of its input). The scope is None
            where it is the source of a pipeline.
        rows: what it does to events.
        fewer_rows: what missing rows do to its result.
        hands_on: which of its rows are rows that came in.
        inputs: what it reads besides its own rows; every other expression below its node counts as opaque.
        own_rows: what removing its own rows does, where that is not `POSITIVE`.
        where_may_follow: whether a `where` is allowed after it.
        after_pipe: whether it is allowed after a `|`. Microsoft's grammar also allows sources that no engine runs.
        source: whether a pipeline may begin with it.
        begins: where the keyword is also a name, decides from the tokens after it (parser, index) that it is the
            operator; an operator without it is then taken for a name.
        suggested: whether a person writes it; the engine's internal operators are not suggested in messages.
    """

    keywords: tuple[str, ...]
    node: type
    parse: Callable[[Expressions], Any]
    bind: Callable[[BinderContext, Any, Any], Scope]
    rows: RowEffect
    fewer_rows: FewerRows
    hands_on: HandsOn = HandsOn.NOT
    inputs: Callable[[Any], Iterable[Input]] | None = None
    own_rows: Callable[[Any], OwnRows | None] | None = None
    where_may_follow: bool = True
    after_pipe: bool = True
    source: bool = False
    begins: Callable[[Expressions, int], bool] | None = None
    suggested: bool = True

    @property
    def picks(self) -> bool:
        """Whether it chooses among rows, of which some may be as good as others: two runs may differ."""
        return self.fewer_rows == PLACES_ARE_FILLED

    def inputs_of(self, node: tree.Node) -> tuple[Input, ...]:
        """Return what a node of this operator reads besides its own rows."""
        return tuple(self.inputs(node)) if self.inputs is not None else ()

    def without_rows(self, node: tree.Node) -> str | None:
        """Return what missing rows do to the result of a node of this operator; None where rows only go missing."""
        return self.fewer_rows(node) if callable(self.fewer_rows) else self.fewer_rows
