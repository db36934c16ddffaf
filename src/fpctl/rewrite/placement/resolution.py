"""What an exclusion requires at an insertion point, and the columns to which its fields are bound there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fpctl.kql.binder.scope import Scope
from fpctl.kql.literals import bracket_name, string_literal
from fpctl.rewrite.predicate import BoundColumn
from fpctl.rewrite.reasons import SkipReason

IF_EXISTS = "column_ifexists("
_EMPTY = {"string": '""', "unknown": '""'}


class MappedColumn(Protocol):
    """A table column that holds a field: `column` with dynamic `members` below it, and the `role` it plays."""

    @property
    def column(self) -> str: ...
    @property
    def members(self) -> tuple[str, ...]: ...
    @property
    def role(self) -> str: ...
    @property
    def parse(self) -> bool: ...


class Fields(Protocol):
    """The part of the field mapping that placement needs."""

    def columns(self, table: str, field: str) -> Sequence[MappedColumn]: ...


@dataclass(frozen=True, slots=True)
class RequiredColumns:
    """What must be visible: fields with the column roles their values can match, raw columns, and the event time."""

    fields: tuple[tuple[str, frozenset[str] | None], ...]
    raw: tuple[str, ...] = ()
    time: bool = False


@dataclass(frozen=True, slots=True)
class Resolution:
    """Fields bound to columns at one insertion point.

    `mixed` is set when the fields come from different events of a joined row, `partial` when some
    columns of a field are no longer visible there, `assumed` names columns of an unknown table
    that are only believed to exist. `untested` are tables that a pattern reads and of which no column
    with the field is visible, `tested` is the number of those that have one; both only in `Reading.TABLE_PATTERN`.
    `branches` are the event sources of the row that the bindings are of.
    """

    bindings: Mapping[str, tuple[BoundColumn, ...]]
    time_column: str | None
    mixed: bool = False
    partial: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()
    tested: int = 0
    branches: frozenset[int] = frozenset()

    @property
    def guessed(self) -> bool:
        """Whether a column is only hoped for: nothing shows that it exists, so `column_ifexists` stands in for it."""
        return bool(self.assumed and not self.tested) and any(
            column.text.startswith(IF_EXISTS) for bound in self.bindings.values() for column in bound
        )


class Unresolved(NamedTuple):
    """Why fields cannot be bound at an insertion point. `rank` orders reasons: the higher says more."""

    reason: SkipReason
    message: str

    @property
    def rank(self) -> int:
        order: tuple[SkipReason, ...] = (
            "no-table", "field-not-in-table", "unknown-column", "after-aggregation", "columns-dropped",
            "column-redefined", "column-ambiguous",
        )  # fmt: skip
        return order.index(self.reason) if self.reason in order else len(order)


def if_exists(name: str, kind: str) -> str:
    """Return a column that may not be there, as KQL that is then empty or null."""
    return f"{IF_EXISTS}{string_literal(name)}, {_EMPTY.get(kind) or f'{kind}(null)'})"


def bound_column(name: str, scope: Scope, target: MappedColumn, text: str | None = None) -> BoundColumn:
    """Return the column that a field is tested on: a visible column, or a member of it, as text where it is dynamic.

    Args:
        text: how to write the column; its name where not given.
    """
    text = text or bracket_name(name)
    if target.members:
        base = f"parse_json({text})" if target.parse else text
        path = "".join(f".{bracket_name(m)}" if not m.isdigit() else f"[{m}]" for m in target.members)
        return BoundColumn(f"tostring({base}{path})", "string", target.role)
    kind = scope.columns[name].type
    return BoundColumn(
        f"tostring({text})" if kind == "dynamic" else text, "string" if kind == "dynamic" else kind, target.role
    )
