"""What is visible at an insertion point: columns with types and lineage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

new = tuple.__new__
"""`new(Origin, (table, column, branch))` costs half of `Origin(table, column, branch)`: a schema has 27,000."""

Kind = Literal["table", "renamed", "grouped", "derived", "redefined"]
"""How a column came to be.

table      the table's own column under its own name, value untouched
renamed    the table's own value under another name (project-rename, `project X = Y`, a join suffix)
grouped    a table column's value that survived an aggregation as a key (`by DeviceName`, distinct,
           `arg_max(T, *)`, `take_any(X)`): still the raw value, but the row is no longer the event
derived    computed
redefined  computed under the name of a column that was visible before (`extend Url = parse_url(Url)`)
"""


class Origin(NamedTuple):
    """A table column that a visible column carries unchanged.

    `branch` distinguishes the event sources of one row: 0 is the pipeline's own source, the right side of
    the first join is 1, and so on, left to right. Legs of a union keep separate branches too.
    """

    table: str
    column: str
    branch: int


class Column(NamedTuple):
    """A visible column. `type` is a Kusto scalar type, or `unknown`.

    `origins` is empty for derived and redefined columns; after a union it names every leg that
    gives the column unchanged, and is empty as soon as one leg gives something computed.
    """

    name: str
    type: str
    kind: Kind
    origins: tuple[Origin, ...] = ()

    def describe(self) -> str:
        """Return the origin as shown to people: `DeviceNetworkEvents.DeviceName`, `derived` ..."""
        if not self.origins:
            return self.kind
        names = sorted({f"{origin.table}.{origin.column}" for origin in self.origins})
        text = ", ".join(names)
        return text if self.kind == "table" else f"{self.kind} {text}"


@dataclass(frozen=True, slots=True)
class Scope:
    """The columns at one insertion point.

    Attributes:
        columns: visible columns by name, in output order.
        open: further columns of unknown name may be visible (an unknown table, bag_unpack ...).
        branches: for each branch, the tables it reads (several after a union inside one branch);
            an unknown table is listed under its own name.
        union: branches that are legs of a union: a row comes from exactly one of them. Otherwise
            a row combines all branches (join).
        rowwise: every row here is still one source event (or a pair of them after a join): no
            barrier (summarize, top, make-series ...) lies between the tables and this insertion point, and
            every branch is in `kept`.
        kept: the branches whose events are still separate rows here: each row carries one event of
            the branch (or none, on the other side of an outer join), and no event stands for
            others. Empty after a barrier. After a join of kind innerunique, the default, the left
            side's branches are missing: of the left rows with the same key an arbitrary one was
            kept. A semi or anti join leaves no branch of the side whose columns it drops.
        unknown: the branches that read a table whose columns are not known. Where one is here, a
            column assumed on an open scope is taken for a column of that table; where none is
            (after `evaluate bag_unpack`), for a derived one.
    """

    columns: Mapping[str, Column]
    open: bool = False
    branches: Mapping[int, frozenset[str]] = field(default_factory=dict)
    union: frozenset[int] = frozenset()
    rowwise: bool = True
    kept: frozenset[int] = frozenset()
    unknown: frozenset[int] = frozenset()


class InsertionPoint(NamedTuple):
    """A place between two operators where a clause can be placed.

    `offset` is the end of the last token of the source or operator before it; `after` is that
    operator's keyword, or `source`; `index` is 0 after the source, i after the i-th operator.
    """

    offset: int
    after: str
    index: int  # type: ignore[assignment]  # of an insertion point, not of an element
    scope: Scope
